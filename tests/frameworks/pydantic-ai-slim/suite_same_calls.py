"""The same calls on the in-memory store and on ours."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_ai.conversation_store import (
    ConversationConflict,
    ConversationEntry,
    ConversationRecord,
    InMemoryConversationStore,
)
from pydantic_ai.messages import (
    ModelRequest,
    UserPromptPart,
)

from hermes_store.adapters.pydantic_ai import HermesConversationStore

numbers = itertools.count()


@pytest.fixture
def store(repository):
    return HermesConversationStore(repository)


def asked(text):
    return ModelRequest(parts=[UserPromptPart(text)])


NAMES = st.sampled_from(["a", "b", "c"])
CALLS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), NAMES, st.integers(0, 3), st.integers(0, 9), st.booleans()),
        st.tuples(st.just("write"), NAMES, st.integers(0, 3), st.integers(0, 9), st.booleans()),
        st.tuples(st.just("delete"), NAMES, st.booleans()),
        st.tuples(st.just("record"), NAMES),
        st.tuples(st.just("records"), st.sampled_from([None, "x", "y"]), st.none() | st.just(1)),
        st.tuples(st.just("history"), NAMES, st.none() | st.integers(0, 3)),
        st.tuples(st.just("entry"), st.integers(0, 9)),
    ),
    max_size=16,
)


class Caller:
    """Makes the same calls on both stores and compares what they return or raise."""

    def __init__(self, ours):
        self.both = (InMemoryConversationStore(), ours)
        self.prefix = f"{next(numbers)}-"
        self.entries = []
        self.revisions = {}

    async def same(self, call):
        theirs, ours = [await self.outcome(call, store) for store in self.both]
        assert ours == theirs
        return theirs

    async def outcome(self, call, store):
        try:
            return await call(store)
        except (ConversationConflict, LookupError) as exc:
            return KeyError if isinstance(exc, KeyError) else type(exc)

    async def write(self, name, count, place, is_current):
        known = [*self.entries, None, "unknown"]
        old = await self.both[0].read_record(self.prefix + name)
        parent = old.head_id if old and place % 2 else known[place % len(known)]
        fresh = [f"{self.prefix}{len(self.entries) + n}" for n in range(count)]
        if count and parent == "unknown":
            parent = None
        new = [
            ConversationEntry(id=each, parent_id=before, message=asked(each))
            for before, each in zip([parent, *fresh], fresh, strict=False)
        ]
        record = ConversationRecord(
            conversation_id=self.prefix + name,
            head_id=fresh[-1] if fresh else parent,
            scope="x" if place % 2 else "y",
            branches=[*old.branches, old.head_id] if old and old.head_id else [],
            updated_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=next(numbers)),
        )
        if new and parent is not None and await self.is_gone(parent):
            return
        revision = (old.revision if old else None) if is_current else "stale"
        call = lambda store: store.write_record(  # noqa: E731 - once
            record, new_entries=new, expected_revision=revision
        )
        if await self.same(call) is None:
            self.entries += fresh

    async def is_gone(self, entry_id):
        return await self.outcome(lambda s: s.read_entry(entry_id), self.both[0]) is KeyError

    async def delete(self, name, is_current):
        old = await self.both[0].read_record(self.prefix + name)
        revision = old.revision if old and is_current else "stale"
        await self.same(lambda s: s.delete_record(self.prefix + name, expected_revision=revision))

    async def record(self, name):
        await self.same(lambda s: s.read_record(self.prefix + name))

    async def records(self, scope, limit):
        async def mine(store):
            found = await store.read_records(scope=scope)
            return [each for each in found if each.conversation_id.startswith(self.prefix)][:limit]

        await self.same(mine)

    async def history(self, name, limit):
        old = await self.both[0].read_record(self.prefix + name)
        head = old.head_id if old else None
        await self.same(lambda s: s.read_history(head, limit=limit))

    async def entry(self, place):
        await self.same(
            lambda s: s.read_entry([*self.entries, "unknown"][place % (len(self.entries) + 1)])
        )


@settings(max_examples=60)
@given(calls=CALLS)
def test_the_same_calls_have_the_same_results_as_on_the_store_in_memory(store, calls):
    async def all_of_them():
        caller = Caller(store)
        for name, *arguments in calls:
            await getattr(caller, name)(*arguments)

    asyncio.run(all_of_them())
