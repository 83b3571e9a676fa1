"""Many scenarios of the fast layer, on all cores, over one server."""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
import signal
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from local_stack.databases import DatabaseServer
from local_stack.simulation.planned import FaultNeverFiredError
from local_stack.tether import tie_to_parent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of one seed; ``problem`` is None when the copy was right."""

    seed: int
    problem: str | None = None
    plan: str = ""
    tally: Counter[str] = field(default_factory=Counter)


@contextmanager
def template_database(server: DatabaseServer) -> Iterator[str]:
    """Name of a database with our schema and the audit, to be copied for each seed."""
    from airflow_provider_hubspot_deals import migrations
    from local_stack.simulation.checking import install_audit

    name = f"simulation_template_{uuid4().hex[:12]}"
    url = server.create_database(name)
    try:
        migrations.upgrade(url)
        install_audit(url)
        yield name
    finally:
        server.drop_database(name)


def play_all(server: DatabaseServer, template: str, seeds: Iterable[int], *, workers: int) -> Iterator[Verdict]:
    """One verdict for each seed, in their order."""
    play = partial(play_one, server.url, template)
    if workers == 1:
        yield from map(play, seeds)
        return
    spawn, tied = multiprocessing.get_context("spawn"), (os.getpid(), int(signal.SIGTERM))  # nobody outlives us
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=tie_to_parent, initargs=tied) as pool:
        try:
            yield from pool.map(play, seeds)
        finally:
            pool.shutdown(cancel_futures=True)


def play_one(server_url: str, template: str, seed: int) -> Verdict:
    """One scenario in a database of its own.

    Which thread comes first decides how often HubSpot is asked for what, and so where a fault's turns fall: a plan that
    was not carried out is played once more.
    """
    verdict = _played(server_url, template, seed)
    was_carried_out = not (verdict.problem or "").startswith(FaultNeverFiredError.__name__)
    return verdict if was_carried_out else _played(server_url, template, seed)


def _played(server_url: str, template: str, seed: int) -> Verdict:
    from local_stack.simulation.fast import Simulation
    from local_stack.simulation.scenario import drawn
    from local_stack.simulation.small import prepare_process

    prepare_process()
    random.seed(seed)  # the provider's own: how long it pauses
    if not os.environ.get("SIMULATION_LOG"):
        logging.disable(logging.CRITICAL)
    server, scenario = DatabaseServer(server_url), drawn(seed)
    name = f"simulation_{os.getpid()}_{seed}"
    simulation = Simulation(scenario, server.create_database(name, template=template))
    problem = None
    try:
        simulation.run()
    except AssertionError as error:
        problem = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - whatever the code under test raises is a finding
        problem = traceback.format_exc(limit=-6)
    server.drop_database(name)
    return Verdict(seed=seed, problem=problem, plan=str(scenario), tally=simulation.tally)
