"""Messages are live, compacted or rewound: what changes their state, and what follows from it."""

import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from hermes_store import SessionRepository
from hermes_store.errors import InvalidArgumentError, MessageNotFoundError, SessionNotFoundError


@pytest.fixture
def session(repository: SessionRepository) -> SessionRepository:
    repository.create_session("s", "cli")
    return repository


@pytest.fixture
def three(session: SessionRepository) -> SessionRepository:
    """A session with one message in each state; each says its state."""
    session.append_message("s", "user", "needle compacted", timestamp=10.0)
    session.compact("s", [{"role": "user", "content": "needle live", "timestamp": 20.0}])
    rewound = session.append_message("s", "user", "needle rewound", timestamp=30.0)
    session.rewind("s", rewound)
    return session


def said(messages: Any) -> list[str]:
    return [message["content"].removeprefix("needle ") for message in messages]


ALL = ["compacted", "live", "rewound"]


def test_counters_are_of_live_messages(three: SessionRepository) -> None:
    found = three.get_session("s")
    assert found["message_count"] == three.message_count("s") == three.message_count() == 1
    assert three.count_messages("s") == 1
    assert three.count_messages("s", include="all") == 3
    assert three.list_sessions_rich()[0]["message_count"] == 1
    assert three.check() == []


def test_states_come_through_export_and_import(three: SessionRepository) -> None:
    before = three.get_messages("s", include="all")
    [exported] = three.export_all()
    three.delete_session("s")
    three.import_sessions([exported])
    assert three.get_messages("s", include="all") == before
    assert three.get_session("s")["message_count"] == 1
    assert three.check() == []


def test_rows_of_newer_programs_keep_their_state(session: SessionRepository) -> None:
    messages = [
        {"role": "user", "content": "a", "active": 0, "compacted": 1},
        {"role": "user", "content": "b", "active": 0},
        {"role": "user", "content": "c", "active": None},
        {"role": "user", "content": "d", "active": 1},
    ]
    session.import_sessions([{"id": "t", "source": "x", "started_at": 1, "messages": messages}])
    found = [(each["content"], each["state"]) for each in session.get_messages("t", include="all")]
    assert found == [("a", "compacted"), ("b", "rewound"), ("c", None), ("d", None)]
    assert all(each["extra"] is None for each in session.get_messages("t", include="all"))


def test_keys_of_a_message_that_look_like_a_state_come_back_as_they_were(
    session: SessionRepository,
) -> None:
    own = {"active": 0, "compacted": 1}
    session.append_messages("s", [{"role": "user", "content": "a", **own}])
    [exported] = session.export_all()
    session.delete_session("s")
    session.import_sessions([exported])
    assert session.export_all() == [exported]
    assert [(m["state"], m["extra"]) for m in session.get_messages("s")] == [(None, own)]


def test_around_a_hidden_message_a_page_is_given_without_it(three: SessionRepository) -> None:
    hidden = three.get_messages("s", include="all")[0]["id"]
    assert said(three.get_messages("s", around_id=hidden, limit=5)) == ["live"]
    assert said(three.get_messages("s", around_id=hidden, limit=5, include="all")) == ALL


class TestOperations:
    def test_compacting_keeps_what_was_said_findable(self, session: SessionRepository) -> None:
        session.append_messages("s", [{"role": "user", "content": f"old {n}"} for n in range(3)])
        [summary] = session.compact("s", [{"role": "system", "content": "a summary"}])
        assert [each["id"] for each in session.get_messages("s")] == [summary]
        assert len(session.search_messages("old")) == 3

    def test_what_was_compacted_may_be_stored_again(self, session: SessionRepository) -> None:
        message = {"role": "user", "content": "x", "external_id": "m1"}
        [first] = session.append_messages("s", [message])
        [second] = session.compact("s", [message])
        assert second != first
        assert session.append_messages("s", [message]) == [second]

    def test_replacing_deletes(self, session: SessionRepository) -> None:
        session.append_message("s", "user", "old")
        ids = session.replace_messages("s", [{"role": "user", "content": "new"}] * 2)
        assert [each["id"] for each in session.get_messages("s", include="all")] == ids
        assert session.search_messages("old") == []

    def test_rewinding_returns_the_message_and_restoring_takes_it_back(
        self, session: SessionRepository
    ) -> None:
        asked = session.append_message("s", "user", "question")
        session.append_message("s", "assistant", "answer", tool_calls=[{"id": "c"}])
        assert session.rewind("s", asked)["content"] == "question"
        assert session.get_messages("s") == []
        assert session.get_session("s")["tool_call_count"] == 0
        assert session.restore("s", asked) == 2
        assert [each["content"] for each in session.get_messages("s")] == ["question", "answer"]
        assert session.get_session("s")["tool_call_count"] == 1

    def test_restoring_refuses_two_live_messages_of_one_foreign_id(
        self, session: SessionRepository
    ) -> None:
        first = session.append_message("s", "user", "x", external_id="m1")
        session.rewind("s", first)
        session.append_message("s", "user", "y", external_id="m1")
        with pytest.raises(InvalidArgumentError, match="external_id 'm1'"):
            session.restore("s", first)
        assert [each["content"] for each in session.get_messages("s")] == ["y"]

    def test_popping_takes_the_newest_live_one(self, three: SessionRepository) -> None:
        popped = three.pop_message("s")
        assert popped is not None
        assert popped["content"] == "needle live"
        assert three.pop_message("s") is None
        assert said(three.get_messages("s", include="all")) == ["compacted", "rewound"]

    def test_deleting_takes_those_of_the_session_only(self, session: SessionRepository) -> None:
        session.create_session("t", "cli")
        mine, others = session.append_message("s", "user"), session.append_message("t", "user")
        assert session.delete_messages("s", [mine, others, 10**6]) == 1
        assert session.message_count() == 1

    def test_a_message_is_replaced_in_its_place(self, session: SessionRepository) -> None:
        first = session.append_message("s", "user", "secret", name="alice", extra={"kept": 1})
        session.append_message("s", "user", "later")
        changed = session.replace_message("s", first, content=["redacted"], tool_calls=[1, 2])
        assert (changed["id"], changed["content"], changed["name"]) == (
            first,
            ["redacted"],
            "alice",
        )
        assert changed["extra"] == {"kept": 1}
        assert session.get_session("s")["tool_call_count"] == 2
        assert session.search_messages("secret") == []
        assert len(session.search_messages("redacted")) == 1
        assert session.check() == []


