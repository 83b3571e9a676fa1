"""``airflow hubspot-deals …``: what a person does by hand, and what scripts ask.

Every ``airflow`` command imports :mod:`~airflow_provider_hubspot_deals.cli.definition`, which therefore names the
commands and imports nothing that they need.
"""
