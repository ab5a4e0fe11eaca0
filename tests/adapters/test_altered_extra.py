"""An `extra` that SQL made something else than an object is as none to the adapters."""

import pytest
import sqlalchemy as sa

from hermes_store.errors import InvalidArgumentError
from hermes_store.shapes import kept, openai_items
from hermes_store.shapes.exact import NotJsonError, as_json, exactly

EXTRA = ["5", '"openai_agents"', '["openai_agents"]', "{", "null", "true", "{}"]


@pytest.mark.parametrize("extra", EXTRA)
def test_an_extra_that_is_no_object_is_as_none(repository, extra):
    repository.create_session("s", "cli", extra={"a": 1})
    repository.append_message("s", "user", "hi", extra={"a": 1})
    with repository.orm_session() as session:
        for table in ("sessions", "messages"):
            session.execute(sa.text(f"UPDATE {table} SET extra = :extra"), {"extra": extra})
        session.commit()
    [message] = repository.get_messages("s")
    assert openai_items.item_of(message) == {"role": "user", "content": "hi"}
    for record in (message, repository.get_session("s")):
        assert (kept.extra_of(record), kept.kept_of(record, "openai_agents")) == ({}, None)
        assert kept.likely_kept_of(record, "openai_agents", {"b": 2}) == {"b": 2}


def test_an_error_names_the_message_or_the_session(repository):
    repository.create_session("s", "cli")
    number = repository.append_message("s", "user", "hi")
    [message] = repository.get_messages("s")
    with pytest.raises(kept.AlteredError, match=f"message {number} of session 's'.*restore a"):
        kept.checked(kept.place_of(message), lambda: {}["text"])
    assert kept.place_of(repository.get_session("s")) == "session 's'"


@pytest.mark.parametrize("value", [{1: 0, "1": 0}, [{"a": {None: 0, "null": 0}}]], ids=repr)
def test_keys_of_which_json_would_make_one_are_refused_in_what_is_kept_as_text(value):
    with pytest.raises(InvalidArgumentError, match="the same in JSON"):
        as_json("input", value)
    with pytest.raises(InvalidArgumentError, match="the same in JSON"):
        exactly("input", [value, "\0"], {}, {})
    with pytest.raises(NotJsonError):
        as_json("input", {(1, 2): 0})
