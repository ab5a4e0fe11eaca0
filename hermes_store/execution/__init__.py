"""Who runs a query function, on which connection, in which transaction, and across forks."""
