"""A server of the Model Context Protocol: agents search and read a store. Needs the extra `mcp`."""
