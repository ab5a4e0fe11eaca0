"""The house: names documented as public import, and arrows between rooms run downwards only."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import hermes_store

PACKAGE = Path(hermes_store.__file__).parent

PUBLIC = {
    "hermes_store": [
        "AsyncSessionRepository",
        "SessionFilter",
        "SessionRepository",
        "Settings",
        "Transaction",
        "errors",
    ],
    "hermes_store.copy": ["Copied", "copy"],
    "hermes_store.errors": ["HermesStoreError", "InvalidArgumentError", "StoreBusyError"],
    "hermes_store.migrate": [
        "current",
        "downgrade",
        "include_name",
        "inspect",
        "prepare",
        "upgrade",
    ],
    "hermes_store.models": ["Base", "Message", "Session", "messages", "sessions"],
    "hermes_store.records": ["ImportResult", "MessageRecord", "SearchHit", "SessionRecord"],
    "hermes_store.repository": ["SessionRepository", "Transaction"],
    "hermes_store.settings": ["Settings", "SettingsKeywords"],
}

FLOORS = [
    {"errors"},
    {"values"},
    {"models", "records", "settings"},
    {"database", "filters", "shapes"},
    {"search"},
    {"queries"},
    {"schema"},
    {"migrate"},
    {"execution"},
    {"charts", "transfer"},
    {"api"},
    {"repository", "copy"},
    {"asynchronous", "serving"},
    {"adapters", "mcp", "web"},
    {"cli"},
]
"""A room imports from rooms of the floors below its own, and from itself."""

MOST_LINES = 250
"""Of a module, unless docs/decisions/rooms.md says why."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def modules() -> Iterator[Path]:
    yield from (path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__main__.py")


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_by(path: Path) -> Iterator[str]:
    """Modules of the package that a file imports, lazily or not."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith("hermes_store"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hermes_store"):
            for each in node.names:
                inner = f"{node.module}.{each.name}"
                yield inner if is_module(inner) else str(node.module)


def is_module(name: str) -> bool:
    path = PACKAGE.parent / Path(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def room_of(module: str) -> str:
    return [*module.split("."), ""][1]


@pytest.mark.parametrize("module", PUBLIC)
def test_names_documented_as_public_are_imported_from_where_they_are_documented(module: str):
    found = import_module(module)
    assert [name for name in PUBLIC[module] if not hasattr(found, name)] == []


def test_every_room_has_a_floor():
    rooms = {room_of(name_of(path)) for path in modules()} - {""}
    assert rooms - FLOOR.keys() == set()


def test_no_room_imports_from_a_floor_above_or_beside_its_own():
    wrong = [
        f"{name_of(path)} imports {target}"
        for path in modules()
        if (room := room_of(name_of(path)))
        for target in imported_by(path)
        if (other := room_of(target)) and other != room and FLOOR[other] >= FLOOR[room]
    ]
    assert wrong == []


def test_statements_of_the_package_are_of_its_plain_tables():
    """The mapped tables convert JSON: a statement with them would encode or decode it twice."""
    mapped = re.compile(r"from hermes_store\.models(?:\.mapped)? import .*\b(messages|sessions)\b")
    wrong = [name_of(path) for path in modules() if mapped.search(path.read_text())]
    assert wrong == []


def test_no_file_imports_itself_through_others():
    arrows = {name_of(path): set(imported_by(path)) for path in modules()}
    leaves = True
    while leaves:  # take away what imports nothing that is left; a circle stays
        leaves = {name for name, targets in arrows.items() if not targets & arrows.keys() - {name}}
        arrows = {name: targets for name, targets in arrows.items() if name not in leaves}
    assert sorted(arrows) == []


def test_no_module_is_above_250_lines_but_those_of_which_the_page_of_the_rooms_says_why():
    page = (PACKAGE.parent / "docs" / "decisions" / "rooms.md").read_text(encoding="utf-8")
    reasons = dict(re.findall(r"^\| `([\w/]+\.py)` \| (.+) \|$", page, re.MULTILINE))
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in modules()
        if len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES
    }
    assert found == reasons.keys()
