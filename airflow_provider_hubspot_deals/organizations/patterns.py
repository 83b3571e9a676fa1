"""Regular expressions that mean the same to Python and to the JSON Schema validators of editors."""

from __future__ import annotations

CONN_ID = r"[\w#!()\-.:/\\]{1,250}"  # of an Airflow connection

# ``\w`` and ``\s`` are ASCII under re.ASCII, and something else in other dialects.
_SPELLED_OUT = {r"[^\s": r"[^\t-\r ", r"\S": r"[^\t-\r ]", r"\w": "A-Za-z0-9_"}


def portable(pattern: str) -> str:
    r"""A pattern for ``re.fullmatch`` with ``re.ASCII`` as one that is searched for in a text, in any dialect.

    ``\w`` may stand in a character class only.
    """
    for ours, everybodys in _SPELLED_OUT.items():
        pattern = pattern.replace(ours, everybodys)
    return f"^(?:{pattern})$"
