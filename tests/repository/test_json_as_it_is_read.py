"""What stands in a column of JSON is read as Python's own reader does, whoever wrote it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import CHARACTERS

from hermes_store import values

ODD = [
    "1", " 1 ", "[1] x", "", " ", "NaN", "-Infinity", '"a', '{"a": 1, "a": 2}', "nul", "true ", "[1, 2",
    "\ufeff1", b"[1]", "1e400", "01", '"\\ud800"', "\t{}\n", "[1],",
]  # fmt: skip


@pytest.mark.parametrize("stored", ODD, ids=repr)
def test_what_other_programs_wrote_is_read_or_comes_back_as_text(stored):
    try:
        expected = json.loads(stored)
    except ValueError:
        expected = stored
    assert repr(values.decode_json(stored)) == repr(expected)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text(CHARACTERS),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(CHARACTERS), inner),
    ),
    st.sampled_from(["{}", " {}", "{}\n", "{} "]),
)
def test_blanks_around_a_value_do_not_matter(value, around):
    assert values.decode_json(around.format(json.dumps(value))) == value
