"""The subcommands of `hotline`, one file a subject."""
