"""Operators that move deals from HubSpot to PostgreSQL. Import from the modules."""
