"""Portals as the API sees them: with apps, tokens, scopes and limits."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubspot_simulator.portal import Portal
from hubspot_simulator.rate_limits import AccountUsage, AppLimiter, Limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubspot_simulator.clock import Clock
    from hubspot_simulator.specification import AppKind, PortalSpec


@dataclass(slots=True)
class App:
    """An installed app: what it may do, and how often."""

    app_id: int
    kind: AppKind
    scopes: frozenset[str]
    limiter: AppLimiter


@dataclass(slots=True)
class Grant:
    """What a bearer token stands for."""

    account: Account
    app: App
    expires_ms: int | None = None


class Account:
    """A portal and what belongs to its subscription."""

    def __init__(self, spec: PortalSpec, clock: Clock, *, rate_limits: bool) -> None:
        self._clock = clock
        self.portal = Portal(spec, clock)
        self.now_ms = clock.now_ms
        self.spec = spec
        self.usage = AccountUsage(spec.time_zone, clock)
        self.limits = Limits.of(spec.app, spec.tier) if rate_limits else Limits.unlimited()
        self.refresh_token = spec.refresh_token
        self.app = self._install(spec.app, spec.scopes)

    def renew_portal(self) -> Portal:
        """The portal as it was generated, whatever people did to it."""
        self.portal = Portal(self.spec, self._clock)
        return self.portal

    def set_limits(self, limits: Limits) -> None:
        """For the account's first app, from the next request on."""
        self.limits = self.app.limiter.limits = limits

    def _install(self, kind: AppKind, scopes: Iterable[str]) -> App:
        app_id = 26_000_000 + self.spec.portal_id % 1_000_000
        return App(app_id, kind, frozenset(scopes), AppLimiter(self.limits, self.usage))

    def another_app(self, scopes: Iterable[str]) -> App:
        """A second private app, with scopes and a burst limit of its own."""
        app = self._install("private_app", scopes)
        app.app_id += uuid.uuid4().int % 1_000_000
        return app


class Accounts:
    """All accounts of a server, and the tokens that open them."""

    def __init__(self, specs: Iterable[PortalSpec], clock: Clock, *, rate_limits: bool) -> None:
        self._clock = clock
        self.by_portal_id = {spec.portal_id: Account(spec, clock, rate_limits=rate_limits) for spec in specs}
        self._grants: dict[str, Grant] = {}
        for account in self.by_portal_id.values():
            if account.spec.app == "private_app":
                self._grants[account.spec.token] = Grant(account, account.app)

    def grant(self, token: str) -> Grant | None:
        return self._grants.get(token)

    def issue_token(self, account: Account) -> str:
        """A new OAuth access token; earlier ones stay valid until they expire."""
        token = f"C{uuid.uuid4().hex}{uuid.uuid4().hex}"
        expires_ms = self._clock.now_ms() + account.spec.access_token_lifetime_s * 1000
        self._grants[token] = Grant(account, account.app, expires_ms)
        return token

    def add_token(self, portal_id: int, token: str, scopes: Iterable[str]) -> None:
        """A further private app of the portal, with this token."""
        account = self.by_portal_id[portal_id]
        self._grants[token] = Grant(account, account.another_app(scopes))

    def revoke_token(self, token: str) -> None:
        self._grants.pop(token, None)

    def expire_access_tokens(self, portal_id: int) -> None:
        """Every OAuth access token of the portal has expired a moment ago."""
        for grant in self._grants.values():
            if grant.account.spec.portal_id == portal_id and grant.expires_ms is not None:
                grant.expires_ms = self._clock.now_ms() - 1000

    def move_token(self, token: str, portal_id: int) -> None:
        """The token now opens another portal, as after a mix-up of credentials."""
        account = self.by_portal_id[portal_id]
        self._grants[token] = Grant(account, account.app)
