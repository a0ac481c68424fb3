"""Who belongs to the network of boxes: the hub's certificate authority, and how a site joins."""
