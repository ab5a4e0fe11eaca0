"""Files of Hermes Agent at each version of its schema, 7 to 30: what columns and tables there are.

The facts are those of its releases. Indexes are left out but one: no reader may need them. A
version that added nothing that holds data is made all the same.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

VERSIONS = range(7, 31)
FIRST = {
    "schema_version": ["version INTEGER NOT NULL"],
    "sessions": [
        "id TEXT PRIMARY KEY",
        "source TEXT NOT NULL",
        *(f"{name} TEXT" for name in ("user_id", "model", "model_config", "system_prompt")),
        "parent_session_id TEXT",
        "started_at REAL NOT NULL",
        "ended_at REAL",
        "end_reason TEXT",
        *(f"{name} INTEGER DEFAULT 0" for name in ("message_count", "tool_call_count")),
        *(f"{name}_tokens INTEGER DEFAULT 0" for name in ("input", "output")),
        *(f"{name}_tokens INTEGER DEFAULT 0" for name in ("cache_read", "cache_write")),
        "reasoning_tokens INTEGER DEFAULT 0",
        *(f"billing_{name} TEXT" for name in ("provider", "base_url", "mode")),
        *(f"{name}_cost_usd REAL" for name in ("estimated", "actual")),
        *(f"{name} TEXT" for name in ("cost_status", "cost_source", "pricing_version", "title")),
    ],
    "messages": [
        "id INTEGER PRIMARY KEY AUTOINCREMENT",
        "session_id TEXT NOT NULL",
        "role TEXT NOT NULL",
        *(f"{name} TEXT" for name in ("content", "tool_call_id", "tool_calls", "tool_name")),
        "timestamp REAL NOT NULL",
        "token_count INTEGER",
        *(f"{name} TEXT" for name in ("finish_reason", "reasoning", "reasoning_details")),
        "codex_reasoning_items TEXT",
    ],
}
ADDED: dict[int, dict[str, list[str]]] = {
    7: {"messages": ["reasoning_content TEXT"]},
    8: {"sessions": ["api_call_count INTEGER DEFAULT 0"]},
    9: {"messages": ["codex_message_items TEXT"]},
    10: {"state_meta": ["key TEXT PRIMARY KEY", "value TEXT"]},
    11: {"sessions": [f"handoff_{name} TEXT" for name in ("state", "platform", "error")]},
    13: {"messages": ["platform_message_id TEXT", "observed INTEGER DEFAULT 0"]},
    14: {
        "sessions": [
            "cwd TEXT",
            "rewind_count INTEGER NOT NULL DEFAULT 0",
            "archived INTEGER NOT NULL DEFAULT 0",
        ],
        "messages": ["active INTEGER DEFAULT 1"],
        "compression_locks": [
            "session_id TEXT PRIMARY KEY",
            "holder TEXT NOT NULL",
            "acquired_at REAL NOT NULL",
            "expires_at REAL NOT NULL",
        ],
    },
    17: {
        "sessions": [
            *(f"{name} TEXT" for name in ("session_key", "chat_id", "chat_type", "thread_id")),
            *(f"git_{name} TEXT" for name in ("branch", "repo_root")),
        ],
        "messages": ["compacted INTEGER NOT NULL DEFAULT 0"],
    },
    19: {
        "sessions": [
            "display_name TEXT",
            "origin_json TEXT",
            "expiry_finalized INTEGER DEFAULT 0",
        ],
        "gateway_routing": [
            "scope TEXT NOT NULL DEFAULT ''",
            "session_key TEXT NOT NULL",
            "entry_json TEXT NOT NULL",
            "updated_at REAL NOT NULL",
            "PRIMARY KEY (scope, session_key)",
        ],
    },
    22: {
        "sessions": ["profile_name TEXT"],
        "messages": ["effect_disposition TEXT", "api_content TEXT"],
        "session_model_usage": [
            "session_id TEXT NOT NULL",
            "model TEXT NOT NULL",
            *(f"billing_{name} TEXT NOT NULL DEFAULT ''" for name in ("provider", "base_url")),
            "billing_mode TEXT NOT NULL DEFAULT ''",
            "task TEXT NOT NULL DEFAULT ''",
            "api_call_count INTEGER NOT NULL DEFAULT 0",
            *(f"{name}_tokens INTEGER NOT NULL DEFAULT 0" for name in ("input", "output")),
            *(f"cache_{name}_tokens INTEGER NOT NULL DEFAULT 0" for name in ("read", "write")),
            "reasoning_tokens INTEGER NOT NULL DEFAULT 0",
            *(f"{name}_cost_usd REAL NOT NULL DEFAULT 0" for name in ("estimated", "actual")),
            *(f"cost_{name} TEXT" for name in ("status", "source")),
            *(f"{name}_seen REAL" for name in ("first", "last")),
            "PRIMARY KEY (session_id, model, billing_provider, billing_base_url, billing_mode, task)",
        ],
    },
    25: {
        "sessions": ["system_prompt_hash TEXT"],
        "system_prompts": ["hash TEXT PRIMARY KEY", "prompt TEXT NOT NULL"],
    },
    26: {
        "sessions": ["pinned INTEGER NOT NULL DEFAULT 0", "last_read_at REAL"],
        "gateway_heartbeats": ["gateway_id TEXT PRIMARY KEY", "beat_at REAL NOT NULL"],
    },
}


class HermesDatabase:
    """A file at one version, which takes rows with whatever columns that version has."""

    def __init__(self, path: Path, version: int) -> None:
        self.path = path
        self.version = version
        self.tables = {name: list(columns) for name, columns in FIRST.items()}
        for number, added in ADDED.items():
            for name, columns in added.items() if number <= version else ():
                self.tables.setdefault(name, []).extend(columns)
        self.run("PRAGMA journal_mode=WAL")
        for name, columns in self.tables.items():
            self.run(f"CREATE TABLE {name} ({', '.join(columns)})")
        self.run("CREATE VIRTUAL TABLE messages_fts USING fts5(content)")
        self.run("INSERT INTO schema_version VALUES (?)", version)

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path)) as connection:
            found = connection.execute(statement, values).fetchall()
            connection.commit()
            return found

    def has(self, table: str, column: str | None = None) -> bool:
        names = [each.split(maxsplit=1)[0] for each in self.tables.get(table, ())]
        return bool(names) if column is None else column in names

    def insert(self, table: str, **row: Any) -> None:
        """Store a row, without the columns that this version does not have."""
        known = {name: value for name, value in row.items() if self.has(table, name)}
        marks = ", ".join("?" * len(known))
        if known:
            names = ", ".join(known)
            self.run(f"INSERT INTO {table} ({names}) VALUES ({marks})", *known.values())
