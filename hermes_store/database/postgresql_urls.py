"""The parameters of a PostgreSQL URL: the type of each, and which of them are secrets."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from sqlalchemy import URL

from hermes_store.errors import InvalidArgumentError

__all__ = [
    "KNOWN",
    "PREPARE",
    "SECRETS",
    "check_parameters",
    "prepare_threshold",
    "shown",
    "without_secrets",
]

PREPARE = "prepare_threshold"
"""The only parameter that is the driver's own; all others are libpq's."""

SECRETS = (
    *("password", "sslpassword", "oauth_client_secret"),
    *("scram_client_key", "scram_server_key"),
)
_NUMBERS = (
    *("connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval"),
    *("keepalives_count", "tcp_user_timeout"),
)
_GREATEST = 2**31 - 1
"""Of a number: libpq has no greater ones."""
_SHOWN = 50
_FLAGS = ("gssdelegation", "sslcompression", "sslsni")
_LEVELS = ("disable", "prefer", "require")
_CHOICES = {
    "channel_binding": _LEVELS,
    "client_encoding": ("utf8", "UTF8"),
    "gssencmode": _LEVELS,
    "load_balance_hosts": ("disable", "random"),
    "sslcertmode": ("disable", "allow", "require"),
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "target_session_attrs": (
        *("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    ),
    **dict.fromkeys(_FLAGS, ("0", "1")),
}
_TEXTS = (
    *("application_name", "dbname", "fallback_application_name", "gsslib", "host", "hostaddr"),
    *("krbsrvname", "max_protocol_version", "min_protocol_version", "oauth_client_id"),
    *("oauth_issuer", "oauth_scope", "options", "passfile", "port", "require_auth"),
    *("requirepeer", "schema", "service", "ssl_max_protocol_version"),
    *("ssl_min_protocol_version", "sslcert", "sslcrl", "sslcrldir", "sslkey", "sslkeylogfile"),
    *("sslrootcert", "user"),
)
KNOWN = (PREPARE, *SECRETS, *_NUMBERS, *_CHOICES, *_TEXTS)
_OURS = {
    "autocommit": "the store begins and ends transactions itself",
    "replication": "a connection for replication runs no ordinary statements",
}
_SEVERAL = ("host", "port")


def check_parameters(url: URL) -> None:
    """Raise `InvalidArgumentError` for a parameter that is not known, or not of its type."""
    if "@" in (url.host or ""):  # the second half of a password: do not quote it
        problem = "the URL's user or password holds an '@'"
        raise InvalidArgumentError("db_path", problem, "write it as %40")
    for name, value in url.query.items():
        if name not in KNOWN:
            raise _unknown(name)
        if isinstance(value, str):
            _check(name, value)
        elif name not in _SEVERAL:
            raise _wrong(name, "is there twice", "give it once")


def prepare_threshold(url: URL) -> int | None:
    """The URL's `prepare_threshold`: how often a statement runs before it is prepared; or never."""
    value = str(url.query[PREPARE])
    return None if value.lower() == "none" else int(value)


def without_secrets(url: URL) -> URL:
    """The URL with `***` for each secret among its parameters."""
    hidden = {name: "***" for name in SECRETS if name in url.query}
    return url.update_query_dict(hidden) if hidden else url


def shown(url: URL) -> str:
    """The URL as text, with `***` for its password and for other secrets."""
    return without_secrets(url).render_as_string(hide_password=True).replace("%2A%2A%2A", "***")


def _check(name: str, value: str) -> None:
    is_digits = value.isascii() and value.isdigit() and len(value) <= len(str(_GREATEST))
    is_number = is_digits and int(value) <= _GREATEST
    whole, is_none = f"a whole number from 0 to {_GREATEST}", value.lower() == "none"
    if name == PREPARE and not is_number and not is_none:
        raise _wrong(name, f"is {value[:_SHOWN]!r}", f"give none, or {whole}")
    if name in _NUMBERS and not is_number:
        raise _wrong(name, f"is {value[:_SHOWN]!r}", f"give {whole}")
    choices = _CHOICES.get(name)
    if choices is not None and value not in choices:
        raise _wrong(name, f"is {value!r}", f"use {_nearest(value, choices) or ', '.join(choices)}")


def _unknown(name: str) -> InvalidArgumentError:
    if name in _OURS:
        return _wrong(name, "cannot be set", f"leave it out: {_OURS[name]}")
    nearest = _nearest(name, KNOWN)
    remedy = f"did you mean {nearest}?" if nearest else f"use one of {', '.join(sorted(KNOWN))}"
    return _wrong(name, "is not known", remedy)


def _nearest(given: str, known: Iterable[str]) -> str | None:
    return next(iter(get_close_matches(given.lower(), known, n=1)), None)


def _wrong(name: str, problem: str, remedy: str) -> InvalidArgumentError:
    return InvalidArgumentError("db_path", f"the URL's parameter {name} {problem}", remedy)
