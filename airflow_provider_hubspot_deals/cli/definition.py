"""The commands of ``airflow hubspot-deals``, for Airflow to find. What they do is imported when one is called."""

from __future__ import annotations

from typing import Any

from airflow.cli.cli_config import ActionCommand, Arg, CLICommand, GroupCommand, lazy_load_command

from airflow_provider_hubspot_deals.cli import arguments
from airflow_provider_hubspot_deals.cli.exit_codes import EXPLAINED

GROUP = "hubspot-deals"
_COMMANDS = "airflow_provider_hubspot_deals.cli.commands"


def _arg(*flags: str, **settings: Any) -> Arg:  # noqa: ANN401 - argparse's
    return Arg(flags, **settings)  # type: ignore[no-untyped-call]  # Airflow's


_FILE = _arg(
    "-f",
    "--file",
    metavar="FILE",
    help="organizations file (default: that of the variable HUBSPOT_DEALS_ORGANIZATIONS, else organizations.toml among "
    "the DAGs)",
)
_FOLDER = _arg("--folder", metavar="DIR", help="folder of the DAG files (default: Airflow's DAGs folder)")
_OUTPUT = _arg(
    "-o", "--output", choices=("table", "json"), default="table", help="for people, or for scripts (default: table)"
)
_POSTGRES = _arg(
    "--postgres-conn-id",
    metavar="CONN_ID",
    help="only through this Airflow connection (default: every one that the organizations file names)",
)
_SCHEMA = _arg("--schema", help="only this PostgreSQL schema (default: every one that the organizations file names)")
_WHERE = (_FILE, _POSTGRES, _SCHEMA)
_ORGANIZATION = _arg("organization", metavar="ORG", help="short name of the organization")
_ANY_ORGANIZATION = _arg("organization", metavar="ORG", nargs="?", help="short name (default: every organization)")
_TYPE = _arg("--type", help="which of the organization's portals, such as sandbox (default: standard)")
_ANY_TYPE = _arg("--type", help="only this type of portal, such as sandbox (default: every type)")
_JOB = _arg("job_id", metavar="ID", type=arguments.job_id, help="id of the job")
_VERBOSE = _arg("-v", "--verbose", action="store_true", help="show the log")
_LIMIT = _arg("--limit", type=arguments.row_limit, default=20, metavar="N", help="at most so many rows (default: 20)")

_STATUS_HELP = "only jobs with this status (default: with any)"
_MODE_HELP = (
    "what to read (default: auto)\n"
    "auto: everything when that is due, else what changed\n"
    "full: everything\n"
    "incremental: what changed, even when everything is due\n"
    "window: what was modified between two times"
)
_TIME_HELP = (
    "this time, with mode window; such as 2026-11-21T08:00:00Z, in UTC when it names no zone (default: no limit)"
)


def get_commands() -> list[CLICommand]:
    """The group ``hubspot-deals``."""
    return [
        _group(
            GROUP,
            "HubSpot deals in PostgreSQL: set up, check, sync, look at jobs",
            *(_check(), _dag_files(), _jobs(), _maintenance(), _migrate(), _organizations(), _quarantine(), _sync()),
        )
    ]


def _check() -> ActionCommand:
    connect = _arg("--connect", action="store_true", help="also ask HubSpot and PostgreSQL through each connection")
    schema = _arg("--schema", action="store_true", help="print the JSON Schema of the file, for editors, and end")
    summary = "Explain every mistake of the organizations file, every connection and every DAG that is missing"
    return _action("check", summary, "checking.check", _FILE, _FOLDER, connect, schema, _OUTPUT)


def _dag_files() -> ActionCommand:
    number = _arg("number", metavar="N", type=arguments.dag_file_count, help="how many DAG files; 1 for a single one")
    summary = "Write the DAG files that share the organizations of the file"
    return _action("dag-files", summary, "dag_files.write", number, _FOLDER, _OUTPUT)


def _organizations() -> ActionCommand:
    state = _arg("--state", action="store_true", help="also how fresh each is, from PostgreSQL")
    summary = "List the organizations of the file"
    return _action("organizations", summary, "organizations.list_organizations", state, _FILE, _OUTPUT)


def _migrate() -> ActionCommand:
    check = _arg("--check", action="store_true", help="change nothing: is the schema up to date and closed to others?")
    return _action("migrate", "Create or upgrade the tables", "migrate.migrate", check, _OUTPUT, *_WHERE)


def _jobs() -> GroupCommand:
    status = _arg("--status", choices=("pending", "running", "completed", "failed", "cancelled"), help=_STATUS_HELP)
    listed = (_ANY_ORGANIZATION, _ANY_TYPE, status, _LIMIT, _OUTPUT, *_WHERE)
    one = (_JOB, _OUTPUT, *_WHERE)
    return _group(
        "jobs",
        "Look at jobs, cancel and retry them",
        _action("list", "Newest jobs first", "jobs.list_jobs", *listed),
        _action("show", "One job, and what happened to it", "jobs.show", *one),
        _action("cancel", "Cancel a job at its next batch; what was committed stays", "jobs.cancel", *one),
        _action("retry", "Do here what a failed or cancelled job was to do", "jobs.retry", *one, _VERBOSE),
    )


def _sync() -> ActionCommand:
    mode = _arg("--mode", choices=("auto", "full", "incremental", "window"), default="auto", help=_MODE_HELP)
    start = _arg("--window-start", type=arguments.moment, metavar="TIME", help=f"modified at or after {_TIME_HELP}")
    end = _arg("--window-end", type=arguments.moment, metavar="TIME", help=f"modified at or before {_TIME_HELP}")
    added = _arg(
        "--additional-properties",
        metavar="NAMES",
        help="read in this run besides the organization's properties: names and patterns with commas between them, or "
        "all (default: none)",
    )
    summary = "Bring one organization's deals up to date, in this process and without a scheduler"
    of_this_run = (mode, start, end, added)
    return _action("sync", summary, "sync.sync", _ORGANIZATION, _TYPE, *of_this_run, _FILE, _OUTPUT, _VERBOSE)


def _quarantine() -> GroupCommand:
    reason = _arg("--reason", metavar="CODE", help="only records with this reason code")
    resolved = _arg("--resolved", action="store_true", help="also records that were resolved since")
    listed = (_ANY_ORGANIZATION, _ANY_TYPE, reason, resolved, _LIMIT, _OUTPUT, *_WHERE)
    return _group(
        "quarantine",
        "Records that could not be stored",
        _action("list", "Latest first, without their content", "quarantine.list_records", *listed),
        _action(
            "requeue",
            "Have the next run ask HubSpot for them anew",
            "quarantine.requeue",
            *(_ORGANIZATION, _TYPE, reason, _FILE, _OUTPUT),
        ),
    )


def _maintenance() -> ActionCommand:
    months = _arg("--events-months", default=13, metavar="N", help="months of the audit trail to keep (default: 13)")
    return _action("maintenance", "Do what the maintenance DAG does", "maintenance.maintain", months, _OUTPUT, *_WHERE)


def _action(name: str, help_: str, function: str, *args: Arg) -> ActionCommand:
    return ActionCommand(
        name=name, help=help_, func=lazy_load_command(f"{_COMMANDS}.{function}"), args=args, epilog=EXPLAINED
    )


def _group(name: str, help_: str, *subcommands: CLICommand) -> GroupCommand:
    return GroupCommand(name=name, help=help_, subcommands=subcommands, epilog=EXPLAINED)
