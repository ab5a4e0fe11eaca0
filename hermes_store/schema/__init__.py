"""What schema a database has, and how it comes to the newest one."""
