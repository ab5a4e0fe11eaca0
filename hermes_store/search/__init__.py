"""Full-text search: what is typed, what is indexed, and how the index is kept whole."""
