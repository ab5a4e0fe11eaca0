"""What the tests keep compiled is shared by engines that would compile the same, and by no others."""

import sqlalchemy
from sqlalchemy import literal, select

from hermes_store.database.sqlite_engines import sqlite_driver


def executed(hits, **options):
    """Execute a statement on an engine of its own, and note whether it was compiled before."""
    engine = sqlalchemy.create_engine("sqlite://", module=sqlite_driver(), **options)
    with engine.connect() as connection:
        result = connection.execute(select(literal(7).label("kept"), literal(hits[0]).label("in")))
        hits.append(result.context.cache_hit.name)
        return result.one()


def test_a_second_engine_has_what_the_first_compiled_and_its_own_values():
    hits = ["first"]
    assert executed(hits) == (7, "first")
    hits[0] = "second"
    assert executed(hits) == (7, "second")
    assert hits[-1] == "CACHE_HIT"


def test_an_engine_with_another_setting_compiles_for_itself():
    hits = ["any"]
    for paramstyle in ("qmark", "named"):
        assert executed(hits, paramstyle=paramstyle, label_length=29) == (7, "any")
    assert hits[1:] == ["CACHE_MISS", "CACHE_MISS"]
