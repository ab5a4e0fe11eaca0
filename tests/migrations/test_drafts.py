"""Drafts of `alembic revision --autogenerate`: right on both databases, or refused with the recipe."""

import shutil
from collections.abc import Callable
from pathlib import Path

import postgres_server
import pytest
from files import HEAD, ROOT, alembic, query
from sqlalchemy import URL

from hermes_store import migrate

NUMBER = f"{int(HEAD) + 1:04d}"
SESSION = "    last_active: Mapped[OptionalEpoch] = mapped_column(default=_start)\n"
SOURCE_INDEX = '        Index("idx_sessions_source", "source"),\n'
INDEX = '        Index("idx_sessions_open", "id", {}),\n'
REFUSED = {
    "a type": (
        "    user_id: Mapped[OptionalText]",
        "    user_id: Mapped[int | None] = mapped_column(Integer)",
        ["sessions.user_id", "Rebuilding a table"],
    ),
    "NOT NULL": (
        "    model: Mapped[OptionalText]",
        "    model: Mapped[RequiredText]",
        ["sessions.model", "Rebuilding a table"],
    ),
    "a new column that is NOT NULL": (
        SESSION,
        SESSION + "    mood: Mapped[str] = mapped_column(Text)\n",
        ["sessions.mood", "constant server_default"],
    ),
    "a BOOLEAN with a number": (
        SESSION,
        SESSION + "    starred: Mapped[bool] = mapped_column(Boolean, server_default=text('0'))\n",
        ["sessions.starred", "sa.false()"],
    ),
    "an index with one condition": (
        SOURCE_INDEX,
        SOURCE_INDEX + INDEX.format('sqlite_where=text("ended_at IS NULL")'),
        ["idx_sessions_open", "postgresql_where"],
    ),
    "a foreign key of a table that is there": (
        "    user_id: Mapped[OptionalText]",
        '    user_id: Mapped[str | None] = mapped_column(Text, ForeignKey("sessions.id"))',
        ["sessions", "Rebuilding a table"],
    ),
}
TABLE = '''

class Note(Base):
    """A note."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(WHOLE, primary_key=True)
    session_id: Mapped[str] = mapped_column(ID, ForeignKey("sessions.id"))
    done: Mapped[bool] = mapped_column(Boolean, server_default=false())
    text: Mapped[OptionalText]
    more: Mapped[AsJson]
    __table_args__ = (Index("idx_notes_session", "session_id"),)


sessions = cast('''
RIGHT = {
    "a new table": ("\n\nsessions = cast(", TABLE),
    "columns": (
        SESSION,
        SESSION + "    mood: Mapped[OptionalText]\n    facts: Mapped[AsJson]\n"
        "    liked: Mapped[bool] = mapped_column(Boolean, server_default=true())\n"
        "    origin: Mapped[SessionIdOrNone]\n",
    ),
    "an index with both conditions": (
        SOURCE_INDEX,
        SOURCE_INDEX
        + INDEX.format(
            'sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")'
        ),
    ),
    "an index that is dropped": (SOURCE_INDEX, ""),
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "migrations", folder / "migrations")
    shutil.copytree(ROOT / "hermes_store", folder / "hermes_store")
    shutil.copy(ROOT / "alembic.ini", folder)
    return folder


@pytest.fixture
def run(checkout: Path, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    def call(database: Path | URL, *arguments: str) -> tuple[int, str]:
        written = (
            database.render_as_string(hide_password=False)
            if isinstance(database, URL)
            else str(database)
        )
        ini = str(checkout / "alembic.ini")
        command = ("-c", ini, "-x", f"url={written}", *arguments)
        done = alembic(*command, cwd=tmp_path, PYTHONPATH=str(checkout))
        return done.returncode, done.stderr

    return call


def edit(checkout: Path, old: str, new: str) -> None:
    models = checkout / "hermes_store" / "models" / "mapped.py"
    text = models.read_text()
    assert old in text
    text = text.replace(old, new, 1)
    imported = "from sqlalchemy import "
    text = text.replace(imported, f"{imported}Boolean, Integer, false, true, ", 1)
    optional = "\nSessionIdOrNone = Annotated[str | None, mapped_column(ID)]"
    text = text.replace("\nEpoch = ", f"{optional}\nEpoch = ")
    models.write_text(text)


def drafted(checkout: Path) -> str:
    [path] = (checkout / "migrations" / "versions").glob(f"{NUMBER}_*.py")
    return path.read_text()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    migrate.upgrade(tmp_path / "state.db")
    return tmp_path / "state.db"


@pytest.mark.parametrize("what", REFUSED)
def test_what_one_database_cannot_is_refused_with_the_recipe_and_check_reports_it(
    checkout: Path, run: Callable[..., tuple[int, str]], path: Path, what: str
) -> None:
    old, new, said = REFUSED[what]
    edit(checkout, old, new)
    code, error = run(path, "revision", "--autogenerate", "-m", "draft")
    assert code != 0
    assert [words for words in said if words not in error] == []
    assert "Traceback" not in error
    assert list((checkout / "migrations" / "versions").glob(f"{NUMBER}_*.py")) == []
    code, error = run(path, "check")
    assert code != 0
    assert "New upgrade operations detected" in error


@pytest.mark.postgresql
@pytest.mark.parametrize("what", RIGHT)
def test_a_draft_made_on_sqlite_goes_up_and_down_on_postgresql(
    checkout: Path, run: Callable[..., tuple[int, str]], path: Path, what: str
) -> None:
    edit(checkout, *RIGHT[what])
    assert run(path, "revision", "--autogenerate", "-m", "draft")[0] == 0
    assert "hermes_store" not in drafted(checkout)
    with postgres_server.empty_database() as url:
        for database in (path, url):
            for command in (["upgrade", "head"], ["check"], ["downgrade", "-1"], ["upgrade", "+1"]):
                code, error = run(database, *command)
                assert code == 0, error


@pytest.mark.postgresql
def test_a_trigger_drafted_on_sqlite_is_guarded(
    checkout: Path, run: Callable[..., tuple[int, str]], path: Path
) -> None:
    query(path, "DROP TRIGGER messages_fts_insert")
    query(path, "DROP VIEW messages_search")
    assert run(path, "revision", "--autogenerate", "-m", "draft")[0] == 0
    assert drafted(checkout).count("if op.get_context().dialect.name == 'sqlite':") >= 2
    with postgres_server.empty_database() as url:
        for command in (["upgrade", "head"], ["check"], ["downgrade", "-1"]):
            code, error = run(url, *command)
            assert code == 0, error
    for command in (["upgrade", "head"], ["check"]):
        code, error = run(path, *command)
        assert code == 0, error


@pytest.mark.postgresql
def test_search_drafted_on_postgresql_is_guarded(
    checkout: Path, run: Callable[..., tuple[int, str]], path: Path
) -> None:
    with postgres_server.empty_database() as url:
        migrate.upgrade(url)
        with postgres_server.connected(url) as connection:
            connection.execute("DROP VIEW messages_search")
        assert run(url, "revision", "--autogenerate", "-m", "draft")[0] == 0
        assert "if op.get_context().dialect.name == 'postgresql':" in drafted(checkout)
        for database in (url, path):
            code, error = run(database, "upgrade", "head")
            assert code == 0, error
            code, error = run(database, "check")
            assert code == 0, error
