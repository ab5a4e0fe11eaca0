"""What the documents show works, and nothing that exists is left out of them."""

import inspect
import json
import re
import shlex

import pytest
from house.test_rooms import FLOORS
from pages import AT_THE_TOP, IN_THE_SITE, OF_FRAMEWORKS, ROOT, python_blocks, run, shell_blocks

from hermes_store import AsyncSessionRepository, SessionRepository, errors
from hermes_store.cli.app import COMMANDS, app

OWNERS = (SessionRepository, AsyncSessionRepository)
PACKAGE = ROOT / "hermes_store"
PAGES = [*AT_THE_TOP, *IN_THE_SITE]


@pytest.mark.parametrize(
    ("code", "printed"), [*python_blocks(*(page for page in PAGES if page not in OF_FRAMEWORKS))]
)
def test_a_python_block_runs(code, printed, tmp_path, monkeypatch):
    run(code, printed, tmp_path, monkeypatch)


@pytest.mark.parametrize("block", shell_blocks(*PAGES))
def test_a_shell_reads_a_block_of_commands(block):
    assert shlex.split(block, comments=True)


def test_the_manual_names_sessions_that_are_in_the_samples():
    samples = [path.read_text(encoding="utf-8") for path in (ROOT / "examples").glob("*.jsonl")]
    ids = {json.loads(line).get("id") for sample in samples for line in sample.splitlines()}
    manual = shell_blocks(ROOT / "README.md", ROOT / "docs" / "command-line.md")
    named = re.findall(r"(?<= )20\d{6}(?:_\d*)?(?=\s|$)", "\n".join(manual))
    assert len(named) > 20
    assert [name for name in named if not any(each and each.startswith(name) for each in ids)] == []


def test_every_public_method_is_in_the_api_page():
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    members = [each for owner in OWNERS for each in inspect.getmembers(owner, callable)]
    assert [name for name, _ in members if name[0] != "_" and name not in page] == []


def test_every_typed_error_is_in_the_table_of_the_api_page():
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    kinds = [getattr(errors, name) for name in errors.__all__ if name != "HermesStoreError"]
    told = [each for each in kinds if not issubclass(each, errors.SchemaError)]
    assert [each.__name__ for each in told if f"\n| `{each.__name__}`" not in page] == []


def test_every_command_and_option_is_in_the_manual():
    manual = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    choosing = manual.partition("\n## Choosing sessions")[2].partition("\n## ")[0]
    for name in COMMANDS:
        section = re.search(rf"^### `{name}`$(.*?)(?=^##|\Z)", manual, re.MULTILINE | re.DOTALL)
        assert section, name
        options = [o for p in app.get_command(None, name).params for o in p.opts if o[:2] == "--"]
        shared = {"--db", "--read-only", "--json"}
        told = section[1] + (choosing if "(#choosing-sessions)" in section[1] else "")
        assert [o for o in options if o not in shared and o not in told] == [], name


def test_every_link_between_the_documents_leads_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", AT_THE_TOP, ids=lambda page: page.name)
def test_a_page_at_the_top_needs_no_folder_beside_it(page):
    """A package index and a source archive show it alone."""
    targets = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if "://" not in target] == []


def test_every_file_that_a_page_names_is_there():
    named = re.compile(r"`((?:docs|tests|tools|migrations|hermes_store|examples)/[\w./-]*)`")
    for page in PAGES:
        for path in named.findall(page.read_text(encoding="utf-8")):
            assert (ROOT / path).exists(), f"{page.name}: {path}"


def test_every_file_in_the_tables_of_the_architecture_is_there():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.py)`", page))
    assert named
    there = {path for path in named for root in (ROOT, PACKAGE) if (root / path).exists()}
    assert named - there == set()


def test_every_page_is_in_the_contents_of_the_site():
    contents = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in IN_THE_SITE]
    assert [page for page in pages if f": {page}\n" not in contents] == []


def test_the_page_of_the_rooms_has_the_floors_that_the_test_holds():
    page = (ROOT / "docs" / "decisions" / "rooms.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", page, re.MULTILINE)
    told = {int(floor): set(re.findall(r"`(\w+)`", rooms)) for floor, rooms in rows}
    assert told == dict(enumerate(FLOORS, 1))


def test_the_picture_of_the_rooms_shows_each_of_them():
    picture = (ROOT / "docs" / "images" / "architecture.svg").read_text(encoding="utf-8")
    assert [room for rooms in FLOORS for room in rooms if room not in picture] == []


def test_the_glossary_tells_each_word_once_and_in_order():
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = re.findall(r"^\| ([a-z ]+) \|", page, re.MULTILINE)[1:]
    assert words == sorted(set(words))
