"""Each code that a job's error can have comes with what to do about it."""

from __future__ import annotations

import re
from pathlib import Path

from airflow_provider_hubspot_deals import exceptions
from airflow_provider_hubspot_deals.advice import CODES, advice_for

PACKAGE = Path(exceptions.__file__).parent
# Where codes stand: in the exceptions' classes, as an argument, in a dictionary for the row, in tuples, in SQL.
WRITTEN = re.compile(
    r'code(?:: str)? = "([A-Z_]+)"|code="([A-Z_]+)"|"error_code": "([A-Z_]+)"|Error, "([A-Z_]+)", "|: \("(DB_[A-Z_]+)",'
    r"|error_code = '([A-Z_]+)'|return \"([A-Z]+)\", f?\""
)


def written_codes() -> set[str]:
    sources = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.sql")]
    return {code for path in sources for match in WRITTEN.findall(path.read_text()) for code in match if code}


def test_every_code_has_advice_and_every_advice_a_code() -> None:
    assert written_codes() == CODES


def test_advice_is_whole_sentences() -> None:
    for code in CODES:
        advice = advice_for(code)
        assert advice.meaning.endswith("."), code
        assert advice.remedy.endswith("."), code


def test_a_code_of_somebody_else_is_no_error_of_the_page() -> None:
    assert "log" in advice_for("SOMETHING_ELSE").remedy
