"""The database schema as Alembic revisions, and what the rest of the package asks of it.

Looking never writes: ``current`` and ``check`` only read. ``upgrade`` and ``downgrade`` change the schema under an
advisory lock, so that two migrators wait for each other instead of colliding. An upgrade of a schema that exists is one
transaction for each revision: what fails leaves the schema at the revision before, whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from io import StringIO
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import Connection, sql

from airflow_provider_hubspot_deals import sql as statements
from airflow_provider_hubspot_deals.exceptions import ConfigurationError, SchemaError
from airflow_provider_hubspot_deals.migrations.database import Database, database_errors, opener_of
from airflow_provider_hubspot_deals.migrations.leaf_layout import lay_out_leaves
from airflow_provider_hubspot_deals.migrations.security import missing_privileges, protect_tables, security_findings
from airflow_provider_hubspot_deals.migrations.steps import Step, upgrade_steps
from airflow_provider_hubspot_deals.organizations.organization import SCHEMA_PATTERN

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = [
    "HEAD",
    "UPGRADE_COMMAND",
    "VERSION_TABLE",
    "check",
    "check_schema_name",
    "current",
    "downgrade",
    "missing_privileges",
    "security_findings",
    "upgrade",
    "upgrade_sql",
]

HEAD = "0019"  # the newest revision in versions/; a test compares the two
VERSION_TABLE = "schema_version"
PACKAGE = "airflow-provider-hubspot-deals"
UPGRADE_COMMAND = "python -m airflow_provider_hubspot_deals.migrations upgrade --database-url postgresql://…"


def upgrade(database: Database, schema: str = "hubspot", revision: str = "head") -> None:
    """Bring ``schema`` to ``revision`` and complete every table of deals; does nothing when all that is done already.

    Raises:
        ConfigurationError: ``schema`` is no plain lower-case identifier, or the URL is malformed.
        SchemaError: this package does not know ``revision``, or the one that ``schema`` is at; the database is not
            UTF-8; or PostgreSQL refuses.
        DatabaseUnavailableError: PostgreSQL is not there, or busy.
    """
    config, connect = _config(schema), opener_of(database)
    with _refusals(connect, schema, revision):
        with closing(connect()) as connection:
            _check_encoding(connection)
            found = current(connection, schema)
        for step in upgrade_steps(config, found, revision):
            _run("upgrade", config, connect, step)
        with database_errors(f"Row-level security of schema {schema!r} is not complete"):
            protect_tables(database, schema)
        with database_errors(f"Not every table of deals in schema {schema!r} has its storage settings and index yet"):
            lay_out_leaves(database, schema)


def downgrade(database: Database, schema: str, revision: str) -> None:
    """Take ``schema`` back to ``revision`` (``base`` removes everything, deals included)."""
    config, connect = _config(schema), opener_of(database)
    with _refusals(connect, schema, revision):
        _run("downgrade", config, connect, Step(revision))


def upgrade_sql(schema: str = "hubspot", revision: str = "head") -> str:
    """The statements of ``upgrade`` as one script; needs no database.

    Args:
        revision: where to, or ``from:to`` for a schema that exists already.

    Raises:
        ConfigurationError: ``schema`` is no plain lower-case identifier.
        SchemaError: this package does not know ``revision``.
    """
    from alembic import command

    config = _config(schema)
    config.output_buffer = StringIO()
    with _alembic_errors(schema, revision):
        command.upgrade(config, revision, sql=True)
    return config.output_buffer.getvalue()


def current(connection: Connection[Any], schema: str = "hubspot") -> str | None:
    """The revision that ``schema`` is at, or None when it was never migrated."""
    with statements.transaction(connection):
        table = connection.execute("SELECT to_regclass(%s)", [f"{check_schema_name(schema)}.{VERSION_TABLE}"])
        if table.fetchone() == (None,):
            return None
        version = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(schema, VERSION_TABLE))
        row = connection.execute(version).fetchone()
        return str(row[0]) if row else None


def check(connection: Connection[Any], schema: str = "hubspot") -> None:
    """Say what to run unless ``schema`` is exactly at the revision that this package writes.

    Raises:
        SchemaError: the schema is missing, behind or ahead, or the database is not UTF-8.
    """
    _check_encoding(connection)
    found = current(connection, schema)
    if found is None:
        raise SchemaError(f"Schema {schema!r} has no HubSpot deals tables yet. Run: {UPGRADE_COMMAND}")
    if found != HEAD:
        if found > HEAD:
            raise newer_than_package(schema, found)
        raise SchemaError(
            f"Schema {schema!r} is at revision {found}, behind the revision {HEAD} of the installed package. "
            f"Run: {UPGRADE_COMMAND}"
        )


def _check_encoding(connection: Connection[Any]) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise SchemaError(
            f"The database is encoded as {encoding}; deals need UTF8. Create a database with ENCODING 'UTF8'."
        )


def newer_than_package(schema: str, found: str) -> SchemaError:
    """What to raise when another release of this package has migrated ``schema`` further than this one can."""
    return SchemaError(
        f"Schema {schema!r} is at revision {found}, ahead of {HEAD}, the newest that the installed package knows: the "
        f"package is older than the schema. Install the release that migrated it, or a newer one: "
        f"pip install --upgrade {PACKAGE}"
    )


def check_schema_name(schema: str) -> str:
    """Return ``schema`` if it is a plain lower-case identifier, whose quoted and unquoted spelling mean the same."""
    if not re.fullmatch(SCHEMA_PATTERN, schema):
        raise ConfigurationError(
            f"Schema name {schema!r} must be lower-case letters, digits and underscores, and not begin with pg_."
        )
    return schema


def _run(name: str, config: Config, connect: Callable[[], Connection[Any]], step: Step) -> None:
    from alembic import command  # 0.3 s of imports that a task which only checks need not pay

    config.attributes["connect"] = connect
    config.attributes["locks"] = step.locks
    getattr(command, name)(config, step.revision)


def _config(schema: str) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "airflow_provider_hubspot_deals:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["schema"] = check_schema_name(schema)
    return config


@contextmanager
def _refusals(connect: Callable[[], Connection[Any]], schema: str, revision: str) -> Iterator[None]:
    doing = f"Schema {schema!r} could not be taken to revision {revision!r}"
    with _alembic_errors(schema, revision), database_errors(doing, advice=lambda: _missing(connect, schema)):
        yield


@contextmanager
def _alembic_errors(schema: str, revision: str) -> Iterator[None]:
    from alembic.util import CommandError

    try:
        yield
    except CommandError as error:  # a revision that this package does not have
        raise SchemaError(f"Schema {schema!r} cannot be taken to revision {revision!r}: {error}.") from error


def _missing(connect: Callable[[], Connection[Any]], schema: str) -> str:
    """A sentence on the privileges that migrating lacks; empty when that cannot be said."""
    try:
        with closing(connect()) as connection:
            lacking = statements.column(connection, "migrations.missing_to_migrate", {"schema": schema})
    except psycopg.Error:
        return ""
    return f"Missing: {'; '.join(lacking)}." if lacking else ""
