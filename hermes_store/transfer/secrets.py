"""How secrets look: tokens by the formats that their issuers publish, the rest by what names them.

All lengths are bounded, or end where the next match could begin, so a search takes time in
proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, get_args

from hermes_store.transfer.token_prefixes import PREFIXED, Kind

__all__ = ["KINDS", "SECRETS", "Kind", "Secret", "kind_of_field"]

KINDS: tuple[Kind, ...] = get_args(Kind)


class Secret(NamedTuple):
    """One form of a secret. The group `secret` is what must go; without it, all that matches."""

    kind: Kind
    hints: tuple[str, ...]
    """A text that has none of these, in small letters, holds no such secret."""
    pattern: re.Pattern[str]
    is_one: Callable[[re.Match[str]], bool] = bool
    """Whether what matched is a secret."""


# --- tokens with a prefix of their issuer ---------------------------------------------------------


_ESCAPES = (r"\\[bfnrt]", r"\\u[0-9A-Fa-f]{4}", "%[0-9A-Fa-f]{2}")
"""What may stand before a secret and is no part of it, though its end is a letter or a digit."""


def _after_escape(written: str = "") -> str:
    return "|".join(f"(?<={each}{written})" for each in _ESCAPES)


def _begins(prefix: str = "") -> str:
    """A pattern of a prefix that begins a word. It stands first, which is searched for fastest."""
    written = re.escape(prefix)
    return f"{written}(?:(?<![A-Za-z0-9]{written})|{_after_escape(written)})"


_TOKENS = [
    Secret(kind, (prefix.lower(),), re.compile(_begins(prefix) + body))
    for kind, prefix, body in PREFIXED
]
_TELEGRAM = Secret(  # Telegram Bot API, "Authorizing your bot"
    "token", (":aa", "%3aaa"), re.compile(_begins() + r"\d{8,10}(?::|%3A)AA[A-Za-z0-9_-]{33}")
)
_DISCORD = Secret(  # Discord, "Authentication": the id of the bot, a time and a signature
    "token",
    (".",),
    re.compile(_begins() + r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}(?![A-Za-z0-9])", re.ASCII),
    lambda match: _is_mixed(match[0]),
)
_SLACK_HOOK = Secret(  # Slack, "Sending messages using incoming webhooks"
    "token",
    ("hooks.slack.com",),
    re.compile(r"hooks\.slack\.com(?:\\?/|%2F)services(?:\\?/|%2F)(?P<secret>[\w/\\%-]{20,100})"),
)

# --- what other marks tell ------------------------------------------------------------------------

_PEM = Secret(  # RFC 7468; and OpenPGP's armor, RFC 9580
    "private-key",
    ("private key",),
    re.compile(
        r"-----BEGIN (?:[A-Z0-9]{1,20}[ +]){0,3}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?:(?!-----).){0,65536}-----END [A-Z0-9 +]{0,60}KEY(?: BLOCK)?-----"
        r"|[^A-Za-z0-9+/=]{0,8}[A-Za-z0-9+/=]{20,}(?:[^A-Za-z0-9+/=]{1,8}[A-Za-z0-9+/=]{20,})*)",
        re.DOTALL,
    ),
)
_COOKIE = Secret(  # RFC 6265
    "token",
    ("cookie:",),
    re.compile(
        r"(?:Set-)?Cookie:\s{0,4}(?P<secret>[^\s\"'\\=;]{1,100}=[^\r\n\"'\\]{8,4000})",
        re.IGNORECASE,
    ),
)
_IN_URL = Secret(  # RFC 3986, "user information"
    "password",
    ("://", r":\/\/", "%3a%2f%2f"),
    re.compile(
        r"(?::|%3[Aa])(?:\\?/|%2[Ff]){2}[^\s:/?#@\"'<>\\%]{0,100}(?::|%3[Aa])"
        r"(?P<secret>[^\s/@\"'<>\\]{1,200})(?:@|%40)"
    ),
    lambda match: not _is_placeholder(match["secret"]),
)
_BEARER = Secret(  # RFC 6750 and RFC 7617
    "token",
    ("bearer", "authorization"),
    re.compile(
        r"(?:Bearer|Authorization[\"'\\]{0,4}\s{0,4}[:=]\s{0,4}[\"'\\]{0,4}(?:Basic|Token))"
        r"(?:\s|\+|%20){1,3}(?P<secret>[A-Za-z0-9._~+/=-]{16,4000})",
        re.IGNORECASE,
    ),
    lambda match: _is_mixed(match["secret"]),
)
_LETTERS = r"\u00C0-\u024F\u0370-\u052F"
"""Of Latin, Greek and Cyrillic, beside ASCII: other scripts put no blank before an address."""
_LOCAL = rf"[A-Za-z0-9_.+{_LETTERS}-]"
_EMAIL = Secret(  # RFC 5321, without quoted local parts and addresses in brackets
    "e-mail",
    ("@", "%40", "u0040", "&#64;"),
    re.compile(
        rf"(?:(?<!{_LOCAL})(?<![%\\])|(?<=\\)(?![bfnrtu])|(?<=%)(?![0-9A-Fa-f]{{2}})|{_after_escape()})"
        rf"(?!git(?:@|%40)){_LOCAL}+(?:@|%40|\\{{1,4}}u0040|&#64;)(?!\d{{1,3}}\.\d|\dx\.)"
        rf"(?:[A-Za-z0-9{_LETTERS}-]{{1,63}}\.){{1,8}}[A-Za-z{_LETTERS}]{{2,63}}(?![A-Za-z0-9])"
    ),
)

# --- what stands behind a name: password = "…" ----------------------------------------------------

_NAMES: dict[Kind, str] = {
    "password": r"passw(?:or)?d|passphrase|pwd",
    "key": r"(?:api|secret|access|signing|encryption|account|master)[_-]?key|(?<![A-Za-z])secret"
    r"|(?:client|app|shared|consumer)[_-]?secret",
    "token": r"(?:access|auth|refresh|bearer|bot|session|api|id)[_-]?token|(?<![A-Za-z])token",
}
_HINTS = {"password": ("passw", "passphrase", "pwd"), "key": ("key", "secret"), "token": ("token",)}
_VALUE = (
    r"(?P<sign>[\"'`\\]{0,4}\s{0,4}(?:=>|:=|=|:|%3D)\s{0,4})(?P<quote>\\{0,3}[\"'`])?"
    r"(?P<secret>(?(quote)(?:(?!(?P=quote))(?:\\\S|[^\s\\])){4,512}"
    r"|[^\s\"'`\\,;&<>(){}\[\]|]{4,512}))(?(quote)(?P=quote)|(?![\w.(\[{]))"
)
_LEAST = {"password": 4, "key": 12, "token": 16}
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+")
_PLACEHOLDER = re.compile(
    r":?[*•.xX_-]+|\$\{.*|\$\(.*|\$[A-Z_][A-Z0-9_]*|%\(?\w+[)%]?s?|<.*>|\{.*\}|\[.*\]|your[_-].*|https?://.*"
)
_WORDS = re.compile(
    "passw(or)?d|passphrase|secret|token|string|null|none|true|false|undefined|hidden|required"
    "|optional|changeme|example|text",
    re.IGNORECASE,
)


def kind_of_field(name: str, value: str) -> Kind | None:
    """Return the kind of secret that the value of a field is by the field's name, or None."""
    for kind, pattern in _FIELDS.items():
        if (found := pattern.search(name[-100:])) and _is_secret(kind, found[0], value):
            return kind
    return None


