"""Properties in an object say what they say in a dict."""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_hubspot_deals.deals import raw_json
from airflow_provider_hubspot_deals.deals.columns import REQUIRED_PROPERTIES
from airflow_provider_hubspot_deals.deals.properties import Properties, properties_type, subset_writer
from tests.strategies import value_like

storable_text = value_like.filter(lambda text: not any("\ud800" <= character <= "\udfff" for character in text))
names = st.text("aBz_19 '%{}é\uffff😀", max_size=6)
some_properties = st.dictionaries(names | st.sampled_from(REQUIRED_PROPERTIES), st.none() | storable_text, max_size=8)

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # types are made for each example


def decoded(properties: dict[str, str | None]) -> Properties:
    return msgspec.json.decode(msgspec.json.encode(properties), type=properties_type(properties))


@PATIENT
@given(some_properties)
def test_the_json_is_byte_for_byte_that_of_a_dict(properties: dict[str, str | None]) -> None:
    present = {name: value for name, value in properties.items() if value is not None}
    assert decoded(properties).to_json() == raw_json.dumps_properties(present)
    assert decoded(properties).present() == present


@PATIENT
@given(some_properties)
def test_nothing_but_unset_properties_comes_in_addition(properties: dict[str, str | None]) -> None:
    unset = dict.fromkeys(REQUIRED_PROPERTIES)
    assert decoded(properties).to_dict() == {**unset, **properties}


@PATIENT
@given(some_properties)
def test_the_texts_are_those_of_the_columns_in_their_order(properties: dict[str, str | None]) -> None:
    assert decoded(properties).texts() == tuple(map(properties.get, REQUIRED_PROPERTIES))


@pytest.mark.parametrize("copied_max", [0, 200], ids=["from the JSON of all", "copied"])
@PATIENT
@given(some_properties, st.sets(names | st.sampled_from(REQUIRED_PROPERTIES)))
def test_a_subset_is_written_as_that_of_a_dict(
    copied_max: int, properties: dict[str, str | None], chosen: set[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("airflow_provider_hubspot_deals.deals.properties._COPIED_MAX", copied_max)
        source = decoded(properties)
        written = subset_writer(type(source), chosen)(source)
    assert written == raw_json.dumps_properties({n: v for n, v in properties.items() if v is not None and n in chosen})


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "\ud800"], ids=["quote", "backslash", "newline", "surrogate"])
def test_c22_some_names_fit_no_object(name: str) -> None:
    with pytest.raises(ValueError, match=r"names|surrogates"):
        properties_type([name])


@PATIENT
@given(some_properties, st.randoms())
def test_the_json_is_the_same_in_whichever_order_properties_come(
    properties: dict[str, str | None], random: Random
) -> None:
    names = [*properties]
    random.shuffle(names)
    answer = msgspec.json.encode({name: properties[name] for name in names})
    assert msgspec.json.decode(answer, type=properties_type(properties)).to_json() == decoded(properties).to_json()


def test_what_was_written_can_still_be_read() -> None:
    properties = decoded({"color": "red", "a": "1"})
    texts = properties.texts()
    written = properties.to_json()
    assert (properties.texts(), properties.to_json(), properties.to_dict()["color"]) == (texts, written, "red")