BAD = {
    "rewind an answer": lambda repo, user, answer: repo.rewind("s", answer),
    "rewind what is not there": lambda repo, user, answer: repo.rewind("s", 10**6),
    "rewind no id": lambda repo, user, answer: repo.rewind("s", "x"),
    "restore what is not there": lambda repo, user, answer: repo.restore("s", 10**6),
    "replace with no message": lambda repo, user, answer: repo.replace_messages("s", [5]),
    "compact with text": lambda repo, user, answer: repo.compact("s", "text"),
    "an unknown field": lambda repo, user, answer: repo.replace_message("s", user, colour="red"),
    "a bad field": lambda repo, user, answer: repo.replace_message("s", user, content=5),
    "ids that are text": lambda repo, user, answer: repo.delete_messages("s", "12"),
    "an unknown include": lambda repo, user, answer: repo.get_messages("s", include="some"),
    "an unknown session": lambda repo, user, answer: repo.compact("t", []),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_typed_error_and_changes_nothing(session: SessionRepository, name: str):
    user = session.append_message("s", "user", "question")
    answer = session.append_message("s", "assistant", "answer")
    before = session.export_all()
    with pytest.raises((InvalidArgumentError, MessageNotFoundError, SessionNotFoundError)):
        BAD[name](session, user, answer)
    assert session.export_all() == before


# --- any sequence of operations, against the rules in plain Python --------------------------------


@dataclass
class Model:
    """The rules of the operations, on a list of dicts."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def live(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["state"] is None]

    def add(self, ids: list[int], given: list[dict[str, Any]]) -> None:
        for id_, message in zip(ids, given, strict=True):
            self.rows.append({"id": id_, "state": None, **message})

    def counters(self, started: float) -> tuple[int, int, float]:
        calls = sum(len(row.get("tool_calls") or ()) for row in self.live())
        return len(self.live()), calls, max([started, *(row["timestamp"] for row in self.live())])


def message(chance: random.Random, number: int) -> dict[str, Any]:
    made: dict[str, Any] = {
        "role": chance.choice(["user", "user", "assistant"]),
        "content": f"text {number}",
        "timestamp": float(chance.randrange(1, 10**6)),
    }
    if chance.random() < 0.3:
        made["tool_calls"] = [{"id": str(n)} for n in range(chance.randrange(1, 4))]
    return made


def step(  # noqa: C901 - one branch an operation
    chance: random.Random, repo: SessionRepository, model: Model, number: int
) -> None:
    some = [message(chance, number * 10 + n) for n in range(chance.randrange(0, 4))]
    anything = chance.choice(model.rows) if model.rows else None
    users = [row for row in model.live() if row["role"] == "user"]
    what = chance.randrange(8)
    if what == 0:
        ids = repo.replace_messages("s", some)
        model.rows = [row for row in model.rows if row["state"] is not None]
        model.add(ids, some)
    elif what == 1:
        ids = repo.compact("s", some)
        for row in model.live():
            row["state"] = "compacted"
        model.add(ids, some)
    elif what == 2 and users:
        first = chance.choice(users)["id"]
        repo.rewind("s", first)
        for row in model.live():
            if row["id"] >= first:
                row["state"] = "rewound"
    elif what == 3 and anything:
        came_back = repo.restore("s", anything["id"])
        back = [
            row for row in model.rows if row["state"] == "rewound" and row["id"] >= anything["id"]
        ]
        assert came_back == len(back)
        for row in back:
            row["state"] = None
    elif what == 4:
        popped = repo.pop_message("s")
        expected = max(model.live(), key=lambda row: row["id"], default=None)
        assert (popped and popped["id"]) == (expected and expected["id"])
        model.rows = [row for row in model.rows if row is not expected]
    elif what == 5 and anything:
        assert repo.delete_messages("s", [anything["id"]]) == 1
        model.rows.remove(anything)
    elif what == 6 and anything:
        repo.replace_message("s", anything["id"], content="changed")
        anything["content"] = "changed"
    else:
        model.add(repo.append_messages("s", some), some)


@pytest.mark.parametrize("seed", range(4))
def test_any_sequence_of_operations_agrees_with_the_rules(
    session: SessionRepository, seed: int
) -> None:
    chance, model = random.Random(seed), Model()
    started = session.get_session("s")["started_at"]
    for number in range(40):
        step(chance, session, model, number)
        stored = session.get_messages("s", include="all")
        found = [(each["id"], each["state"], each["content"]) for each in stored]
        assert found == [(row["id"], row["state"], row["content"]) for row in model.rows]
        kept = session.get_session("s")
        counters = kept["message_count"], kept["tool_call_count"], kept["last_active"]
        assert counters == model.counters(started)
    assert session.check() == []
