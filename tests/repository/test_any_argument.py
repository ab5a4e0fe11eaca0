"""Whatever an argument of whatever method is: a result, or a typed error; never another's error."""

import inspect
from contextlib import suppress
from enum import Enum

import pytest

from hermes_store import SessionFilter
from hermes_store.api.leases import Leases
from hermes_store.api.meta import Meta
from hermes_store.api.retention import Retention
from hermes_store.errors import HermesStoreError, InvalidArgumentError
from hermes_store.repository import SessionRepository

DEEP: list = []
for _ in range(100_000):
    DEEP = [DEEP]


class Unshowable:
    def __repr__(self):
        raise RuntimeError("no picture")


class Ambiguous:
    """As an array of numbers: it compares to an array, which is neither true nor false."""

    def __eq__(self, other):
        return self

    def __bool__(self):
        raise ValueError("the truth value is ambiguous")

    __hash__ = None


ODD = [
    None, True, -1, 1.5, float("nan"), 2**63, 10**5000, "", "\ud800", "\0", b"s", bytearray(b"s"),
    object(), [], [None], [{}], {}, {1: 2}, (), {"a": {1}}, DEEP, [DEEP], int,
    Unshowable(), (Unshowable(),), [Unshowable()], Ambiguous(), [Ambiguous()], iter([Unshowable()]),
]  # fmt: skip
GIVEN = {
    "session_id": "s", "title": "a title", "query": "hello", "filter": SessionFilter(), "ids": [],
    "messages": [], "sessions": [], "inactive_since": 1.0, "message_id": 1, "records": 1,
    "path": "/dev/null/none", "seconds": 5, "days": 5, "action": "end", "value": 1,
}  # fmt: skip
CALLED = {"progress", "on_bad"}
"""Functions of the caller: their errors are the caller's."""
OWN_TESTS = {"close", "orm_session", "transaction", "optimize", "reindex"}


def calls():
    """Each method, and each of its arguments."""
    doors = (SessionRepository, ""), (Leases, "leases"), (Meta, "meta"), (Retention, "retention")
    for kind, door in doors:
        for name, method in inspect.getmembers(kind, callable):
            if not name.startswith("_") and name not in OWN_TESTS:
                yield pytest.param(door, name, _arguments(method), id=f"{door}.{name}")


def _arguments(method):
    return {
        name: each.default
        for name, each in inspect.signature(method).parameters.items()
        if name != "self" and each.kind is not each.VAR_KEYWORD
    }


def _answer(result):
    return list(result) if inspect.isgenerator(result) else result


@pytest.fixture
def filled(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # backups are asked for
    repository.create_session("s", "cli")
    repository.append_message("s", "user", "hello")
    return repository


@pytest.mark.parametrize(("door", "name", "arguments"), [*calls()])
def test_whatever_an_argument_is_the_answer_is_a_result_or_a_typed_error(
    filled, door, name, arguments
):
    method = getattr(getattr(filled, door) if door else filled, name)
    usual = {
        each: GIVEN.get(each, "s")
        for each, default in arguments.items()
        if default is inspect.Parameter.empty
    }
    for argument in arguments.keys() - CALLED:
        for odd in ODD:
            with suppress(HermesStoreError):
                _answer(method(**{**usual, argument: odd}))
    assert filled.check() == []


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        *{
            "newest": lambda repo, odd: repo.get_messages("s", newest=odd),
            "strict": lambda repo, odd: repo.get_messages_as_conversation("s", strict=odd),
            "order_by_last_active": lambda repo, odd: repo.search_sessions(
                order_by_last_active=odd
            ),
            "include_system_prompt": lambda repo, odd: repo.list_sessions_rich(
                include_system_prompt=odd
            ),
            "absolute": lambda repo, odd: repo.update_token_counts("s", 1, absolute=odd),
        }.items()
    ],
)
def test_what_is_neither_true_nor_false_is_not_taken_for_true(filled, argument, call):
    for odd in ("false", 1, None, Ambiguous()):
        with pytest.raises(InvalidArgumentError, match=f"{argument}: .* give True or False"):
            call(filled, odd)


def test_bytes_are_no_list_of_ids(filled):
    before = filled.get_messages("s")
    for odd in (bytearray([1]), memoryview(bytes([1]))):
        with pytest.raises(InvalidArgumentError, match=r"ids: .* is not a list"):
            filled.delete_messages("s", odd)
    assert filled.get_messages("s") == before


def test_an_import_is_not_begun_when_its_result_cannot_be_filled(filled):
    [session] = filled.export_all()
    with pytest.raises(InvalidArgumentError, match=r"result: .* cannot be filled"):
        filled.import_sessions([session | {"id": "other"}], result={})
    assert filled.session_count() == 1


class Name(str, Enum):  # noqa: UP042 - whose f-string is another text
    ONE = "one"

    def __str__(self):
        return "Name.ONE"


def test_a_member_of_an_enum_that_is_a_text_is_the_text(filled):
    filled.retention.add(Name.ONE, "end", 5)
    assert [rule.name for rule in filled.retention.rules()] == ["one"]
    assert filled.retention.remove("one")
    filled.create_session(Name.ONE, Name.ONE)
    filled.append_message(Name.ONE, Name.ONE, Name.ONE)
    filled.set_session_title(Name.ONE, Name.ONE)
    assert filled.get_next_title_in_lineage(Name.ONE) == "one #2"
    session = filled.get_session("one")
    assert (session["source"], session["title"]) == ("one", "one")
    assert [(m["role"], m["content"]) for m in filled.get_messages("one")] == [("one", "one")]
