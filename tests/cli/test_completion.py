"""What a shell offers after the Tab key."""

import shlex
import subprocess
import sys

import pytest

from hermes_store import SessionRepository, migrate

RACE = "20260210_091204_3f9ac1"


@pytest.fixture
def offered(spawn):
    def call(*words, shell="bash") -> list[str]:
        line = ["hermes-store", *words]
        done = spawn(
            _HERMES_STORE_COMPLETE=f"{shell}_complete",
            COMP_WORDS=" ".join(line),
            COMP_CWORD=str(len(line) - 1),
        )
        assert done.err == ""
        if shell == "bash":
            return [each.partition(",")[2] for each in done.out.splitlines() if each]
        lines = done.out.splitlines()
        return list(zip(lines[1::3], lines[2::3], strict=True))

    return call


def test_commands_and_options_are_offered(offered, filled):
    assert offered("sea") == ["search"]
    assert offered("show", "--aro") == ["--around"]


def test_sources_of_the_store_are_offered(offered, filled):
    assert offered("list", "--source", "s") == ["slack"]
    assert set(offered("search", "x", "--exclude-source", "")) >= {"cli", "telegram", "slack"}


def test_roles_are_offered(offered, filled):
    assert offered("search", "x", "--role", "a") == ["assistant"]


def test_ids_and_titles_are_offered_and_say_what_they_belong_to(offered, filled):
    assert offered("show", "20260210_09") == [RACE]
    assert (RACE, "Token refresh race") in offered("show", "20260210", shell="zsh")
    assert ("Token refresh race", RACE) in offered("show", "Token", shell="zsh")
    assert len(offered("show", "")) == 12


def test_a_title_is_one_word_for_bash(offered, filled):
    titles = offered("export", "Slow")
    assert titles == ["Slow\\ orders\\ query\\ \\(Postgres\\)"]
    assert shlex.split(titles[0]) == ["Slow orders query (Postgres)"]


def test_the_store_is_the_one_that_the_line_names(offered, filled, tmp_path):
    with SessionRepository(tmp_path / "other.db") as repo:
        repo.create_session("other-session", "matrix")
    named = ("--db", str(tmp_path / "other.db"))
    assert offered(*named, "list", "--source", "") == ["matrix"]
    assert offered(*named, "show", "oth") == ["other-session"]
    assert offered("show", *named, "oth") == ["other-session"]


def test_what_would_steer_the_shell_is_not_offered(offered, filled):
    with SessionRepository(filled) as repo:
        repo.create_session("evil\nplain,rm", "x\x1b[2J")
        repo.create_session("evil-but-visible", "y")
    assert offered("show", "evil") == ["evil-but-visible"]
    assert offered("list", "--source", "x") == []


def test_without_a_store_nothing_is_offered_created_or_changed(offered, home, tmp_path):
    assert offered("show", "x") == offered("list", "--source", "") == []
    assert not home.exists()
    migrate.upgrade(tmp_path / "old.db", "0005")
    before = (tmp_path / "old.db").read_bytes()
    assert offered("--db", str(tmp_path / "old.db"), "show", "") == []
    assert (tmp_path / "old.db").read_bytes() == before
    assert offered("--db", "postgresql://nobody@127.0.0.1:1/x", "show", "") == []


def test_the_script_for_bash_is_printed(spawn):
    assert "_HERMES_STORE_COMPLETE=bash_complete" in spawn(_HERMES_STORE_COMPLETE="bash_source").out


@pytest.mark.parametrize("asked", ["--version", "--help", "serch"])
def test_short_answers_import_neither_sqlalchemy_nor_rich(asked):
    code = (
        f"import sys\nfrom hermes_store.cli.app import run\nrun(['{asked}'])\n"
        "heavy = 'hermes_store.repository', 'sqlalchemy', 'rich', 'alembic'\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_keys_of_meta_are_offered(offered, filled):
    with SessionRepository(filled) as repo:
        for key in ("gateway.admins", "gateway.offset", "cron.last"):
            repo.meta.set(key, 1)
    assert offered("meta", "g") == ["get"]
    assert offered("meta", "get", "gate") == ["gateway.admins", "gateway.offset"]
    assert offered("usage", "--by", "mo") == ["month", "model"]
