"""Open311 GeoReport v2: systems outside report matters and follow them, as the published standard says."""
