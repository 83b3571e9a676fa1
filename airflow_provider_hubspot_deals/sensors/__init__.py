"""Sensors. Import from the modules."""
