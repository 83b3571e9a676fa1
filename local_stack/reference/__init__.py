"""`./run reference`: docs/reference.md, from signatures, docstrings, the settings' schema and the errors' advice."""
