"""HubSpot over HTTP: credentials, rate limits, retries, strict answers. Import from the modules."""
