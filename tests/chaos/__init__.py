"""Boxes, a hub and a broker as real processes in network namespaces, killed and cut off at random."""
