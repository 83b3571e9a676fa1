"""Airflow hooks. Import from the modules."""
