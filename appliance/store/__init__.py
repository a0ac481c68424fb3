"""The store: the event log in SQLite, what is shown folded from it, and the streams to peers."""
