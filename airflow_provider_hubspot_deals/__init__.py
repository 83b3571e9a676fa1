"""Airflow provider: a complete, correct copy of every organization's HubSpot deals in PostgreSQL."""

__version__ = "0.1.0"
