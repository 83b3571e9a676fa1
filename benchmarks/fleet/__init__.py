"""What many organizations cost an Airflow."""
