"""What a connection's token opens and may do, and what is left of its limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_hubspot_deals.exceptions import MissingScopeError
from airflow_provider_hubspot_deals.hooks.scopes import USUAL_ASSOCIATIONS, Need, needs

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
    from airflow_provider_hubspot_deals.deals.records import PortalFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What HubSpot says about a token."""

    portal: PortalFacts
    missing: tuple[Need, ...]  # what was asked for and is not granted
    are_scopes_told: bool  # else only a few requests were tried, and more may be missing
    daily_limit: int | None  # API calls of the account a day; None: HubSpot tells none
    daily_remaining: int | None
    burst: tuple[int, float]  # requests of this app in how many seconds

    def __str__(self) -> str:
        region, kind = self.portal.data_hosting_location or "unknown region", self.portal.account_type or "unknown type"
        account = f"Connected to HubSpot account {self.portal.portal_id} ({kind}, {region}); deals can be read."
        return f"{account} {self._scopes()} {self._limits()}"

    def _scopes(self) -> str:
        if self.missing:
            return f"Scopes missing: {', '.join(map(str, self.missing))}. Runs load the rest."
        return "No scope is missing." if self.are_scopes_told else "HubSpot does not tell this token's scopes."

    def _limits(self) -> str:
        requests, seconds = self.burst
        burst = f"{requests} requests in {seconds:g} s for this app"
        if self.daily_limit is None or self.daily_remaining is None:
            return f"Limits: {burst}, and none for the day."
        until = f", until midnight in {self.portal.time_zone}" if self.portal.time_zone else ""
        left = f"{self.daily_remaining:,} of {self.daily_limit:,} API calls are left today"
        return f"Limits: {left}, for all private apps of the account together{until}; {burst}."


def look_at(client: HubSpotClient, portal: PortalFacts, associations: Iterable[str] = USUAL_ASSOCIATIONS) -> Access:
    """Try to read a deal, ask what the token may do, and take the limits from the answers: three or five requests.

    Raises:
        MissingScopeError: deals cannot be read.
        HubSpotDealsError: whatever else a request may end with.
    """
    _essential, *wanted = needs(associations, has_exchange_rates=bool(portal.additional_currencies))
    refusal = _refusal_of_deals(client)
    granted = client.granted_scopes()
    missing = _refused(client, wanted) if granted is None else [need for need in wanted if not need.is_met_by(granted)]
    if refusal is not None:
        raise _with_the_others(refusal, missing)
    return Access(
        portal=portal,
        missing=tuple(missing),
        are_scopes_told=granted is not None,
        daily_limit=client.usage.daily_limit,
        daily_remaining=client.usage.daily_remaining,
        burst=client.burst_limit,
    )


def _refusal_of_deals(client: HubSpotClient) -> MissingScopeError | None:
    """None when deals can be read: the request decides, whatever the scope is called in an app of old."""
    try:
        client.list_deals(properties=["hs_object_id"], limit=1)
    except MissingScopeError as error:
        return error
    return None


def _with_the_others(refusal: MissingScopeError, missing: Sequence[Need]) -> MissingScopeError:
    """All at once: a person should have to edit the app's scopes only one time."""
    if not missing:
        return refusal
    others = f"Missing as well: {', '.join(map(str, missing))}"
    return MissingScopeError(f"{refusal}. {others}.", status_code=refusal.status_code, category=refusal.category)


# Requests that show whether a scope is there when HubSpot does not name the scopes of a token.
_TRIALS: dict[str, Callable[[HubSpotClient], object]] = {
    "crm.schemas.deals.read": lambda client: client.pipelines(),
    "crm.objects.owners.read": lambda client: next(client.owners(), None),
}


def _refused(client: HubSpotClient, wanted: Iterable[Need]) -> list[Need]:
    return [need for need in wanted if need.any_of[0] in _TRIALS and _is_refused(client, need)]


def _is_refused(client: HubSpotClient, need: Need) -> bool:
    try:
        _TRIALS[need.any_of[0]](client)
    except MissingScopeError:
        return True
    return False
