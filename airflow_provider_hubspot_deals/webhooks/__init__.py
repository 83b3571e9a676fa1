"""Webhooks as the Standard Webhooks specification 1.0 has them. Knows nothing of Airflow."""
