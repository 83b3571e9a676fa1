"""Waiting for HubSpot without a worker. Import from the modules."""
