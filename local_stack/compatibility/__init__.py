"""`./run compatibility`: the wheel in other environments than ours, and what the tests say there."""
