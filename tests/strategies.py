"""What may stand where HubSpot sends a value: any JSON, and text that looks like what its column wants."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

unicode_text = st.text(st.characters(categories=None), max_size=20)  # with NUL and lone surrogates

number_like = st.from_regex(r"[+-]?[0-9]{0,20}\.?[0-9]{0,20}([eE][+-]?[0-9]{1,5})?", fullmatch=True)
date_like = st.from_regex(
    r"(19|20)[0-9]{2}-(0[1-9]|1[0-2])-[0-3][0-9]"
    r"([T ][0-2][0-9]:[0-5][0-9](:[0-6][0-9](\.[0-9]{1,9})?)?(Z|[+-][0-2][0-9]:?[0-6][0-9])?)?",
    fullmatch=True,
)
epoch_like = st.from_regex(r"-?[0-9]{1,20}", fullmatch=True)
value_like = unicode_text | number_like | date_like | epoch_like

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | unicode_text,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(unicode_text, children, max_size=4),
    max_leaves=10,
)
