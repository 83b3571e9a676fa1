"""The page "HubSpot deals" in the Airflow UI. Import from the modules."""
