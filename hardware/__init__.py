"""Lines and sound: what touches the telephone network. Imports nothing else of ours."""
