"""Everything that says SQLite or PostgreSQL: addresses, engines, statements, errors of drivers."""
