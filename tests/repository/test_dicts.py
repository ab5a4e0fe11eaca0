"""The dicts that are made of rows, whatever their columns are called."""

import json

from hermes_store.queries.dicts import Dicts


def test_a_row_of_nothing_is_the_empty_dict_and_each_row_gets_its_own():
    made = Dicts(["id", "archived"], {"id": None, "archived": False}, {"archived": bool})
    first, second = made.of([(None, None), (None, None)])
    assert first == second == {"id": None, "archived": False}
    assert first is not second


def test_a_value_takes_its_form_and_one_that_is_not_asked_for_is_left_out():
    made = Dicts(["id", "extra", "besides"], {"id": None, "extra": None}, {"extra": json.loads})
    assert made.of([(1, '{"a": 0}', "x"), (0, None, "x")]) == [
        {"id": 1, "extra": {"a": 0}},
        {"id": 0, "extra": None},
    ]


def test_a_form_waits_for_the_column_that_asks_for_it():
    made = Dicts(
        ["content", "format"],
        {"content": None},
        {"content": json.loads},
        only_if={"content": "format"},
    )
    rows = [("[1]", None), ("[1]", "json"), (None, "json")]
    assert made.of(rows) == [{"content": "[1]"}, {"content": [1]}, {"content": None}]


def test_a_column_may_be_called_like_anything():
    names = ["class", 'it\'s "so"', "a\nb", "{x}", "copy"]
    empty = dict.fromkeys(names)
    assert Dicts(names, empty, {}).of([(1, 2, 3, 4, 5)]) == [
        dict(zip(names, range(1, 6), strict=True))
    ]


def test_a_column_may_stand_under_another_name_and_only_where_it_is_not_null():
    made = Dicts(["key", "name"], {"session_key": ""}, {}, keys={"key": "session_key", "name": "n"})
    assert made.of([(None, None), ("k", "x")]) == [
        {"session_key": ""},
        {"session_key": "k", "n": "x"},
    ]


def test_a_column_may_change_the_dict_of_its_row():
    changes = {"extra": lambda row, extra: row.update(more=extra)}
    made = Dicts(["id", "extra"], {"id": None}, {}, changes=changes)
    assert made.of([(1, None), (2, "x")]) == [{"id": 1}, {"id": 2, "more": "x"}]


def test_the_keys_of_what_is_read_are_plain_texts(repository):
    repository.create_session("s", "cli")
    repository.append_message("s", "user", "hello")
    records = [
        repository.get_session("s"),
        *repository.get_messages("s"),
        *repository.list_sessions_rich(),
        *repository.search_messages("hello"),
        *repository.export_all(),
    ]
    assert len(records) == 5
    assert {type(key) for record in records for key in record} == {str}
