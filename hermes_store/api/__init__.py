"""The methods that callers use, a mixin a topic."""
