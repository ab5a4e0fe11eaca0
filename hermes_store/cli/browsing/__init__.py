"""The terminal picker: what it finds, its list, its page to read."""
