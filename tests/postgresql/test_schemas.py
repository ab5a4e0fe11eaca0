"""A store lies in the first schema of `search_path`, whatever that is called and lies beside it."""

from urllib.parse import quote

import postgres_server
import pytest
from psycopg import sql

from hermes_store import SessionRepository

RED = "\x1b[31mpelican\x1b[0m"


def in_schema(url, name):
    """The URL of a store in a new schema of a database."""
    with postgres_server.connected(url) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
    path = '"' + name.replace(" ", "\\ ") + '"'
    return f"{url.render_as_string(hide_password=False)}?options={quote(f'-csearch_path={path}')}"


def use(url, word):
    with SessionRepository(url, auto_migrate=True) as repo:
        repo.create_session("s", "cli")
        repo.append_message("s", "tool", RED.replace("pelican", word))


def problems_and_hits(url):
    with SessionRepository(url) as repo:
        repo.reindex()
        return (
            repo.check(),
            len(repo.search_messages("pelican")),
            len(repo.search_messages("heron")),
        )


@pytest.mark.parametrize("name", ["agents", "Agents", "our agents", "a'b", "per%cent"])
def test_a_schema_of_any_name_holds_a_store_that_is_sound(name):
    with postgres_server.empty_database() as database:
        url = in_schema(database, name)
        use(url, "pelican")
        assert problems_and_hits(url) == ([], 1, 0)


def test_two_stores_lie_in_two_schemas_of_one_database():
    with postgres_server.empty_database() as database:
        first, second = in_schema(database, "first"), in_schema(database, "second")
        use(first, "pelican")
        use(second, "heron")
        assert problems_and_hits(first) == ([], 1, 0)
        assert problems_and_hits(second) == ([], 0, 1)


def test_a_table_of_our_name_in_a_schema_behind_it_is_not_in_the_way():
    with postgres_server.empty_database() as database:
        with postgres_server.connected(database) as connection:
            connection.execute("CREATE SCHEMA hermes; CREATE TABLE public.usage (page text)")
        path = quote("-csearch_path=hermes,public")
        url = f"{database.render_as_string(hide_password=False)}?options={path}"
        use(url, "pelican")
        assert problems_and_hits(url) == ([], 1, 0)
