"""How much of what people look for is found: a set of messages and queries, and a table of recall."""
