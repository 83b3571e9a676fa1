"""What is measured: each program runs in a process of its own, in its own environment, and reads one order file.

Those of peers are started with the peer's interpreter and see nothing of this repository but this folder.
"""
