"""What other programs wrote, read into a store: a program a file or two."""
