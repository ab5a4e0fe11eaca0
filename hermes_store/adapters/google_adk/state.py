"""State of three scopes: that of a session, and what `app:` and `user:` share, in `meta`.

Each key of a shared state has a row of its own, so that two sessions that set different keys do not
overwrite each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

from google.adk.sessions.state import State
from pydantic_core import to_jsonable_python

from hermes_store import values
from hermes_store.adapters.pydantic_json import key_in_json
from hermes_store.errors import InvalidArgumentError
from hermes_store.shapes import keys
from hermes_store.shapes.adk_names import app_prefix, user_prefix
from hermes_store.shapes.exact import dumped

if TYPE_CHECKING:
    from hermes_store.repository import Transaction

__all__ = ["Scoped", "merged", "named"]


class Scoped(NamedTuple):
    """Values to be set, by their scope, without the prefixes of their keys."""

    session: dict[str, Any]
    app: dict[str, Any]
    user: dict[str, Any]

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> Self:
        """Tell the scopes apart, as JSON; what JSON cannot hold becomes its `repr`.

        Values of `temp:` are left out. Raises `InvalidArgumentError`.
        """
        found = cls({}, {}, {})
        for key, value in (given or {}).items():
            if not isinstance(key, str):
                problem = f"its key {values.shown(key)} is not a text"
                raise InvalidArgumentError("state", problem, "give a str")
            if key.startswith(State.APP_PREFIX):
                found.app[key.removeprefix(State.APP_PREFIX)] = value
            elif key.startswith(State.USER_PREFIX):
                found.user[key.removeprefix(State.USER_PREFIX)] = value
            elif not key.startswith(State.TEMP_PREFIX):
                found.session[key] = value
        return cls(*map(_json_of, found))

    def share(self, transaction: Transaction, app_name: str, user_id: str) -> None:
        """Store the values that sessions share. In one order, so that no two wait in a circle."""
        for prefix, given in (
            (app_prefix(app_name), self.app),
            (user_prefix(app_name, user_id), self.user),
        ):
            for key in sorted(given):
                transaction.meta.set(prefix + keys.joined(key), given[key])


def _json_of(given: dict[str, Any]) -> dict[str, Any]:
    written = dumped("state", partial(to_jsonable_python, given, serialize_unknown=True))
    values.refuse_equal_keys("state", given, key_in_json)
    return cast("dict[str, Any]", written)


def named(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The values of one app or one user, by the names that the keys end with."""
    return {keys.parted(key)[-1]: value for key, value in items}


def merged(
    session: Mapping[str, Any], app: Mapping[str, Any], user: Mapping[str, Any]
) -> dict[str, Any]:
    """The state that a session shows."""
    shown = {
        **session,
        **{State.APP_PREFIX + key: value for key, value in app.items()},
        **{State.USER_PREFIX + key: value for key, value in user.items()},
    }
    return cast("dict[str, Any]", shown)
