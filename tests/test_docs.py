"""What the documents show works, and nothing that exists is left out of them."""

import inspect
import io
import re
from contextlib import redirect_stdout
from itertools import zip_longest
from pathlib import Path

import pytest

from hermes_store import SessionRepository
from hermes_store.cli.app import COMMANDS, app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def python_blocks():
    """Each Python block, and the block of text right after it: what it prints."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = list(BLOCK.finditer(text))
        for block, following in zip_longest(blocks, blocks[1:]):
            if block[1] != "python":
                continue
            line = text.count("\n", 0, block.start()) + 1
            between = text[block.end() : following.start()].strip() if following else ""
            prints = following and following[1] == "text" and between in {"", "It prints"}
            where = f"{page.relative_to(ROOT)}:{line}"
            yield pytest.param(block[2], following[2] if prints else None, id=where)


@pytest.mark.parametrize(("code", "printed"), [*python_blocks()])
def test_a_python_block_runs(code, printed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HERMES_HOME", str(tmp_path))
    monkeypatch.delenv("HERMES_STORE_URL", raising=False)
    out = io.StringIO()
    with redirect_stdout(out):
        exec(compile(code, "block", "exec"), {"__name__": "__main__"})
    assert printed is None or out.getvalue() == printed


def test_every_public_method_is_in_the_api_page():
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    methods = (n for n, _ in inspect.getmembers(SessionRepository, callable) if n[0] != "_")
    assert [name for name in methods if name not in page] == []


def test_every_command_and_option_is_in_the_manual():
    manual = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        section = re.search(rf"^### `{name}`$(.*?)(?=^##|\Z)", manual, re.MULTILINE | re.DOTALL)
        assert section, name
        options = [o for p in app.get_command(None, name).params for o in p.opts if o[:2] == "--"]
        shared = {"--db", "--json"}
        assert [o for o in options if o not in shared and o not in section[1]] == [], name


def test_every_link_between_the_documents_leads_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"
