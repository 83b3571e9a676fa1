"""Operators that work inside PostgreSQL alone. Import from the modules."""
