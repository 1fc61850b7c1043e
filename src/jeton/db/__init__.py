"""PostgreSQL, embedded or given: connections, migrations, group commit. Knows no domain."""
