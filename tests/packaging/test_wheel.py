"""The wheel holds all that an installation needs, and nothing else."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        yield archive


def sources(folder: str) -> set[str]:
    found = (p for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {p.relative_to(ROOT / folder).as_posix() for p in found}


def test_every_migration_is_in_the_wheel(wheel):
    packed = {n.removeprefix("hermes_store/_migrations/") for n in wheel.namelist()}
    assert sources("migrations") <= packed
    assert "versions/0001_sessions_messages_fts.py" in packed


def test_every_module_and_the_typing_marker_are_in_the_wheel(wheel):
    packed = {n.removeprefix("hermes_store/") for n in wheel.namelist()}
    assert sources("hermes_store") <= packed
    assert "py.typed" in packed


def test_an_unpacked_wheel_makes_and_upgrades_stores_by_what_it_holds(wheel, tmp_path):
    site = tmp_path / "site"
    wheel.extractall(site)
    code = (
        "from hermes_store import SessionRepository, migrate\n"
        "from hermes_store.schema.revisions import scripts_folder\n"
        "migrate.upgrade('old.db', migrate.REVISIONS[4])\n"
        "for name in ('new.db', 'old.db'):\n"
        "    SessionRepository(name).close()\n"
        "    assert migrate.current(name) == migrate.HEAD\n"
        "print(scripts_folder(), *migrate.REVISIONS)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site)},
        check=True,
        capture_output=True,
        text=True,
    )
    folder, *revisions = done.stdout.split()
    assert folder == str(site / "hermes_store" / "_migrations")
    assert revisions == sorted(n[:4] for n in sources("migrations/versions"))


def test_nothing_else_is_in_the_wheel(wheel):
    folders = {name.split("/")[0] for name in wheel.namelist()}
    assert {f for f in folders if not f.endswith(".dist-info")} == {"hermes_store"}
    assert not [name for name in wheel.namelist() if name.endswith(".pyc")]


def test_the_wheel_installs_the_command_and_names_its_licence(wheel):
    texts = {Path(n).name: n for n in wheel.namelist() if ".dist-info/" in n}
    assert b"hermes-store = hermes_store.cli:main" in wheel.read(texts["entry_points.txt"])
    assert "LICENSE" in texts


def test_the_lowest_version_of_every_dependency_is_declared():
    command = [sys.executable, str(ROOT / ".ci" / "lowest.py")]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {line.split("==")[0] for line in printed.splitlines()}
    assert all("==" in line for line in printed.splitlines())
    assert {d.split(">=")[0] for d in project["dependencies"]} < pinned
