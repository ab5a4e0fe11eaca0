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
