"""Messages: appended, changed, set aside, given back, deleted, found."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from repository.machines.base import IDS, Machine, Message, Session

from hermes_store.errors import InvalidArgumentError, MessageNotFoundError

WORDS = st.sampled_from(["alpha", "alpha beta", "beta", "记忆", "don't", "C++ 50%", "", "x\0y"])
CONTENT = st.none() | WORDS | st.lists(st.fixed_dictionaries({"text": WORDS}), max_size=2)
CALLS = st.none() | st.lists(st.just({"id": "c"}), max_size=2)
TIMES = st.sampled_from([1.0, 2e9, 3e9])
FOREIGN = st.none() | st.sampled_from(["m1", "m2"])
GIVEN = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "user", "assistant"]),
        "content": CONTENT,
        "tool_calls": CALLS,
        "timestamp": TIMES,
        "external_id": FOREIGN,
    }
)
SEVERAL = st.lists(GIVEN, max_size=3)
PLACES = st.integers(0, 5)
NO_MESSAGE = 2**40
SEEN = {
    "live": {None},
    "found": {None, "compacted"},
    "all": {None, "compacted", "rewound"},
}
"""The table: who asks for what sees messages in which states."""


def states_seen(messages: list[Message], include: str) -> list[Message]:
    return [each for each in messages if each.state in SEEN[include]]


class Talk(Machine):
    """What happens to the messages of a session."""

    # --- more messages --------------------------------------------------------------------------

    @rule(session_id=IDS, given=GIVEN)
    def append(self, session_id: str, given: dict[str, Any]) -> None:
        def call(door):
            return door.append_message(session_id, **given)

        if session := self.session_or_refused(session_id, call):
            self.keep(session, [given], [self.do(call)])

    @rule(session_id=IDS, given=SEVERAL)
    def append_several(self, session_id: str, given: list[dict[str, Any]]) -> None:
        def call(door):
            return door.append_messages(session_id, given)

        if session := self.session_or_refused(session_id, call):
            self.keep(session, given, self.do(call))

    def keep(self, session: Session, given: list[dict[str, Any]], ids: list[int]) -> None:
        """Each is stored once for its foreign id among live messages."""
        assert len(ids) == len(given)
        for message, id_ in zip(given, ids, strict=True):
            known = self.known(session, message["external_id"])
            if known is not None:
                assert id_ == known.id
                continue
            assert all(id_ > each.id for each in session.messages)
            session.messages.append(
                Message(id_, **{**message, "content": self.text(message["content"])})
            )

    @staticmethod
    def known(session: Session, external_id: str | None) -> Message | None:
        live = (each for each in session.live() if each.external_id == external_id)
        return None if external_id is None else next(live, None)

    # --- other messages in place of the live ones -----------------------------------------------

    @rule(session_id=IDS, given=SEVERAL)
    def replace_messages(self, session_id: str, given: list[dict[str, Any]]) -> None:
        def call(door):
            return door.replace_messages(session_id, given)

        if session := self.session_or_refused(session_id, call):
            ids = self.do(call)
            session.messages = [each for each in session.messages if each.state is not None]
            self.keep(session, given, ids)

    @rule(session_id=IDS, given=SEVERAL)
    def compact(self, session_id: str, given: list[dict[str, Any]]) -> None:
        def call(door):
            return door.compact(session_id, given)

        if session := self.session_or_refused(session_id, call):
            ids = self.do(call)
            for message in session.live():
                message.state = "compacted"
            self.keep(session, given, ids)

    @rule(session_id=IDS)
    def clear(self, session_id: str) -> None:
        def call(door):
            return door.clear_messages(session_id)

        if session := self.session_or_refused(session_id, call):
            self.do(call)
            session.messages = []

    # --- one message, or some -------------------------------------------------------------------

    def chosen(self, session_id: str, place: int) -> tuple[Session | None, Message | None]:
        session = self.sessions.get(session_id)
        if session is None or not session.messages:
            return session, None
        return session, session.messages[place % len(session.messages)]

    @rule(session_id=IDS, place=PLACES)
    def rewind(self, session_id: str, place: int) -> None:
        session, message = self.chosen(session_id, place)
        if session is None or message is None:
            self.refused(MessageNotFoundError, lambda door: door.rewind(session_id, NO_MESSAGE))
        elif message.role != "user" or message.state is not None:
            self.refused(InvalidArgumentError, lambda door: door.rewind(session_id, message.id))
        else:
            found = self.do(lambda door: door.rewind(session_id, message.id))
            assert (found["id"], found["content"]) == (message.id, message.content)
            for each in session.live():
                if each.id >= message.id:
                    each.state = "rewound"

    @rule(session_id=IDS, place=PLACES)
    def restore(self, session_id: str, place: int) -> None:
        session, message = self.chosen(session_id, place)
        if session is None or message is None:
            self.refused(MessageNotFoundError, lambda door: door.restore(session_id, NO_MESSAGE))
            return
        back = [m for m in session.messages if m.state == "rewound" and m.id >= message.id]
        foreign = [m.external_id for m in [*session.live(), *back] if m.external_id is not None]
        if len(foreign) > len(set(foreign)):
            self.refused(InvalidArgumentError, lambda door: door.restore(session_id, message.id))
            return
        assert self.do(lambda door: door.restore(session_id, message.id)) == len(back)
        for each in back:
            each.state = None

    @rule(session_id=IDS)
    def pop(self, session_id: str) -> None:
        popped = self.do(lambda door: door.pop_message(session_id))
        session = self.sessions.get(session_id)
        newest = session.live()[-1] if session and session.live() else None
        assert (popped and popped["id"]) == (newest and newest.id)
        if session and newest:
            session.messages.remove(newest)

    @rule(session_id=IDS, places=st.lists(PLACES, max_size=3))
    def delete_messages(self, session_id: str, places: list[int]) -> None:
        found = [self.chosen(session_id, place)[1] for place in places]
        ids = [NO_MESSAGE, *(each.id for each in found if each)]

        def call(door):
            return door.delete_messages(session_id, ids)

        if session := self.session_or_refused(session_id, call):
            assert self.do(call) == len({*ids} - {NO_MESSAGE})
            session.messages = [each for each in session.messages if each.id not in ids]

    @rule(
        session_id=IDS,
        place=PLACES,
        fields=st.fixed_dictionaries(
            {},
            optional={"content": CONTENT, "tool_calls": CALLS, "timestamp": TIMES, "role": st.just("user")},
        ),
    )  # fmt: skip
    def replace_message(self, session_id: str, place: int, fields: dict[str, Any]) -> None:
        session, message = self.chosen(session_id, place)
        if session is None or message is None:
            self.refused(
                MessageNotFoundError, lambda door: door.replace_message(session_id, NO_MESSAGE)
            )
            return
        self.do(lambda door: door.replace_message(session_id, message.id, **fields))
        for name, value in fields.items():
            setattr(message, name, self.text(value))

    @rule(session_id=IDS, place=PLACES, external_id=FOREIGN)
    def rename_message(self, session_id: str, place: int, external_id: str | None) -> None:
        session, message = self.chosen(session_id, place)
        if session is None or message is None:
            return

        def call(door):
            door.replace_message(session_id, message.id, external_id=external_id)

        if message.state is None and self.known(session, external_id) not in (None, message):
            self.refused(InvalidArgumentError, call)
            return
        self.do(call)
        message.external_id = external_id

    # --- what readers see -----------------------------------------------------------------------

    @rule(word=st.sampled_from(["alpha", "beta", "记忆"]), include=st.sampled_from([*SEEN]))
    def search(self, word: str, include: str) -> None:
        hits = self.do(lambda door: door.search_messages(word, limit=None, include=include))
        expected = {
            (name, message.id, message.state)
            for name, session in self.sessions.items()
            for message in states_seen(session.messages, include)
            if word in str(message.content)
        }
        assert {(hit["session_id"], hit["id"], hit["state"]) for hit in hits} == expected

    @rule(session_id=IDS, place=PLACES, limit=st.integers(0, 3), include=st.sampled_from(["live", "all"]))  # fmt: skip
    def turn_pages(self, session_id: str, place: int, limit: int, include: str) -> None:
        session, message = self.chosen(session_id, place)
        if session is None or message is None:
            return
        seen = [each.id for each in states_seen(session.messages, include)]
        before = [id_ for id_ in seen if id_ < message.id]
        after = [id_ for id_ in seen if id_ > message.id]
        itself = [message.id] if message.id in seen else []

        def page(**bounds: Any) -> list[int]:
            asked = {"limit": limit, "include": include, **bounds}
            return [m["id"] for m in self.do(lambda door: door.get_messages(session_id, **asked))]

        last = before[len(before) - min(limit, len(before)) :]
        assert page(before_id=message.id, newest=True) == last
        assert page(after_id=message.id) == after[:limit]
        assert page(around_id=message.id) == [*last, *itself, *after[:limit]]

    @invariant()
    def messages_are_those_of_the_model(self) -> None:
        for name, session in self.sessions.items():
            stored = self.repository.get_messages(name, include="all")
            found = [Message(**{key: m[key] for key in vars(session.messages[0])}) for m in stored
                     ] if session.messages else stored  # fmt: skip
            assert found == session.messages
            said = self.repository.get_messages_as_conversation(name)
            assert [m["id"] for m in said] == [m.id for m in session.live()]
