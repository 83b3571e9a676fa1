"""Every code block and every command of README.md, CONTRIBUTING.md and docs/ does what it says, or is read as text.

A page's blocks are run in their order, in a world of the page's own. `python -m tests.docs` lists them.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from importlib.util import find_spec

import psycopg
import pytest
from airflow.cli import cli_parser

from tests.docs.__main__ import who_runs
from tests.docs.blocks import ROOT, Block, blocks_of, documents, inline_code
from tests.docs.elsewhere import READ_BY, RUN_BY, missing
from tests.docs.running import run_block
from tests.docs.story import Story

TUTORIAL = "docs/tutorial.md"
PAGES = [page for page in documents() if blocks_of(page)]
SENTENCES = sorted({(page, code) for page in documents() for code in inline_code(page)})
OURS = [(page, code) for page, code in SENTENCES if code.startswith("airflow hubspot-deals ") and "ORG" not in code]
MODULES = [(page, code) for page, code in SENTENCES if re.match(r"(\S*/)?python3? -m \w", code)]
INSTALLED = [(page, code) for page, code in SENTENCES if code.startswith("pip install ")]
SCRIPTS = [(page, code) for page, code in SENTENCES if re.search(r"(^|\s)\./run\s+\w", code)]


@pytest.mark.parametrize("page", [page for page in PAGES if page != TUTORIAL])
def test_the_blocks_of_a_page_do_what_they_say(page: str, story: Story, subtests: pytest.Subtests) -> None:
    run_all(page, story, subtests)


def test_the_tutorial_leads_from_nothing_to_deals(new_story: Story, subtests: pytest.Subtests) -> None:
    run_all(TUTORIAL, new_story, subtests)
    with psycopg.connect(new_story.url_for("deals_loader", "warehouse")) as connection:
        deals = connection.execute("SELECT count(*) FROM hubspot.hubspot_deals WHERE NOT archived").fetchone()
    assert deals == (230,)


def run_all(page: str, story: Story, subtests: pytest.Subtests) -> None:
    for block in blocks_of(page):
        with subtests.test(f"{block.place} {block.language}"):
            run_block(block, story)


@pytest.mark.parametrize(("page", "code"), OURS)
def test_a_command_in_a_sentence_is_one_that_airflow_takes(
    page: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(code.replace("…", ""))
    with pytest.raises(SystemExit) as ended:
        cli_parser.get_parser().parse_args([*words[1:], "--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0, f"{page}: {code}"
    assert [word for word in words if word.startswith("--") and word not in said] == []


@pytest.mark.parametrize(("page", "code"), MODULES)
def test_a_module_in_a_sentence_exists(page: str, code: str) -> None:
    found = re.search(r"-m ([\w.]+)", code)
    assert found
    assert find_spec(found[1]), f"{page}: {code}"


@pytest.mark.parametrize(("page", "code"), INSTALLED)
def test_what_a_sentence_installs_is_the_checkout_since_no_index_has_it(page: str, code: str) -> None:
    found = re.fullmatch(r"pip install '?\.(\[(\w+)\])?'?", code)
    assert found, f"{page}: {code}"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert found[2] is None or found[2] in extras


@pytest.mark.parametrize(("page", "code"), SCRIPTS)
def test_a_part_of_the_run_script_in_a_sentence_has_a_test(page: str, code: str) -> None:
    assert re.search(r"\./run \w+", code)
    assert any(f"{start} " in f"{code} " for start in (*RUN_BY, *READ_BY) if start.startswith("./run")), (
        f"{page}: {code}"
    )


@pytest.mark.parametrize("page", documents())
def test_no_fence_of_a_page_is_hidden_from_us(page: str) -> None:
    fences = re.findall(r"^[ >]*(?:`{3}|~{3})", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    assert len(fences) == 2 * sum(block.language != "indented" for block in blocks_of(page))


@pytest.mark.parametrize("block", [each for page in PAGES for each in blocks_of(page) if "run by" in each.notes])
def test_who_is_to_run_a_block_reads_its_page_or_holds_its_command(block: Block) -> None:
    for test in block.notes["run by"].split():
        source = (ROOT / test.partition("::")[0]).read_text("utf-8")
        assert block.document.rpartition("/")[2] in source or block.text.strip() in source


@pytest.mark.parametrize("test", sorted({*RUN_BY.values(), *READ_BY.values()}))
def test_what_is_tried_elsewhere_is_tried(test: str) -> None:
    assert not missing(test)


@pytest.mark.parametrize("language", ["", "perl", "indented"])
def test_a_block_that_nobody_knows_how_to_run_fails(language: str, story: Story) -> None:
    with pytest.raises(AssertionError, match="nobody knows how to run"):
        run_block(Block("docs/new.md", 1, language, "print 1", {}), story)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("sql", "SELECT no_such_column FROM hubspot.jobs;"),
        ("sql", "SELECT id FROM hubspot.jobs WHERE id = gen_random_uuid();"),
        ("bash", "airflow hubspot-deals jobs list --no-such-option"),
        ("bash", "true\nls /no/such/folder"),
        ("console", "$ airflow hubspot-deals jobs list\n job   nobody\n ──────────\n 1   2\n"),
        ("toml", '[[organizations]]\nslug = "acme"\nno_such_setting = 1\n'),
        ("toml", "[[organizations"),
        ("python", "from airflow.sdk import DAG\nwith DAG('x', no_such_argument=1):\n    pass\n"),
        ("python", "import airflow_provider_hubspot_deals.no_such_module"),
        ("ini", "[hubspot_deals]\nno_such_option = 1\n"),
        ("json", "{"),
        ("text", "airflow db reset"),
        ("mermaid", "erDiagram"),
    ],
)
def test_a_block_that_is_wrong_fails(language: str, text: str, story: Story) -> None:
    with pytest.raises(BaseException, match=r"(?s).*"):
        run_block(Block("docs/new.md", 1, language, text, {}), story)


@pytest.mark.parametrize(
    ("language", "text", "notes"),
    [
        ("yaml", "executor: KubernetesExecutor", {}),
        ("bash", "kubectl get pods", {}),
        ("bash", "docker compose up", {}),
        (
            "bash",
            "airflow standalone",
            {"read by": "tests/docs/test_pages.py::test_the_list_tells_what_nothing_executes"},
        ),
    ],
)
def test_the_list_tells_what_nothing_executes(language: str, text: str, notes: dict[str, str]) -> None:
    assert who_runs(Block("docs/new.md", 1, language, text, notes)).startswith("text only")


@pytest.mark.parametrize(("language", "text"), [("sql", "SELECT 1"), ("bash", "airflow db migrate"), ("toml", "a = 1")])
def test_the_list_does_not_call_text_what_is_executed(language: str, text: str) -> None:
    assert who_runs(Block("docs/new.md", 1, language, text, {})) == "tests/docs/test_pages.py"


@pytest.mark.parametrize("note", ["run by", "read by"])
def test_a_test_that_does_not_exist_runs_nothing(note: str, story: Story) -> None:
    notes = {note: "tests/docs/test_pages.py::test_that_nobody_wrote"}
    with pytest.raises(AssertionError, match="there is no"):
        run_block(Block("docs/new.md", 1, "python", "", notes), story)
