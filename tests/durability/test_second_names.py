"""One file under two names is refused: each name would have a log of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import raises, until

from hermes_store import SessionRepository, migrate
from hermes_store.database.mounts import is_mount_point
from hermes_store.errors import SecondNameError

LINE = "36 35 98:0 /state.db {place} rw,noatime master:1 - ext4 /dev/root rw,errors=continue\n"


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The list of what is mounted, which a test writes."""
    path = tmp_path / "mountinfo"
    monkeypatch.setattr("hermes_store.database.mounts.MOUNTS", path)
    return path


def test_a_file_with_a_hard_link_is_refused_with_the_remedy(database: Path) -> None:
    os.link(database, database.with_name("other.db"))
    for way in (SessionRepository, migrate.inspect, migrate.upgrade):
        with pytest.raises(SecondNameError, match=r"2 hard links .*; remove all but one"):
            way(database)
    assert sorted(each.name for each in database.parent.iterdir()) == ["other.db", "state.db"]


def test_it_is_taken_again_when_the_link_is_removed(database: Path) -> None:
    other = database.with_name("other.db")
    os.link(database, other)
    with pytest.raises(SecondNameError):
        SessionRepository(database)
    other.unlink()
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")


def test_a_link_made_while_the_file_is_open_stops_the_next_write_before_its_commit(
    database: Path,
) -> None:
    other = database.with_name("other.db")
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
        os.link(database, other)
        until(lambda: raises(SecondNameError, lambda: repository.ensure_session("s")))
        with pytest.raises(SecondNameError):
            repository.append_message("s", "user", "x")
        until(lambda: raises(SecondNameError, repository.session_count))
        other.unlink()
        repository.append_message("s", "user", "y")
        assert [message["content"] for message in repository.get_messages("s")] == ["y"]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("state.db", "state.db"),
        ("with blank.db", "with\\040blank.db"),
        ("tab\t\n.db", "tab\\011\\012.db"),
        ("back\\slash.db", "back\\134slash.db"),
        ("记忆.db", "记忆.db"),
    ],
)
def test_a_file_in_the_list_of_mounts_is_a_mount_point(
    tmp_path: Path, mounts: Path, name: str, written: str
) -> None:
    mounts.write_text(LINE.format(place=f"{tmp_path}/{written}"))
    assert is_mount_point(tmp_path / name)
    assert not is_mount_point(tmp_path / "else.db")
    assert not is_mount_point(tmp_path)


def test_a_mounted_folder_is_none_and_so_is_all_where_there_is_no_list(
    tmp_path: Path, mounts: Path
) -> None:
    mounts.write_text(LINE.format(place=tmp_path) + "\n" + "cut off\n")
    assert not is_mount_point(tmp_path / "state.db")
    mounts.unlink()
    assert not is_mount_point(tmp_path / "state.db")


def test_a_file_that_is_mounted_alone_is_refused(database: Path, mounts: Path) -> None:
    mounts.write_text(LINE.format(place=database))
    with pytest.raises(SecondNameError, match="as a single file; mount its folder instead"):
        SessionRepository(database)


OPEN = """
import sys
from hermes_store import SessionRepository
from hermes_store.errors import SecondNameError
try:
    SessionRepository(sys.argv[1]).close()
except SecondNameError as exc:
    print(exc)
"""


def in_a_namespace(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a shell script where it may mount: in a namespace of its own, as its root."""
    command = ["unshare", "--mount", "--map-root-user", "sh", "-ec", script, "sh"]
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_real_mount_of_a_single_file_is_refused_and_one_of_its_folder_is_not(
    database: Path, tmp_path: Path
) -> None:
    """Where the system lets nobody mount, the list above stands for it."""
    single, folder = tmp_path / "single.db", tmp_path / "folder"
    single.touch()
    folder.mkdir()
    mount = 'mount --bind "$1" "$2"; shift 2; exec "$@"'
    allowed = in_a_namespace(mount, database, single, "true").returncode == 0
    python = (sys.executable, "-c", OPEN)
    alone = in_a_namespace(mount, database, single, *python, single)
    whole = in_a_namespace(mount, database.parent, folder, *python, folder / database.name)
    if allowed:
        assert "mount its folder instead" in alone.stdout
        assert (whole.returncode, whole.stdout) == (0, "")
    else:
        assert alone.returncode != 0
