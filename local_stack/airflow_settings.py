"""How the stack's Airflow is configured: everything through environment variables, nothing from the caller's own."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from local_stack.ports import LOOPBACK
from local_stack.postgres import write_secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

USER = "admin"
# Python without .pyc files starts Airflow three times slower; the rest would bend what Airflow or libpq do.
DROPPED_NAMES = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "DATABASE_URL")
DROPPED_PREFIXES = ("AIRFLOW", "HUBSPOT", "PG")


@dataclass(frozen=True, kw_only=True)
class AirflowSettings:
    """One Airflow on this machine."""

    home: Path  # AIRFLOW_HOME: logs, secrets, password
    database_url: str  # postgresql://… of its metadata
    port: int  # of the UI and the API, on 127.0.0.1
    dags_folder: Path
    parallelism: int = 4  # worker processes, each a few hundred MB
    extra_environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Address of the UI."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def password(self) -> str:
        """Of `USER`; the same from run to run."""
        passwords: dict[str, str] = json.loads(self.password_file.read_text())
        return passwords[USER]

    @property
    def password_file(self) -> Path:
        """Where Airflow's simple auth manager reads its users' passwords."""
        return self.home / "passwords.json"

    def write_secrets(self) -> None:
        """Make the password and the keys on first use. The keys stay: stored connections are encrypted with one."""
        self.home.mkdir(parents=True, exist_ok=True)
        if not self.password_file.exists():
            write_secret(self.password_file, json.dumps({USER: secrets.token_urlsafe(12)}))
        if not self._keys_file.exists():
            write_secret(self._keys_file, json.dumps(new_keys()))

    def environment(self) -> dict[str, str]:
        """The whole environment of every Airflow process."""
        inherited = {name: value for name, value in os.environ.items() if not is_dropped(name)}
        keys: dict[str, str] = json.loads(self._keys_file.read_text())
        return inherited | keys | self._options() | dict(self.extra_environment)

    @property
    def _keys_file(self) -> Path:
        return self.home / "keys.json"

    def _options(self) -> dict[str, str]:
        return {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__HOST": LOOPBACK,
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags_folder),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": str(self.parallelism),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.password_file),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",  # s until a new DAG file is seen
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": sqlalchemy_url(self.database_url, "psycopg2"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": sqlalchemy_url(self.database_url, "asyncpg"),
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",  # s; a person is waiting
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "NO_PROXY": f"{LOOPBACK},localhost",  # tasks reach the API server directly
            "no_proxy": f"{LOOPBACK},localhost",
        }


def new_keys() -> dict[str, str]:
    """The secrets that all Airflow processes share."""
    return {
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
        "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }


def is_dropped(name: str) -> bool:
    """Whether a variable of the caller must not reach Airflow."""
    return name in DROPPED_NAMES or name.startswith(DROPPED_PREFIXES)


def sqlalchemy_url(url: str, driver: str) -> str:
    """The same database with the driver named: SQLAlchemy 2.1 reads a plain `postgresql://` as psycopg 3."""
    return urlsplit(url)._replace(scheme=f"postgresql+{driver}").geturl()
