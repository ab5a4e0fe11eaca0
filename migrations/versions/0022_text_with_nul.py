r"""A text that goes on behind a NUL is no JSON to the search index of SQLite.

Why: `json_valid` reads a text up to its first NUL. So the view took `{"a": "x\n"}`, a NUL and more
for JSON and took it apart, with functions some of which go beyond the NUL: another tool that
inserted such a message got "malformed JSON", or an INSERT that never ended. Such a text is taken as
it is, as any that cannot be parsed. What is in the index stays: none of these could be stored.
"""

import importlib.util
from pathlib import Path

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

HAS_NUL = "instr(CAST(m.content AS BLOB), x'00')"
CONDITIONS = {
    "json_valid(m.content) THEN\n                substr": f"json_valid(m.content)\n"
    f"                AND NOT {HAS_NUL} THEN\n                substr",
    "NOT json_valid(m.content) THEN": f"NOT json_valid(m.content)\n"
    f"                OR {HAS_NUL} THEN",
}
"""Each condition that says what is JSON, and what it is from here on."""


def before() -> str:
    """The view as revision 0021 has made it."""
    path = Path(__file__).with_name("0021_indexed_together.py")
    spec = importlib.util.spec_from_file_location("revision_0021", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.messages_text()


def messages_text() -> str:
    """The view as this revision makes it."""
    view = before()
    for old, new in CONDITIONS.items():
        view = view.replace(old, new)
    return view


def replace(view: str) -> None:
    if op.get_context().dialect.name == "sqlite":
        op.execute("DROP VIEW IF EXISTS messages_text")
        op.execute(view.replace(":", r"\:"))  # else it is a parameter


def upgrade() -> None:
    replace(messages_text())


def downgrade() -> None:
    replace(before())
