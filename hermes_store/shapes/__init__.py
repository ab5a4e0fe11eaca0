"""How items of other programs stand in messages, without importing those programs."""
