"""Which organizations have their DAGs in which of several DAG files."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_hubspot_deals.organizations import Organization

# Airflow gives the import of a DAG file 30 s (dagbag_import_timeout), and 50 s to all that it does with it; an
# organization takes 13 ms of them on two free cores (`./run bench fleet`), and several times that on a busy machine.
ORGANIZATIONS_MAX = 500
ORGANIZATIONS_MANY = 450  # from which on somebody should know of the former


@dataclass(frozen=True, slots=True)
class Part:
    """One of several DAG files that share the organizations of one file."""

    number: int  # from 1 on
    of: int

    @property
    def is_first(self) -> bool:
        return self.number == 1

    @property
    def exists(self) -> bool:
        return 1 <= self.number <= self.of

    def has(self, dag_id: str) -> bool:
        """Whether it is this part's; of the other organizations it makes no difference."""
        return int.from_bytes(sha256(dag_id.encode()).digest()[:8]) % self.of == self.number - 1

    def share(self, organizations: Iterable[Organization]) -> Share:
        """What of the organizations is this part's."""
        ours = tuple(each for each in organizations if each.enabled and self.has(each.dag_id))
        return Share(part=self, built=ours[:ORGANIZATIONS_MAX], left_out=ours[ORGANIZATIONS_MAX:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The enabled organizations of one DAG file."""

    part: Part
    built: tuple[Organization, ...]
    left_out: tuple[Organization, ...]  # too many for one file: they have no DAG

    @property
    def warning(self) -> str:
        """What to do before any is left out; empty while there is room."""
        if self.left_out or len(self.built) < ORGANIZATIONS_MANY:
            return ""
        files = self.part.of * 2
        return (
            f"One DAG file has {len(self.built):,} organizations of the {ORGANIZATIONS_MAX:,} that it can build at "
            f"most. Before there are more, make {files} DAG files of it, which `airflow hubspot-deals dag-files "
            f"{files}` does."
        )

    @property
    def advice(self) -> str:
        """What to do about those that are left out."""
        ours = len(self.built) + len(self.left_out)
        files = self.part.of * files_for(ours)
        return (
            f"one DAG file has {ours:,} organizations, and Airflow may give up on a file before it has built so many. "
            f"{self.left_out[0].slug!r} and all behind it have no DAG. Make {files} DAG files of it, which "
            f"`airflow hubspot-deals dag-files {files}` does, or by hand: build_dags(part=1, of={files}) in this one, "
            f"build_dags(part=2, of={files}) in the next, and so on"
        )


def files_for(organizations: int) -> int:
    """How many DAG files should share so many organizations: one alone up to what it can hold, else half full ones."""
    return 1 if organizations <= ORGANIZATIONS_MAX else -(-organizations // (ORGANIZATIONS_MAX // 2))
