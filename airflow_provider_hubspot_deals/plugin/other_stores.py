"""What other stores than the one that is shown have, asked seldom and briefly: one of them may be down."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.hooks.postgres import HURRIED
from airflow_provider_hubspot_deals.organizations.stores import Store
from airflow_provider_hubspot_deals.plugin.reading import PageUnavailableError, reading

KEPT_S = 60.0  # the page of every viewer asks each 10 s, and each would wait for a host that does not answer


@dataclass(frozen=True, slots=True)
class _Known:
    at: float  # monotonic
    dags: frozenset[str]


_known: dict[Store, _Known] = {}  # of this process


def dags_of_other_stores(stores: Sequence[Store], shown: Store) -> set[str]:
    """Of organizations that have run into another store, so that the shown one's table is not where they are missing.

    At most a minute old; of a store that does not answer, what it said last.
    """
    return {dag_id for store in stores if store != shown for dag_id in _dags_of(store)}


def forget() -> None:
    """Ask anew the next time."""
    _known.clear()


def _dags_of(store: Store) -> frozenset[str]:
    known = _known.get(store)
    if known is not None and monotonic() - known.at < KEPT_S:
        return known.dags
    dags = known.dags if known else frozenset()
    with suppress(PageUnavailableError), reading(store, **HURRIED) as connection:
        dags = frozenset(sql.column(connection, "board.known_dags", {}, schema=store.schema))
    _known[store] = _Known(monotonic(), dags)
    return dags
