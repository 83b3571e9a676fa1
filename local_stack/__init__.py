"""What `./run` brings up on one machine: PostgreSQL, the HubSpot simulator, Airflow, and the demo on top of them.

Not part of the distribution. Everything binds to 127.0.0.1 and ends with the process that started it.
"""
