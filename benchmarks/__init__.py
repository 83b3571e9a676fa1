"""Measurements behind the figures in docs/: `./run bench`. Not in the wheel."""
