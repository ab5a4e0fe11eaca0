"""The types of columns; how the mapped classes read and write text and JSON.

A value is converted wherever SQLAlchemy binds or fetches it: in the unit of work, in a bulk
statement, in a WHERE. The hot paths use `hermes_store.models.stored`, where every column is plain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    ColumnElement,
    Dialect,
    Double,
    Integer,
    Text,
    TypeDecorator,
    case,
    func,
    literal_column,
    type_coerce,
)
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.types import TypeEngine

from hermes_store import values
from hermes_store.errors import InvalidArgumentError

__all__ = ["ID", "NUMBER", "WHOLE", "Content", "Json", "Words"]

# Ids compare byte by byte on every database, so that a prefix is a range of the index. Only
# generic types here: importing the PostgreSQL dialect would take longer than all of this package.
ID: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
WHOLE: TypeEngine[int] = Integer().with_variant(BigInteger(), "postgresql")
NUMBER: TypeEngine[float] = Double().with_variant(REAL(), "sqlite")

_MARK = "\x01content:"
_JSON, _TEXT = f"{_MARK}json:", f"{_MARK}text:"
"""Stand before a content while it is fetched: before JSON, and before a text that begins alike."""


class UnfitValueError(InvalidArgumentError, DontWrapMixin):
    """A value that its column cannot store. SQLAlchemy passes the error on as it is."""


def _checked(check: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return check(*arguments)
    except InvalidArgumentError as exc:
        raise UnfitValueError(exc.argument, exc.problem, exc.remedy) from exc


class Words(TypeDecorator[str]):
    """Text; a lone surrogate is stored as U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """What is stored. Raises `InvalidArgumentError`."""
        stored: str | None = _checked(values.optional_text, "text", value)
        return stored


class Json(TypeDecorator[Any]):
    """JSON as text. `None` is NULL; text that is not JSON is read as it is."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """What is stored. Raises `InvalidArgumentError`."""
        stored: str | None = _checked(values.encode_json, "JSON", value)
        return stored

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """What was given."""
        return None if value is None else values.decode_json(value)


class Content(TypeDecorator[Any]):
    """A text, or the list or dict of a multimodal message, as `content_format` says."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """What is stored. Raises `InvalidArgumentError`."""
        stored: str | None = _checked(values.content, value)[0]
        return stored

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """What a SELECT fetches: `column`, marked where `process_result_value` must look."""
        stored_format = _format_beside(column)
        if stored_format is None:
            return column
        beginning = func.substr(column, literal_column("1"), literal_column(str(len(_MARK))))
        marked: ColumnElement[Any] = case(
            (stored_format == literal_column("'json'"), _quoted(_JSON).op("||")(column)),
            (beginning == _quoted(_MARK), _quoted(_TEXT).op("||")(column)),
            else_=column,
        )
        return type_coerce(marked, self)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """What was given."""
        if value is None or not value.startswith(_MARK):
            return value
        if value.startswith(_JSON):
            return values.decode_json(value.removeprefix(_JSON))
        return value.removeprefix(_TEXT)


def _quoted(text: str) -> ColumnElement[str]:
    return literal_column(f"'{text}'", Text)


def _format_beside(column: Any) -> ColumnElement[Any] | None:
    """The column `content_format` of the same row; None when the statement does not have it."""
    table = getattr(column, "table", None)
    stored_in = next((each.table for each in column.base_columns if hasattr(each, "table")), None)
    if table is None or stored_in is None:
        return None
    found: ColumnElement[Any] | None = table.corresponding_column(stored_in.c.content_format)
    return found
