"""Airflow notifiers. Import from the modules."""
