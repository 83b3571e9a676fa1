"""The control API under ``/_control/``: what tests and the demo do to portals over HTTP."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from hubspot_simulator.access_log import as_json
from hubspot_simulator.encoding import to_json
from hubspot_simulator.faults import FaultRule, MutationRule, RuleError, rule_from_json
from hubspot_simulator.mutations import mutate
from hubspot_simulator.portal import UnknownDealError
from hubspot_simulator.rate_limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from hubspot_simulator.accounts import Account
    from hubspot_simulator.server import SimulatorServer


class ControlApi:
    """Handlers; each takes the request's path parameters and JSON body, and returns something for JSON."""

    def __init__(self, server: SimulatorServer) -> None:
        self._server = server

    def health(self, _: dict[str, Any], __: Any) -> dict[str, Any]:  # noqa: ANN401 - a JSON body
        """Also what a benchmark wants to know of this process."""
        counts = self._server.application.log.counts
        return {
            "status": "ok",
            "pid": os.getpid(),
            "process_time_s": time.process_time(),
            "requests": sum(counts.values()),
            "requests_by_endpoint": dict(counts),
        }

    def portals(self, _: dict[str, Any], __: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a JSON body
        return [_summary(account) for account in self._server.accounts.by_portal_id.values()]

    def portal(self, path: dict[str, Any], _: Any) -> dict[str, Any]:  # noqa: ANN401 - a JSON body
        return _summary(self._account(path))

    def mutate(self, path: dict[str, Any], body: dict[str, int]) -> dict[str, list[Any]]:
        return mutate(self._account(path).portal, **body)

    def create(self, path: dict[str, Any], body: dict[str, Any]) -> dict[str, int]:
        return {"id": self._account(path).portal.create_deal(body["properties"])}

    def edit(self, path: dict[str, Any], body: dict[str, Any]) -> None:
        self._account(path).portal.edit_deal(path["deal_id"], body["properties"])

    def recalculate(self, path: dict[str, Any], body: dict[str, Any]) -> None:
        self._account(path).portal.recalculate_deal(path["deal_id"], body["properties"])

    def archive(self, path: dict[str, Any], _: Any) -> None:  # noqa: ANN401 - a JSON body
        self._account(path).portal.archive_deal(path["deal_id"])

    def restore(self, path: dict[str, Any], _: Any) -> None:  # noqa: ANN401 - a JSON body
        self._account(path).portal.restore_deal(path["deal_id"])

    def purge(self, path: dict[str, Any], _: Any) -> None:  # noqa: ANN401 - a JSON body
        self._account(path).portal.purge_deal(path["deal_id"])

    def merge(self, path: dict[str, Any], body: dict[str, int]) -> dict[str, int]:
        return {"survivor": self._account(path).portal.merge_deals(body["primary"], body["other"])}

    def deals(self, path: dict[str, Any], _: Any) -> dict[str, Any]:  # noqa: ANN401 - a JSON body
        """The truth: everything at once."""
        portal = self._account(path).portal
        snapshots: dict[str, Mapping[int, Any]] = {
            "live": portal.live_deals(),
            "archived": portal.archived_deals(),
            "merged": portal.merged_deals(),
        }
        return {name: {str(key): value for key, value in each.items()} for name, each in snapshots.items()}

    def set_search_lag(self, path: dict[str, Any], body: dict[str, float]) -> None:
        self._account(path).portal.set_search_lag(body["seconds"], jitter_s=body.get("jitter_s", 0.0))

    def set_limits(self, path: dict[str, Any], body: dict[str, int]) -> None:
        self._account(path).set_limits(Limits(**body))

    def shift_clock(self, _: dict[str, Any], body: dict[str, float]) -> dict[str, int]:
        self._server.clock.shift(body["seconds"])
        return {"now_ms": self._server.clock.now_ms()}

    def set_latency(self, _: dict[str, Any], body: dict[str, float]) -> None:
        self._server.application.latency_ms = body["ms"]

    def requests(self, _: dict[str, Any], __: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a JSON body
        return as_json(self._server.requests)

    def forget_requests(self, _: dict[str, Any], __: Any) -> None:  # noqa: ANN401 - a JSON body
        self._server.application.log.clear()

    def rules(self, _: dict[str, Any], __: Any) -> dict[str, Any]:  # noqa: ANN401 - a JSON body
        plan = self._server.application.plan
        return {"faults": list(map(asdict, plan.faults)), "mutations": list(map(asdict, plan.mutations))}

    def add_fault(self, _: dict[str, Any], body: dict[str, Any]) -> None:
        self._server.add_fault(rule_from_json(FaultRule, body))

    def add_mutation(self, _: dict[str, Any], body: dict[str, Any]) -> None:
        self._server.add_fault(rule_from_json(MutationRule, body))

    def forget_rules(self, _: dict[str, Any], __: Any) -> None:  # noqa: ANN401 - a JSON body
        self._server.application.plan.clear()

    def _account(self, path: dict[str, Any]) -> Account:
        return self._server.account(path["portal_id"])


def control_application(server: SimulatorServer) -> Starlette:
    """Routes of the control API."""
    api = ControlApi(server)
    portal, deal = "/_control/portals/{portal_id:int}", "/_control/portals/{portal_id:int}/deals/{deal_id:int}"
    table: list[tuple[str, str, Callable[..., Any]]] = [
        ("GET", "/_control/health", api.health),
        ("GET", "/_control/portals", api.portals),
        ("GET", portal, api.portal),
        ("POST", f"{portal}/mutate", api.mutate),
        ("POST", f"{portal}/merge", api.merge),
        ("POST", f"{portal}/search-lag", api.set_search_lag),
        ("POST", f"{portal}/limits", api.set_limits),
        ("GET", f"{portal}/deals", api.deals),
        ("POST", f"{portal}/deals", api.create),
        ("PATCH", deal, api.edit),
        ("DELETE", deal, api.purge),
        ("POST", f"{deal}/archive", api.archive),
        ("POST", f"{deal}/restore", api.restore),
        ("POST", f"{deal}/recalculate", api.recalculate),
        ("POST", "/_control/clock", api.shift_clock),
        ("POST", "/_control/latency", api.set_latency),
        ("GET", "/_control/requests", api.requests),
        ("DELETE", "/_control/requests", api.forget_requests),
        ("GET", "/_control/rules", api.rules),
        ("DELETE", "/_control/rules", api.forget_rules),
        ("POST", "/_control/faults", api.add_fault),
        ("POST", "/_control/mutations", api.add_mutation),
    ]
    return Starlette(routes=[Route(path, _endpoint(handler), methods=[method]) for method, path, handler in table])


def _endpoint(handler: Callable[..., Any]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        body = await request.json() if await request.body() else {}
        try:
            result = handler(request.path_params, body)
        except UnknownDealError as error:
            return _json({"error": str(error)}, 404)
        except KeyError as error:
            return _json({"error": f"missing or unknown: {error}"}, 404)
        except (RuleError, TypeError, ValueError) as error:
            return _json({"error": str(error)}, 400)
        return _json(result)

    return endpoint


def _json(result: object, status: int = 200) -> Response:
    return Response(to_json(result), status, media_type="application/json")


def _summary(account: Account) -> dict[str, Any]:
    spec, portal = account.spec, account.portal
    return {
        "portal_id": spec.portal_id,
        "name": spec.name,
        "account_type": spec.account_type,
        "region": spec.region,
        "live": portal.store.count(archived=False),
        "archived": portal.store.count(archived=True),
        "merged_away": len(portal.store.merged_into),
        "calls_today": account.usage.calls_today,
    }
