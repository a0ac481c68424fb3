"""Tickets (工单): the workflow table, the fold of a ticket's events, numbers, and the desk people work at."""
