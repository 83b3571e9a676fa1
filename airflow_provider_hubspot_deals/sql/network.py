"""How long a session waits for a PostgreSQL host that has vanished: libpq by itself waits for ever."""

PATIENCE = {
    "connect_timeout": 10,  # seconds
    "keepalives_idle": 30,  # seconds of silence before the first probe
    "keepalives_interval": 10,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds without an acknowledgement
}
"""Parameters of libpq, which those of a connection or a URL go before."""
