"""The whole product, played by itself with real parts: `make demo`."""
