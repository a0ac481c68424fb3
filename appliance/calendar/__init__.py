"""The working calendar: which days are worked, since which source, and what follows for deadlines."""
