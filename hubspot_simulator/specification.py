"""What a portal is made from, in Python or in a TOML file."""

from __future__ import annotations

import tomllib
import uuid
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from pathlib import Path

AppKind = Literal["private_app", "oauth"]
Tier = Literal["starter", "professional", "enterprise"]
Region = Literal["na1", "eu1"]
AccountType = Literal["STANDARD", "SANDBOX", "DEVELOPER_TEST", "APP_DEVELOPER"]
Survivor = Literal["new", "primary"]

ALL_SCOPES = (
    "oauth",
    "crm.objects.deals.read",
    "crm.schemas.deals.read",
    "crm.objects.owners.read",
    "crm.objects.contacts.read",
    "crm.objects.companies.read",
    "crm.objects.line_items.read",
    "crm.objects.quotes.read",
    "tickets",
    "settings.currencies.read",
)
_CHOICES = {"app": AppKind, "tier": Tier, "region": Region, "account_type": AccountType, "merge_survivor": Survivor}
_NAMESPACE = uuid.UUID("6f0b7c3e-52d4-4b5a-9a3e-0d6c1f1f5f5e")


class SpecificationError(ValueError):
    """A portal's description is wrong; the message names the file, the portal and the key."""


@dataclass(frozen=True, kw_only=True)
class PortalSpec:
    """A portal. The same specification always makes the same portal."""

    portal_id: int
    name: str = ""
    deals: int = 100  # live ones
    archived: int | None = None  # in the recycle bin; None = one for every 50 live ones
    seed: int = 1
    token: str = ""  # "" = derived from portal_id and seed, as is the rest of the credentials
    scopes: tuple[str, ...] = ALL_SCOPES
    app: AppKind = "private_app"
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""
    rotate_refresh_token: bool = False  # each refresh answers with a new refresh token and ends the old one
    access_token_lifetime_s: int = 1800
    tier: Tier = "professional"  # decides the rate limits
    region: Region = "na1"
    time_zone: str = "US/Eastern"
    currency: str = "USD"
    additional_currencies: tuple[str, ...] = ()
    account_type: AccountType = "STANDARD"
    oddity_rate: float = 0.02  # share of deals with one of the oddities of oddities.py
    unstorable_text: bool = False  # let NUL and lone surrogates be among them
    extra_properties: int = 0  # further, mostly unset, custom properties, for wide portals
    merge_survivor: Survivor = "new"  # a merge mints a new id, or keeps the primary's
    restore_bumps_modified: bool = False  # whether a restore moves hs_lastmodifieddate is unknown
    unsorted_time_sorts: bool = False  # search sorted by a time comes slightly out of order
    search_lag_s: float = 0.0
    kept_records: int = (
        250_000  # whose JSON is kept, a kilobyte or more each; beyond them each is encoded when asked for
    )

    def __post_init__(self) -> None:
        for key, choice in _CHOICES.items():
            if getattr(self, key) not in get_args(choice):
                raise SpecificationError(f"portal {self.portal_id}: {key} must be one of {', '.join(get_args(choice))}")
        if self.deals < 0 or (self.archived or 0) < 0 or self.portal_id < 1:
            raise SpecificationError(f"portal {self.portal_id}: portal_id, deals and archived must not be negative")
        self._fill_in()

    def _fill_in(self) -> None:
        derived = {
            "name": f"Portal {self.portal_id}",
            "archived": self.deals // 50,
            "token": f"pat-{self.region}-{self._secret('token')}",
            "client_id": self._secret("client id"),
            "client_secret": self._secret("client secret"),
            "refresh_token": f"{self.region}-{self._secret('refresh token')}",
        }
        for key, value in derived.items():
            if getattr(self, key) in ("", None):
                object.__setattr__(self, key, value)  # the dataclass is frozen for everybody else

    def _secret(self, purpose: str) -> str:
        return str(uuid.uuid5(_NAMESPACE, f"{self.portal_id}/{self.seed}/{purpose}"))

    @property
    def archived_deals(self) -> int:
        return self.archived or 0

    @property
    def ui_domain(self) -> str:
        return "app.hubspot.com" if self.region == "na1" else f"app-{self.region}.hubspot.com"


def load_portals(path: Path, *, seed: int | None = None) -> tuple[PortalSpec, ...]:
    """Portals of a TOML file with one ``[[portals]]`` table each; its keys are the fields of `PortalSpec`.

    Raises:
        SpecificationError: unreadable TOML, an unknown key, a wrong type, the same portal or token twice.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("portals", [])
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SpecificationError(f"{path}: {error}") from error
    if not isinstance(tables, list) or not tables:
        raise SpecificationError(f"{path}: at least one [[portals]] table is needed")
    defaults = {} if seed is None else {"seed": seed}
    portals = tuple(_portal({**defaults, **table}, path) for table in tables)
    _refuse_duplicates(portals, path)
    return portals


def _portal(table: dict[str, Any], path: Path) -> PortalSpec:
    kinds = {field.name: type(field.default) for field in fields(PortalSpec)} | {"portal_id": int, "archived": int}
    where = f"{path}: portal {table.get('portal_id', '(without portal_id)')}"
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in kinds:
            raise SpecificationError(f"{where}: unknown key {key!r}; known are {', '.join(sorted(kinds))}")
        values[key] = _converted(value, kinds[key], f"{where}: {key}")
    if "portal_id" not in values:
        raise SpecificationError(f"{where}: portal_id is needed")
    try:
        return PortalSpec(**values)
    except SpecificationError as error:
        raise SpecificationError(f"{path}: {error}") from None


def _converted(value: object, kind: type, where: str) -> object:
    if kind is tuple and isinstance(value, list):
        return tuple(value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise SpecificationError(f"{where} must be {kind.__name__}, not {type(value).__name__}")
    return value


def _refuse_duplicates(portals: tuple[PortalSpec, ...], path: Path) -> None:
    for key in ("portal_id", "token", "refresh_token"):
        seen = [getattr(portal, key) for portal in portals]
        if len(set(seen)) != len(seen):
            raise SpecificationError(f"{path}: two portals have the same {key}")
