"""Meta: any JSON value under a key, as it was given."""

import math

import pytest
import stored
from hypothesis import given, settings
from hypothesis import strategies as st
from support import CHARACTERS

from hermes_store import SessionRepository
from hermes_store.errors import InvalidArgumentError

VALUES = [
    None,
    True,
    0,
    -1.5,
    2**53,
    "",
    "text",
    "a\0b",
    "null",
    "记忆",
    [],
    {},
    {"deep": [{"x": None}, "y"]},
]


@pytest.fixture(params=["repository", "transaction"])
def meta(request, repository):
    if request.param == "repository":
        yield repository.meta
    else:
        with repository.transaction() as transaction:
            yield transaction.meta


@pytest.mark.parametrize("value", VALUES)
def test_a_value_comes_back_as_it_was_given(meta, value):
    meta.set("key", "before")
    meta.set("key", value)
    assert meta.get("key") == value
    assert meta.items() == [("key", value)]


def test_a_key_that_is_not_there_has_no_value(meta):
    assert meta.get("key") is None
    assert meta.items() == []
    assert not meta.delete("key")
    meta.set("key", None)
    assert meta.items() == [("key", None)]  # this tells a stored None from none
    assert meta.delete("key")
    assert meta.items() == []


def test_a_key_that_is_missing_is_told_from_a_stored_none(meta):
    missing = object()
    meta.set("none", None)
    assert meta.get("none", missing) is None
    assert meta.get("other", missing) is missing


def test_items_are_those_that_begin_so_in_the_order_of_keys(meta):
    for key in ("b", "ab", "a", "A", "a_c", "a%", "記憶", "\U0010ffffx"):
        meta.set(key, key.upper())
    keys = [key for key, _ in meta.items()]
    assert keys == ["A", "a", "a%", "a_c", "ab", "b", "記憶", "\U0010ffffx"]
    assert [key for key, _ in meta.items("a")] == ["a", "a%", "a_c", "ab"]
    assert meta.items("a_") == [("a_c", "A_C")]
    assert meta.items("a%") == [("a%", "A%")]
    assert [key for key, _ in meta.items("\U0010ffff")] == ["\U0010ffffx"]
    assert meta.items("x") == []


def test_a_transaction_stores_all_or_nothing(repository):
    with pytest.raises(KeyError), repository.transaction() as transaction:
        transaction.meta.set("key", 1)
        raise KeyError
    assert repository.meta.items() == []


@pytest.mark.parametrize("bad", [None, "", 5, b"k", "k\0", "k\ud800", "k" * 501, ["k"]])
def test_a_bad_key_is_an_error_that_names_it(repository, bad):
    meta = repository.meta
    meta.set("k" * 500, 1)
    for call in (meta.get, meta.delete, lambda key: meta.set(key, 2)):
        with pytest.raises(InvalidArgumentError, match=r"^key\b.*; ") as raised:
            call(bad)
        assert len(str(raised.value)) < 300
    assert meta.items() == [("k" * 500, 1)]


@pytest.mark.parametrize("bad", [object(), b"x", {1, 2}, [math.nan], {(1,): 2}])
def test_a_value_that_json_cannot_hold_leaves_the_stored_one(repository, bad):
    repository.meta.set("key", 1)
    with pytest.raises(InvalidArgumentError, match=r"^value\b.*; "):
        repository.meta.set("key", bad)
    assert repository.meta.get("key") == 1


@pytest.mark.parametrize("bad", [None, 5, b"x"])
def test_a_bad_prefix_is_an_error_that_names_it(repository, bad):
    with pytest.raises(InvalidArgumentError, match=r"^prefix\b.*; "):
        repository.meta.items(bad)


def test_what_another_tool_stored_as_text_comes_back_as_text(repository, database):
    stored.change(database, "INSERT INTO meta (key, value) VALUES ('key', 'not {json')")
    assert repository.meta.get("key") == "not {json"


KEYS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=4
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(CHARACTERS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(CHARACTERS), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def test_any_sequence_of_calls_leaves_what_a_dict_would_hold(request, kind):
    with SessionRepository(request.getfixturevalue(f"{kind}_database")) as repository:

        @settings(max_examples=30, deadline=None)
        @given(st.lists(st.tuples(st.booleans(), KEYS, JSON), max_size=12), KEYS)
        def hold(calls, prefix):
            model = {}
            with repository.transaction() as transaction:
                meta = transaction.meta
                for item in meta.items():
                    meta.delete(item[0])
                for keep, key, value in calls:
                    if keep:
                        meta.set(key, value)
                        model[key] = value
                    else:
                        assert meta.delete(key) == (key in model)
                        model.pop(key, None)
                assert dict(meta.items()) == model
                begin = {key: value for key, value in model.items() if key.startswith(prefix)}
                assert dict(meta.items(prefix)) == begin

        hold()
