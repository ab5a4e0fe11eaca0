"""Items that other programs altered are read as messages of theirs."""

import asyncio

import pytest
from given import JUNK, Outcomes, altered
from turn import TURN

from hermes_store.adapters.openai_agents import HermesSession
from hermes_store.errors import InvalidArgumentError

ITEMS = [*TURN, {"role": "user", "content": "NUL: \0"}]


@pytest.fixture
def session(repository):
    made = HermesSession("s", repository)
    asyncio.run(made.add_items(ITEMS))
    return made


def test_an_altered_item_is_read_and_the_others_are_as_they_were(session, repository):
    outcomes = Outcomes("nothing: an item is always read")
    for place, message in enumerate(repository.get_messages("s")):
        for kept in altered((message["extra"] or {}).get("openai_agents")):
            repository.replace_message("s", message["id"], extra={"openai_agents": kept})
            outcomes.take(lambda: asyncio.run(session.get_items()))
        items = asyncio.run(session.get_items())
        repository.replace_message("s", message["id"], extra=message["extra"])
        assert items[:place] + items[place + 1 :] == ITEMS[:place] + ITEMS[place + 1 :]
    assert (outcomes.errors, asyncio.run(session.get_items())) == (set(), ITEMS)


@pytest.mark.parametrize("junk", [*JUNK, {"call": {}}, {"said": 5}, {"text": 5}], ids=repr)
def test_junk_in_the_place_of_an_item_shows_what_is_said(session, repository, junk):
    message = repository.get_messages("s")[-1]
    repository.replace_message("s", message["id"], extra={"openai_agents": junk})
    [item] = asyncio.run(session.get_items(limit=1))
    assert item == {"role": "user", "content": message["content"]}
    assert asyncio.run(session.pop_item()) == item


@pytest.mark.parametrize("calls", [*JUNK, [{"id": "c"}], [{"function": {"name": 5}}]], ids=repr)
def test_altered_calls_are_read(session, repository, calls):
    for message in repository.get_messages("s"):
        if message["tool_calls"]:
            repository.replace_message("s", message["id"], tool_calls=calls)
    assert len(asyncio.run(session.get_items())) == len(ITEMS)


@pytest.mark.parametrize("odd", [{1: "a", "1": "b"}, {True: "a", "true": "\0"}], ids=repr)
def test_keys_of_which_json_would_make_one_are_refused(session, odd):
    with pytest.raises(InvalidArgumentError, match="the same in JSON"):
        asyncio.run(session.add_items([{"type": "x", "input": odd}]))
    assert asyncio.run(session.get_items()) == ITEMS
