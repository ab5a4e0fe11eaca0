"""The pages of the documentation, and the Python in them."""

import io
import re
from contextlib import redirect_stdout
from itertools import zip_longest
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
AT_THE_TOP = [ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY")]
IN_THE_SITE = sorted((ROOT / "docs").rglob("*.md"))
OF_FRAMEWORKS = sorted((ROOT / "docs" / "frameworks").glob("*.md"))
"""What they show needs the framework: its suites run it."""
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def python_blocks(*pages: Path):
    """Each Python block, and the block of text right after it: what it prints."""
    for page in pages:
        text = page.read_text(encoding="utf-8")
        blocks = list(_BLOCK.finditer(text))
        for block, following in zip_longest(blocks, blocks[1:]):
            if block[1] != "python":
                continue
            line = text.count("\n", 0, block.start()) + 1
            between = text[block.end() : following.start()].strip() if following else ""
            prints = following and following[1] == "text" and between in {"", "It prints"}
            where = f"{page.relative_to(ROOT)}:{line}"
            yield pytest.param(block[2], following[2] if prints else None, id=where)


def shell_blocks(*pages: Path) -> list[str]:
    """Each block of commands."""
    found = (_BLOCK.finditer(page.read_text(encoding="utf-8")) for page in pages)
    return [block[2] for blocks in found for block in blocks if block[1] == "sh"]


def run(code: str, printed: str | None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a block in an empty folder, and compare what it prints with what the page says."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HERMES_HOME", str(folder))
    monkeypatch.delenv("HERMES_STORE_URL", raising=False)
    out = io.StringIO()
    with redirect_stdout(out):
        exec(compile(code, "block", "exec"), {"__name__": "__main__"})
    assert printed is None or out.getvalue() == printed
