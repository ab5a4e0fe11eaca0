"""How much of what people look for is found: messages, queries, and a table of recall."""
