"""The API for other programs: one table of endpoints, from which routes, checks and description come."""
