"""What a number tells by itself, without a network: whose it may be and where it is from."""
