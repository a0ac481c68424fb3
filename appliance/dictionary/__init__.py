"""What people maintain: units, categories, pick-lists, parameters; entries of kinds, folded from events."""
