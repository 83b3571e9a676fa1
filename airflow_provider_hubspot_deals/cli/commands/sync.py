"""``airflow hubspot-deals sync``."""

from __future__ import annotations

from argparse import Namespace

from airflow_provider_hubspot_deals.cli.calling import command
from airflow_provider_hubspot_deals.cli.exit_codes import WrongCallError
from airflow_provider_hubspot_deals.cli.run_request import RunRequest
from airflow_provider_hubspot_deals.cli.running import run
from airflow_provider_hubspot_deals.cli.targets import organization_named
from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.transfers.arguments import added_of


@command
def sync(arguments: Namespace) -> int:
    """Bring one organization's deals up to date, in this process."""
    _refuse_contradictions(arguments)
    request = RunRequest(
        mode=arguments.mode,
        window_start=arguments.window_start,
        window_end=arguments.window_end,
        additional_properties=_added(arguments),
    )
    organization = organization_named(arguments)
    return run(organization, request, file=arguments.file, output=arguments.output, is_verbose=arguments.verbose)


def _added(arguments: Namespace) -> tuple[str, ...]:
    try:
        return added_of(arguments.additional_properties)
    except ConfigurationError as error:
        raise WrongCallError(str(error).replace("additional_properties", "--additional-properties")) from None


def _refuse_contradictions(arguments: Namespace) -> None:
    start, end = arguments.window_start, arguments.window_end
    if arguments.mode == "window" and not (start or end):
        raise WrongCallError("--mode window needs --window-start, --window-end or both.")
    if arguments.mode != "window" and (start or end):
        raise WrongCallError("--window-start and --window-end need --mode window.")
    if start and end and end < start:
        raise WrongCallError("--window-end lies before --window-start.")
