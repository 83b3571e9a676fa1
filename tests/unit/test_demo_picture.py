"""The picture of the demo: what it shows, what it keeps to itself, and when it is stale."""

from __future__ import annotations

import re

import pytest

from local_stack.demo.narrator import LINE_WIDTH
from tests.acceptance.demo_picture import draw, read, stale_lines

PRINTED = """\
… PostgreSQL
✓ PostgreSQL 1.2 s
… DAG runs, triggered over Airflow's REST API
  hubspot_deals_acme: full: live, 1,000 deals
  hubspot_deals_acme: full: completed, 2,000 deals
✓ DAG runs, triggered over Airflow's REST API 12.3 s

Jobs
┏━━━━━━━━━━━━━━┳━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━┓
┃ organization ┃ job       ┃ deals here ┃   ┃
┡━━━━━━━━━━━━━━╇━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━┩
│ acme 株式会 │ completed │      2,000 │ ✓ │
└──────────────┴───────────┴────────────┴───┘
Done
Airflow   http://127.0.0.1:8080/dags   user admin   password s3cr3t-pass
Logs      /home/ada/checkout/.demo/logs
psql      /home/ada/lib/pgserver/bin/psql 'postgresql://me@127.0.0.1:54320/deals?passfile=/home/ada/.demo/pgpass' -c 'SELECT dag_id, status, mode FROM hubspot.jobs'
""".replace("Jobs\n", f"Jobs{' ' * 30}\n")  # noqa: E501 - as printed: rich fills the line of a title
SHOWN = """\
$ ./run demo
✓ PostgreSQL 1.2 s
✓ DAG runs, triggered over Airflow's REST API 12.3 s

Jobs
┏━━━━━━━━━━━━━━┳━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━┓
┃ organization ┃ job       ┃ deals here ┃   ┃
┡━━━━━━━━━━━━━━╇━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━┩
│ acme 株式会 │ completed │      2,000 │ ✓ │
└──────────────┴───────────┴────────────┴───┘
Done
Airflow   http://127.0.0.1:8080/dags   user admin   password …
Logs      …/logs
psql      psql 'postgresql://me@127.0.0.1:54320/deals?passfile=…/pgpass' -c 'SELECT dag_id, status, mode FROM hubspot.jobs'
"""  # noqa: E501 - as printed


def test_the_picture_shows_what_is_left_on_a_terminal_without_passwords_and_folders() -> None:
    assert read(draw(PRINTED)) == SHOWN


def test_nothing_in_the_picture_is_fetched_from_elsewhere() -> None:
    assert re.findall(r"url\((?!#)|href=|@import|<script", draw(PRINTED)) == []


def test_a_line_that_is_too_long_ends_with_dots_and_is_still_compared() -> None:
    long = f"Logs {'word ' * LINE_WIDTH}"
    picture = draw(long)
    assert read(picture).splitlines()[1] == f"{long[: LINE_WIDTH - 1]}…"
    assert stale_lines(picture, long) == []
    assert stale_lines(picture, long.replace("word", "other")) != []


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("1.2 s", "0.8 s"),
        ("  hubspot_deals_acme: full: live, 1,000 deals\n", ""),
        ("│ acme 株式会 │ completed │      2,000 │ ✓ │", "│ acme 株式会   │ completed │ 12,000 │ ✓ │"),
        ("━━━━━━━━━━━━━━", "━━━━━━━━━━━━━━━━"),
        (":8080", ":49152"),
        ("/home/ada", "/srv/builds/1"),
        ("s3cr3t-pass", "another"),
    ],
    ids=["times", "progress", "numbers", "widths", "ports", "folders", "passwords"],
)
def test_what_differs_from_run_to_run_makes_no_picture_stale(now: str, then: str) -> None:
    assert now in PRINTED
    assert stale_lines(draw(PRINTED), PRINTED.replace(now, then)) == []


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("✓ PostgreSQL 1.2 s\n", ""),
        ("Done\n", "Done\nand more\n"),
        ("deals here", "deals"),
        ("│ completed │", "│ failed    │"),
        ("│ ✓ │", "│ ✗ │"),
        ("user admin", "user somebody"),
        ("/logs", "/log"),
    ],
    ids=["a step is gone", "a line is new", "a heading", "a status", "a mark", "the card", "a file"],
)
def test_a_stale_picture_is_told(now: str, then: str) -> None:
    assert now in PRINTED
    assert stale_lines(draw(PRINTED), PRINTED.replace(now, then)) != []
