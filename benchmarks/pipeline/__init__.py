"""The whole way from HubSpot's pages to PostgreSQL's rows: ours, the peers and the floor, on the same pages."""
