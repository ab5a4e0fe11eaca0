"""Reports of usage as charts and as CSV, for the command and for pages."""
