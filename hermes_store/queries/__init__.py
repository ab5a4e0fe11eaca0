"""Functions on an open connection, a topic a file. No transaction begins or ends here."""
