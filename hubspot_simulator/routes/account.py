"""Account details and API usage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hubspot_simulator.clock import iso_from_ms
from hubspot_simulator.encoding import to_json
from hubspot_simulator.exchange import Answer

if TYPE_CHECKING:
    from hubspot_simulator.exchange import Caller, Request


def details(_request: Request, caller: Caller) -> Answer:
    spec = caller.account.spec
    now = datetime.fromtimestamp(caller.account.now_ms() / 1000, UTC).astimezone(ZoneInfo(spec.time_zone))
    offset = now.utcoffset() or timedelta()
    return Answer(
        200,
        to_json(
            {
                "portalId": spec.portal_id,
                "accountType": spec.account_type,
                "timeZone": spec.time_zone,
                "companyCurrency": spec.currency,
                "additionalCurrencies": list(spec.additional_currencies),
                "utcOffset": now.isoformat()[-6:],
                "utcOffsetMilliseconds": round(offset.total_seconds() * 1000),
                "uiDomain": spec.ui_domain,
                "dataHostingLocation": spec.region,
            }
        ),
    )


def daily_usage(_request: Request, caller: Caller) -> Answer:
    """The total of all private apps of the account. ``resetsAt`` is the account's next midnight."""
    account = caller.account
    usage = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": account.limits.daily,
        "currentUsage": account.usage.calls_today,
        "collectedAt": iso_from_ms(account.now_ms()),
        "fetchStatus": "SUCCESS",
        "resetsAt": iso_from_ms(account.usage.resets_at_ms()),
    }
    return Answer(200, to_json({"results": [usage] if account.limits.daily is not None else []}))
