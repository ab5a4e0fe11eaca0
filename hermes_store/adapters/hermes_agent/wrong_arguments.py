"""A call that fails because of an argument of a wrong kind: the error names the argument.

The annotations say what a method takes. They are looked at after a failure only, because Hermes
counts on much that they do not say.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from sqlalchemy.exc import SQLAlchemyError

from hermes_store import values
from hermes_store.errors import InvalidArgumentError, RefusedError

__all__ = ["naming_wrong_arguments"]

C = TypeVar("C", bound=type)

_MAY_FOLLOW = (AttributeError, OverflowError, RefusedError, SQLAlchemyError, TypeError, ValueError)
"""What a value of a wrong kind ends in."""


def naming_wrong_arguments(cls: C) -> C:
    """Make the public methods of a class raise `InvalidArgumentError` in place of Python's errors.

    An error of a call whose arguments are of their kinds stays as it is.
    """
    for name, method in inspect.getmembers(cls, inspect.isfunction):
        is_static = isinstance(inspect.getattr_static(cls, name), staticmethod)
        if not name.startswith("_") and not is_static:
            setattr(cls, name, _naming(method))
    return cls


def _naming(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except InvalidArgumentError:
            raise
        except _MAY_FOLLOW as exc:
            _refuse_wrong(method, args, kwargs, exc)
            raise

    return call


def _refuse_wrong(
    method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], exc: Exception
) -> None:
    """Raise `InvalidArgumentError` for the first argument that is not of its kind."""
    try:
        given = inspect.signature(method).bind(*args, **kwargs).arguments
    except TypeError:  # one is missing, or has no such name: Python says which
        return
    kinds = get_type_hints(method)
    for name, value in given.items():
        if name in kinds and not _is(value, kinds[name]):
            kind = method.__annotations__[name]
            raise InvalidArgumentError(
                name, f"{values.shown(value)} cannot be used", f"give {kind}"
            ) from exc


def _is(value: Any, kind: Any) -> bool:
    if isinstance(kind, UnionType):
        return any(_is(value, each) for each in get_args(kind))
    container, inner = get_origin(kind), get_args(kind)
    if container is None:
        return _is_single(value, kind)
    if not isinstance(value, container) or isinstance(value, (str, bytes)):
        return False
    if issubclass(container, Mapping):
        return all(_is(key, inner[0]) and _is(each, inner[1]) for key, each in value.items())
    return all(_is(each, inner[0]) for each in value)


def _is_single(value: Any, kind: Any) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and abs(value) <= sys.float_info.max
    if kind is int:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return is_number and abs(value) <= values.GREATEST_SUM
    return kind is Any or isinstance(value, kind)
