"""One module for each kind of work; each gives tables or the rows of one."""
