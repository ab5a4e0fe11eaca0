"""JSON is read record by record, whatever its form, its encoding and its damage."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import CHARACTERS

from hermes_store.transfer.importers import json_records
from hermes_store.transfer.importers.json_records import JsonRecords


def read(text: bytes) -> tuple[list, list]:
    """The records with their numbers, and what was said about bad ones."""
    bad = []
    found = list(JsonRecords(io.BytesIO(text), lambda *told: bad.append(told)))
    return found, bad


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(CHARACTERS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(CHARACTERS), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(VALUES, min_size=1), st.integers(1, 40), st.sampled_from([None, 1]))
@settings(max_examples=60)
def test_any_array_comes_back_however_it_is_divided(values, at_once, indent):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_records, "_AT_ONCE", at_once)
        found, bad = read(json.dumps(values, indent=indent).encode())
    assert found == list(enumerate(values, start=1))
    assert bad == []


@given(st.lists(VALUES), st.integers(1, 40))
@settings(max_examples=30)
def test_any_lines_come_back_however_they_are_divided(values, at_once):
    values = [{"value": each} for each in values]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_records, "_AT_ONCE", at_once)
        found, bad = read("".join(json.dumps(each) + "\n" for each in values).encode())
    assert found == list(enumerate(values, start=1))
    assert bad == []


@given(st.binary() | st.text(alphabet='[]{}",:\\u0 \n1').map(str.encode))
@settings(max_examples=100)
def test_any_bytes_end_in_records_or_in_words(text):
    found, bad = read(text)
    assert found or bad or not text.strip(b" \t\r\n[],\xef\xbb\xbf\xfe\xff\0")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("text", ['[{"a": "ü🐉"}, 2]', '{"a": "ü🐉"}\n2\n'])
def test_byte_order_marks_tell_the_encoding(encoding, text):
    found, bad = read(text.encode(encoding))
    assert [value for _, value in found] == [{"a": "ü🐉"}, 2]
    assert bad == []


def test_bytes_that_are_not_valid_utf_8_are_replaced_and_noted():
    records = JsonRecords(io.BytesIO(b'[{"a": "x\xff"}]'), print)
    assert list(records) == [(1, {"a": "x\ufffd"})]
    assert records.had_invalid_bytes


def test_an_object_on_many_lines_is_one_record():
    value = {"a": [1, {"b": 2}]}
    assert read(json.dumps(value, indent=2).encode()) == ([(1, value)], [])


def test_a_bad_record_in_an_array_is_named_and_the_next_one_found():
    good = [{"title": f"t{n}", "mapping": {}} for n in range(4)]
    parts = [json.dumps(each) for each in good]
    parts[1] = parts[1].replace('"t1"', "t1")
    found, bad = read(f"[{', '.join(parts)}]".encode())
    assert [value for _, value in found] == [good[0], good[2], good[3]]
    assert bad == [(2, "not JSON (Expecting value)", False)]


def test_an_array_that_is_cut_off_gives_its_whole_records():
    for end in (', {"a": 2', ', {"a": "x', ",", ""):
        found, bad = read(b'[{"a": 1}' + end.encode())
        assert found == [(1, {"a": 1})]
        assert [(number, "cut off" in problem) for number, problem, _ in bad] == [(2, True)]


def test_a_last_line_that_is_cut_off_is_told_as_such():
    found, bad = read(b'{"a": 1}\n{oops}\n\n{"a": ')
    assert found == [(1, {"a": 1})]
    assert [(number, is_cut_off) for number, _, is_cut_off in bad] == [(2, False), (4, True)]


def test_depth_and_numbers_beyond_every_limit_are_bad_records():
    deep, long = "[" * 100_000, "9" * 5_000
    found, bad = read(f'{{"a": {deep}\n{{"a": {long}}}\n{{"a": 1}}\n'.encode())
    assert found == [(3, {"a": 1})]
    assert [number for number, *_ in bad] == [1, 2]


def test_numbers_that_json_does_not_have_become_text():
    assert read(b'{"a": [NaN, -Infinity]}\n') == ([(1, {"a": ["NaN", "-Infinity"]})], [])


def test_a_record_that_is_too_long_is_bad_and_memory_stays_bounded(monkeypatch):
    monkeypatch.setattr(json_records, "MOST_CHARACTERS", 1_000)
    monkeypatch.setattr(json_records, "_AT_ONCE", 100)
    long = json.dumps({"title": "x" * 5_000})
    found, bad = read(f'[{{"title": "a"}}, {long}, {{"title": "b"}}]'.encode())
    assert [value for _, value in found] == [{"title": "a"}, {"title": "b"}]
    assert [number for number, *_ in bad] == [2]


def test_a_line_that_is_too_long_is_one_bad_line_of_which_little_is_held(monkeypatch):
    monkeypatch.setattr(json_records, "MOST_CHARACTERS", 1_000)
    monkeypatch.setattr(json_records, "_AT_ONCE", 100)
    asked = []

    class Stream(io.BytesIO):
        def read(self, size, /):
            asked.append(size)
            return super().read(size)

    for long in (b"\0" * 5_000, b'{"a": "' + b"x" * 5_000):
        bad = []
        lines = b'{"a": 1}\n' + long + b'\n{"a": 3}\n' + long
        found = list(JsonRecords(Stream(lines), lambda *told, bad=bad: bad.append(told)))
        assert found == [(1, {"a": 1}), (3, {"a": 3})]
        assert bad == [(number, "longer than 1,000 characters", False) for number in (2, 4)]
    assert max(asked) <= 1_100
