"""`./run demo`: the whole path, from simulated HubSpot accounts to deals in PostgreSQL, for a person to watch."""
