"""Whole networks of boxes in virtual time: scene, disk, box, world, what must hold, and shrinking."""
