"""Calls from the first ring to the last word: call, queue, agents' seats and the process that runs them."""
