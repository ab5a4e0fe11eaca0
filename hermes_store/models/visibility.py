"""Which messages a reader sees: the one rule, for every reader.

| state | "live" | "found" | "all" |
|---|---|---|---|
| NULL: live | yes | yes | yes |
| compacted: summarised away, the conversation goes on without it | no | yes | yes |
| rewound: taken back by the user | no | no | yes |
| a state that this version does not know | no | yes | yes |

Conversations, counters, previews and pages see "live", searches "found", export, import and copy
"all". A caller can ask for "all" wherever the keyword `include` is. An unknown state is another
program's: `check()` names such messages, and nothing of them is lost.
"""

from __future__ import annotations

from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, FromClause, literal_column, true

from hermes_store import values
from hermes_store.models.stored import messages

__all__ = [
    "COMPACTED",
    "LIVE",
    "REWOUND",
    "STATES",
    "Include",
    "checked",
    "checked_state",
    "state_of_flags",
    "visible",
]

Include = Literal["live", "found", "all"]
COMPACTED, REWOUND = "compacted", "rewound"
LIVE = "state IS NULL"
"""The condition that a message is live, for SQL that is written as text."""
STATES = (COMPACTED, REWOUND)
"""The values of `messages.state`; a live message has none."""


def checked(include: Any, *among: Include) -> Include:
    """Return `include`. Raises `InvalidArgumentError` unless it is one of `among`."""
    return cast("Include", values.one_of("include", include, among))


def checked_state(argument: str, value: Any) -> str | None:
    """Return a state of a message; None is live. Raises `InvalidArgumentError`."""
    return None if value is None else values.one_of(argument, value, STATES)


def state_of_flags(active: Any, compacted: Any) -> str | None:
    """The state that newer files of the original say by two numbers; NULL counts as active."""
    if active not in (0, "0"):
        return None
    return COMPACTED if compacted else REWOUND


def visible(include: Include, of: FromClause = messages) -> ColumnElement[bool]:
    """The condition that a message is seen by who asks for `include`."""
    if include == "all":
        return true()
    if include == "live":
        return of.c.state.is_(None)
    return of.c.state.is_distinct_from(literal_column(f"'{REWOUND}'"))