def _is_secret(kind: Kind, name: str, value: str) -> bool:
    if len(value) < _LEAST[kind] or any(map(str.isspace, value)) or _is_placeholder(value):
        return False
    if name.lower() == "pwd" and value[0] in "/~":
        return False  # the working folder of a shell
    return kind == "password" or _is_mixed(value)


def _is_assigned(kind: Kind, match: re.Match[str]) -> bool:
    name, value = match["name"], match["secret"]
    if match["quote"] or not _is_secret(kind, name, value):
        return _is_secret(kind, name, value)
    in_environment = name.isupper() and match["sign"] == "="
    is_attribute = bool(_DOTTED.fullmatch(value))  # of an object in code
    return not is_attribute and (in_environment or any(map(str.isdigit, value)))


def _is_placeholder(value: str) -> bool:
    return bool(_WORDS.fullmatch(value) or _PLACEHOLDER.fullmatch(value))


def _is_mixed(value: str) -> bool:
    """Whether a value looks made by chance: letters with digits, or with capitals in the middle."""
    digits, letters = any(map(str.isdigit, value)), any(map(str.isalpha, value))
    return letters and (digits or bool(re.search("[a-z][A-Z]", value)))


def _assigned(kind: Kind, names: str) -> Secret:
    pattern = re.compile(f"(?P<name>{names}){_VALUE}", re.IGNORECASE)
    return Secret(kind, _HINTS[kind], pattern, partial(_is_assigned, kind))


_FIELDS = {kind: re.compile(f"(?:{names})$", re.IGNORECASE) for kind, names in _NAMES.items()}
SECRETS: tuple[Secret, ...] = (
    _PEM,
    *_TOKENS,
    _TELEGRAM,
    _DISCORD,
    _SLACK_HOOK,
    _BEARER,
    _COOKIE,
    _IN_URL,
    *(_assigned(kind, names) for kind, names in _NAMES.items()),
    _EMAIL,
)
"""All forms, in the order in which they are looked for."""
