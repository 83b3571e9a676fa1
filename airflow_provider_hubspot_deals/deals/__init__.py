"""A HubSpot deal as JSON, and the same deal as a row. Pure: no clock, network, database or logging."""
