"""What the revisions make, written down for people: `docs/schema.sql` and the generated parts of `docs/database.md`."""
