"""The box: events and journal, calls, queue, recordings, tickets, store, configuration and the command."""
