"""Which pages to read, in which order, and from where to go on: everything about reading but HTTP itself."""
