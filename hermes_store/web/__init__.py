"""The page: conversations in a browser, read-only, on this machine. Needs the extra `web`."""
