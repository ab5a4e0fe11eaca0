"""Programs that are measured in a process of their own; each prints its figures as JSON."""
