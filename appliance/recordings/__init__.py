"""Recordings one can rely on: verified against the log, kept as long as needed, archived, exported."""
