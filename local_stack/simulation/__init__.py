"""`./run simulate`: organizations, portals and workers that fail in every way, and SQL that looks at what is left."""
