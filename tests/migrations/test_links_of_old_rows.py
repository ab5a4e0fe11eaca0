"""Revision 0015 tells from old rows what a parent is to its child, on both databases."""

import json

import pytest
import stored

from hermes_store import SessionRepository, migrate

ENDED = 200.0
PARENT = (
    "INSERT INTO sessions (id, source, started_at, ended_at, end_reason) VALUES (?, 'x', ?, ?, ?)"
)
CHILD = (
    "INSERT INTO sessions (id, source, started_at, parent_session_id, model_config)"
    " VALUES (?, 'x', ?, ?, ?)"
)

# link, end of the parent, begin of the child, its model_config ({p}: the parent's id)
CASES = {
    "continued": ("compression", "compression", ENDED, None),
    "continued later": ("compression", "compression", ENDED + 9, "{}"),
    "branched": ("branch", "branched", ENDED + 1, None),
    "reset": ("reset", "reset", ENDED + 1, None),
    "reset by a gateway": ("reset", "session_reset", ENDED + 1, None),
    "reset by the clock": ("reset", "daily", ENDED + 1, None),
    "begun before the end": (None, "compression", ENDED - 1, None),
    "another end": (None, "cli_close", ENDED + 1, None),
    "no end": (None, None, ENDED + 1, None),
    "marked as a delegate": ("delegate", "compression", ENDED - 1, {"_delegate_from": "{p}"}),
    "marked as a branch": ("branch", None, ENDED - 1, {"model": "m", "_branched_from": "{p}"}),
    "marked as a reset": ("reset", "compression", ENDED + 1, {"_reset_from": "{p}"}),
    "an inherited marker": ("compression", "compression", ENDED, {"_branched_from": "older"}),
    "an inherited marker alone": (None, None, ENDED, {"_delegate_from": "older"}),
    "a marker without blanks": ("delegate", None, ENDED, '{"_delegate_from":"{p}"}'),
    "a marker that is no text": ("compression", "compression", ENDED, '{"_delegate_from": 7}'),
    "text that is not JSON": ("compression", "compression", ENDED, '{"_delegate_from": "x'),
}


def given(config, parent):
    text = json.dumps(config) if isinstance(config, dict) else config
    return None if text is None else text.replace("{p}", parent)


@pytest.fixture
def old(database):
    """A store before the revision, with a parent and a child of every case."""
    migrate.downgrade(database, "0014")
    for name, (_, reason, begun, config) in CASES.items():
        parent = f"parent of {name}"
        stored.change(database, PARENT, parent, 100.0, ENDED if reason else None, reason)
        stored.change(database, CHILD, name, begun, parent, given(config, parent))
    return database


def links(database):
    return dict(stored.rows(database, "SELECT id, link FROM sessions WHERE link IS NOT NULL"))


def test_a_marker_that_names_the_parent_tells_or_else_its_end_and_nothing_is_guessed(old):
    migrate.upgrade(old)
    assert links(old) == {name: link for name, (link, *_) in CASES.items() if link}


def test_going_down_and_up_again_gives_the_same(old):
    before = stored.rows(old, "SELECT * FROM sessions ORDER BY id")
    migrate.upgrade(old)
    first = links(old)
    migrate.downgrade(old, "0014")
    assert stored.rows(old, "SELECT * FROM sessions ORDER BY id") == before
    migrate.upgrade(old)
    assert links(old) == first


def test_a_chain_of_old_rows_is_one_conversation(database):
    migrate.downgrade(database, "0014")
    parent = None
    for number, name in enumerate("abc"):
        stored.change(database, CHILD, name, 100.0 * number, parent, None)
        if parent:
            end = "UPDATE sessions SET ended_at = ?, end_reason = 'compression' WHERE id = ?"
            stored.change(database, end, 100.0 * number - 1, parent)
        parent = name
    migrate.upgrade(database)
    with SessionRepository(database) as repository:
        assert repository.get_lineage("b") == ["a", "b", "c"]
