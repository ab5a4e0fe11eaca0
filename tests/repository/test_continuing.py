"""A continuation has the title of the tip before it, however the sessions around it were joined."""

import itertools

import stored
from sqlalchemy import event
from support import only_sqlite


def join(database, session_id, parent):
    """As another tool would: nothing is checked."""
    stored.change(
        database,
        "UPDATE sessions SET parent_session_id = ?, link = 'compression' WHERE id = ?",
        parent,
        session_id,
    )


def statements_of(repository, do):
    asked = []
    with repository.transaction() as own:
        engine = own.connection.engine
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    do()
    return asked


def test_a_continuation_of_the_tip_reads_the_chain_once_and_its_ancestors_never(repository):
    repository.create_session("s0", "cli")
    for number in range(1, 4):
        repository.create_session(
            f"s{number}", "cli", parent_session_id=f"s{number - 1}", link="compression"
        )
    asked = statements_of(
        repository,
        lambda: repository.create_session("s4", "cli", parent_session_id="s3", link="compression"),
    )
    is_file = repository.url.get_backend_name() == "sqlite"
    looks = 1 if is_file else 2  # on a server the second finds what was locked
    assert sum("RECURSIVE up" in each for each in asked) == looks
    assert not any("RECURSIVE line" in each for each in asked)


@only_sqlite
def test_a_continuation_gets_the_title_if_and_only_if_it_is_the_tip_now(repository, database):
    """However the others are joined, in circles and to the session that is not there yet."""
    parents = [*itertools.product([None, "a", "b", "c", "new"], repeat=3)]
    for place, (joined, parent) in enumerate(itertools.product(parents, "abc")):
        for each in "abc":
            repository.create_session(f"{each}{place}", "cli")
        for each, of in zip("abc", joined, strict=True):
            if of:
                join(database, f"{each}{place}", f"{of}{place}")
        title, new, continued = f"title {place}", f"new{place}", f"{parent}{place}"
        before = repository.get_tip(continued)
        repository.set_session_title(continued, title)
        repository.create_session(new, "cli", parent_session_id=continued, link="compression")
        named = repository.get_session_by_title(title)["id"]
        assert named == (new if repository.get_tip(continued) == new else before), (joined, parent)
