"""A stream carried by hand: the same frames as on the wire, in a sealed and signed file on a stick."""
