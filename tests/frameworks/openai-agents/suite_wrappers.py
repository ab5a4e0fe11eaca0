"""What the SDK's compaction and encryption ask of the session that they wrap."""

import asyncio
import json

import pytest
from cryptography.fernet import InvalidToken
from turn import TURN, back

from hermes_store.adapters.openai_agents import HermesSession
from hermes_store.adapters.openai_agents.encrypted import EncryptedSession
from hermes_store.errors import InvalidArgumentError


async def snapshot_of(session, limit=10, **keywords):
    await session.add_items(TURN)
    return await session._get_compaction_snapshot(limit, **keywords)


def test_a_suffix_is_replaced_in_one_step(session, repository):
    async def replaced():
        snapshot = await snapshot_of(session, limit=3)
        assert (snapshot.items, snapshot.complete) == (TURN[-3:], False)
        assert await snapshot.replace_suffix(1, [{"type": "compaction", "id": "c"}])
        return await session.get_items()

    assert asyncio.run(replaced()) == [*TURN[:3], {"type": "compaction", "id": "c"}]
    assert repository.check() == []


@pytest.mark.parametrize("change", ["append", "alter", "delete"])
def test_a_suffix_that_has_changed_is_left_alone(session, repository, change):
    async def replaced():
        snapshot = await snapshot_of(session)
        newest = repository.get_messages("chat-1")[-1]["id"]
        if change == "append":
            repository.append_message("chat-1", "user", "One more")
        elif change == "alter":
            repository.replace_message("chat-1", newest, content="Another")
        else:
            repository.delete_session("chat-1")
        before = await session.get_items()
        assert not await snapshot.replace_suffix(0, [])
        assert await session.get_items() == before

    asyncio.run(replaced())


def test_a_replacement_that_fails_halfway_changes_nothing(session):
    equal_keys = {"role": "user", "content": {1: "x", "1": "y"}}

    async def replaced():
        snapshot = await snapshot_of(session)
        with pytest.raises(InvalidArgumentError, match="same in JSON"):  # the old are deleted then
            await snapshot.replace_suffix(0, [equal_keys])
        return await session.get_items()

    assert asyncio.run(replaced()) == TURN


def test_expired_items_before_the_suffix_are_deleted_up_to_the_first_that_is_not(session):
    old = [{"role": "user", "content": f"old {n}"} for n in range(1_200)]

    async def replaced():
        await session.add_items([*old, *TURN, old[0]])
        is_old = {"prune_prefix": lambda item: str(item.get("content")).startswith("old")}
        snapshot = await session._get_compaction_snapshot(1, **is_old)
        assert await snapshot.replace_suffix(0, [])
        return await session.get_items()

    assert asyncio.run(replaced()) == TURN


def test_a_class_that_alters_items_is_not_compacted_behind_its_back(repository):
    class Shouting(HermesSession):
        async def add_items(self, items, *, wrapper=None):
            await super().add_items([{**each, "content": "!"} for each in items], wrapper=wrapper)

    assert asyncio.run(Shouting("s", repository)._get_compaction_snapshot(3)) is None


def test_an_item_whose_check_fails_is_not_popped(session):
    def refuse(item):
        raise LookupError(item["id"])

    async def popped():
        await session.add_items(TURN)
        with pytest.raises(LookupError, match="msg_1"):
            await session._pop_item_with_validation(refuse)
        return await session.get_items()

    assert asyncio.run(popped()) == TURN


def test_encrypted_items_come_back_and_no_word_of_them_is_in_the_store(session, repository):
    encrypted = EncryptedSession("chat-1", session, encryption_key="a key of the suite")
    assert back(encrypted, TURN) == TURN
    assert repository.search_messages("needle") == []
    assert "needle" not in json.dumps(repository.get_messages("chat-1"))


def test_with_a_wrong_key_nothing_is_popped(session):
    right = EncryptedSession("chat-1", session, encryption_key="a key of the suite")
    wrong = EncryptedSession("chat-1", session, encryption_key="another key")

    async def popped():
        await right.add_items(TURN)
        for _ in range(2):
            with pytest.raises(InvalidToken):
                await wrong.pop_item()
        return await right.get_items(), await right.pop_item(), await right.get_items()

    assert asyncio.run(popped()) == (TURN, TURN[-1], TURN[:-1])


def test_an_expired_item_goes_with_the_pop_of_the_one_before(session):
    async def popped():
        await EncryptedSession("chat-1", session, "a key of the suite").add_items(TURN[:1])
        old = EncryptedSession("chat-1", session, "a key of the suite", ttl=-1)
        return await old.pop_item(), await session.get_items()

    assert asyncio.run(popped()) == (None, [])
