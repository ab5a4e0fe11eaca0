"""The column `search` of a message: a trigger keeps it, and it is made anew in pieces."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from stored import change, check, column, connected
from support import until

from hermes_store import SessionRepository, migrate
from hermes_store.errors import SearchIndexError
from hermes_store.search import rebuild
from hermes_store.transfer.copying import copy

INSERT = "INSERT INTO {} (session_id, role, timestamp, content) VALUES ('s', 'user', 0, '{}')"
FILES = (
    "SELECT array_agg(pg_relation_filenode(oid) ORDER BY relname) FROM pg_class"
    " WHERE relname IN ('messages', 'idx_messages_search')"
)


@pytest.fixture
def repository(repository, monkeypatch):
    """A store with a session, whose index is built in steps of ten messages."""
    monkeypatch.setattr(rebuild, "_STEP_MESSAGES", 10)
    repository.create_session("s", "cli")
    return repository


def ids_found(repository, typed):
    return sorted(hit["id"] for hit in repository.search_messages(typed, limit=None))


def append(repository, *contents):
    messages = [{"role": "user", "content": each} for each in contents]
    return repository.append_messages("s", messages)


# --- kept -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "pg_catalog", "information_schema, public"])
def test_a_row_is_found_whatever_the_search_path_of_who_inserts_it(repository, database, path):
    with connected(database) as connection:
        connection.execute(f"SELECT set_config('search_path', '{path}', true)")
        connection.execute(INSERT.format("public.messages", "needle"))
        with connection.cursor().copy(
            "COPY public.messages (session_id, role, timestamp, content) FROM STDIN"
        ) as copy:
            copy.write_row(("s", "user", 0, "another needle"))
        connection.execute("UPDATE public.messages SET content = 'pin' WHERE id = 1")
    assert [ids_found(repository, typed) for typed in ("needle", "pin")] == [[2], [1]]


def test_what_a_trigger_of_another_program_takes_out_is_not_in_the_index(repository, database):
    change(
        database,
        "CREATE FUNCTION zz_redact() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " new.content := replace(new.content, 'secret', ''); RETURN new; END $$;"
        "CREATE TRIGGER zz_a_redact BEFORE INSERT OR UPDATE ON messages"
        " FOR EACH ROW EXECUTE FUNCTION zz_redact()",
    )
    append(repository, "the secret needle")
    assert [ids_found(repository, typed) for typed in ("secret", "needle")] == [[], [1]]


def test_a_change_of_state_makes_no_words_anew(repository, database):
    append(repository, "needle", "needle")
    change(database, "UPDATE messages SET search = ''")
    repository.rewind("s", 2)
    repository.compact("s", [{"role": "user", "content": "a summary"}])
    assert column(database, "SELECT search FROM messages WHERE id < 3") == ["", ""]


def test_a_tool_that_changes_a_text_with_other_columns_leaves_nothing_of_the_old_one(
    repository, database
):
    append(repository, "Straße")
    change(database, "UPDATE messages SET content = 'Weg', token_count = 1, state = 'compacted'")
    assert [ids_found(repository, typed) for typed in ("strasse", "weg")] == [[], [1]]
    assert column(database, "SELECT folded FROM messages") == [None]


# --- noticed --------------------------------------------------------------------------------------

DAMAGE = {
    "no trigger": "DROP TRIGGER zz_messages_search ON messages",
    "a trigger that is off": "ALTER TABLE messages DISABLE TRIGGER zz_messages_search",
    "no function": "DROP FUNCTION hermes_search_of_message",
    "a function less": "DROP FUNCTION hermes_search_calls CASCADE",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_no_message_is_lost_and_no_search_is_silent_where_the_words_are_not_kept(
    repository, database, damage
):
    append(repository, "needle")
    change(database, DAMAGE[damage])
    append(repository, "another needle")
    with pytest.raises(SearchIndexError, match="damaged"):
        repository.search_messages("needle")
    assert repository.check() != []
    repository.reindex()
    assert repository.check() == []
    assert ids_found(repository, "needle") == [1, 2]


def test_a_copy_comes_whole_where_the_words_are_not_kept(sqlite_database, database):
    with SessionRepository(sqlite_database) as source:
        source.create_session("s", "cli")
        source.append_message("s", "user", "walrus")
    change(database, "ALTER TABLE messages DROP COLUMN search CASCADE")
    assert copy(sqlite_database, database).messages == 1
    with SessionRepository(database) as target:
        target.reindex()
        assert len(ids_found(target, "walrus")) == 1


def test_check_counts_words_that_are_missing_or_of_another_text(repository, database):
    append(repository, "one", "two", "three", "")
    change(database, "UPDATE messages SET search = NULL WHERE id = 1")
    change(database, "UPDATE messages SET search = '''four'':1' WHERE id > 1 AND id < 4")
    assert repository.check() == [
        "1 messages are not in it",
        "it does not agree with 2 messages",
    ]
    repository.reindex()
    assert repository.check() == []


# --- in pieces ------------------------------------------------------------------------------------


@pytest.fixture
def waiting(repository, database, monkeypatch):
    """A store that was upgraded from 0011, where nobody has made the words anew yet."""
    append(repository, *["old needle"] * 25, "Straße", "")
    migrate.downgrade(database, "0011")
    files = column(database, FILES)
    with monkeypatch.context() as patch:
        patch.setattr("hermes_store.schema.change.fill_search_index", lambda *_, **__: None)
        migrate.upgrade(database)
    assert column(database, FILES) == files, "the table was written anew"
    return repository


def test_an_upgrade_writes_no_table_anew_and_search_says_what_is_missing(waiting):
    append(waiting, "new needle")
    with pytest.raises(SearchIndexError, match="28 of 28 messages are not indexed yet"):
        waiting.search_messages("needle")


def test_the_steps_of_an_upgrade_can_be_interrupted_and_go_on(waiting, database):
    told = []

    def stop(_what, done, _total):
        told.append(done)
        assert done < 20, "stop here"

    with pytest.raises(AssertionError, match="stop here"):
        migrate.upgrade(database, progress=stop)
    migrate.upgrade(database, progress=lambda _what, done, _total: told.append(done))
    assert told == [0, 10, 20, 20, 27]
    assert waiting.check() == []
    assert [len(ids_found(waiting, typed)) for typed in ("needle", "strasse")] == [25, 1]


def test_a_step_that_had_to_wait_for_an_agent_makes_the_words_of_the_new_text(waiting, database):
    held = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with ThreadPoolExecutor(1) as thread, connected(database) as agent:
        agent.execute("UPDATE messages SET content = 'Łódź' WHERE content IN ('Straße', '')")
        filling = thread.submit(migrate.upgrade, database)
        until(lambda: column(database, held) == [1])
        agent.commit()
        filling.result()
    assert [ids_found(waiting, typed) for typed in ("strasse", "Łódź")] == [[], [26, 27]]
    check(database)


def test_a_step_of_an_upgrade_that_the_server_ends_for_an_agent_is_tried_again(waiting, database):
    change(
        database,
        "CREATE SEQUENCE steps; CREATE FUNCTION deadlock() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN IF nextval('steps') = 1 THEN RAISE deadlock_detected; END IF; RETURN new; END $$;"
        "CREATE TRIGGER deadlock BEFORE UPDATE ON messages"
        " FOR EACH ROW EXECUTE FUNCTION deadlock()",
    )
    migrate.upgrade(database)
    assert column(database, "SELECT last_value > 1 FROM steps") == [True]
    assert len(ids_found(waiting, "strasse")) == 1


def test_a_step_writes_only_the_messages_whose_words_are_others(waiting, database):
    versions = "SELECT xmin::text FROM messages WHERE content = 'old needle' ORDER BY id"
    before = column(database, versions)
    migrate.upgrade(database)
    assert column(database, versions) == before
    check(database)


def test_messages_that_change_during_a_reindex_are_found_by_their_new_words(repository, database):
    append(repository, *["old needle"] * 60)
    over = Event()

    def write(number):
        session = f"writer {number}"
        with SessionRepository(database) as writer:
            writer.create_session(session, "cli")
            while not over.is_set():
                ids = writer.append_messages(session, [{"role": "user", "content": "x"}] * 3)
                writer.replace_message(session, ids[0], content="new needle")
                writer.rewind(session, ids[1])
                change(database, f"UPDATE messages SET content = 'pin' WHERE id = {number + 1}")

    with ThreadPoolExecutor(2) as threads:
        writers = [threads.submit(write, number) for number in (20, 40)]
        try:
            for _ in range(3):
                repository.reindex()
        finally:
            over.set()
        for each in writers:
            each.result()
    assert repository.check() == []
    assert ids_found(repository, "pin") == [21, 41]
