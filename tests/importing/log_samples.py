"""Files as other programs write them, made by hand: of each format one, with all that it can hold."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from chatgpt_samples import conversation, node

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}


def claude_ai() -> list:
    first = {
        "uuid": "m1",
        "sender": "human",
        "text": "Read this",
        "content": [{"type": "text", "text": "Read this", "citations": []}],
        "created_at": "2026-01-02T10:00:00.000000Z",
        "attachments": [{"file_name": "notes.txt", "extracted_content": "The owl of Minerva"}],
        "files": [{"file_name": "cat.png", "file_uuid": "f1"}],
        "parent_message_uuid": "00000000-0000-4000-8000-000000000000",
    }
    answer = {
        "uuid": "m2",
        "sender": "assistant",
        "content": [
            {"type": "thinking", "thinking": "An owl"},
            {"type": "text", "text": "I look it up."},
            {"type": "tool_use", "id": "t1", "name": "web_search", "input": {"query": "owl"}},
            {
                "type": "tool_result",
                "tool_use_id": "t1",
                "content": [{"type": "text", "text": "bird"}],
            },
            {"type": "text", "text": "It is a bird."},
        ],
        "created_at": "2026-01-02T10:00:05Z",
        "parent_message_uuid": "m1",
    }
    other = {**answer, "uuid": "m3", "content": [], "text": "No idea."}
    return [
        {
            "uuid": "claude-1",
            "name": "Owls",
            "model": "claude-sonnet",
            "created_at": "2026-01-02T09:59:59Z",
            "updated_at": "2026-01-02T10:00:05Z",
            "account": {"uuid": "me"},
            "chat_messages": [first, answer, other],
            "current_leaf_message_uuid": "m2",
        }
    ]


def claude_code() -> list:
    def line(kind, uuid, second, message, **more):
        at = f"2026-01-02T10:00:0{second}.000Z"
        of_session = {"sessionId": "code-1", "cwd": "/home/me", "version": "2.1.0"}
        return {
            "type": kind,
            "uuid": uuid,
            "timestamp": at,
            **of_session,
            "message": message,
            **more,
        }

    def answer(*blocks, **usage):
        said = {"id": "msg_1", "role": "assistant", "model": "claude-opus", "content": [*blocks]}
        tokens = {"input_tokens": 5, "cache_read_input_tokens": 100, **usage}
        return {**said, "stop_reason": None, "usage": tokens}

    call = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "pytest"}}
    result = {
        "type": "tool_result",
        "tool_use_id": "toolu_1",
        "content": "1 failed",
        "is_error": True,
    }
    aside = {"isSidechain": True, "parentUuid": None}
    return [
        {"type": "summary", "summary": "Mend the test", "leafUuid": "u4"},
        {"type": "file-history-snapshot", "messageId": "x", "snapshot": {}},
        line("user", "u1", 1, {"role": "user", "content": "Mend it"}),
        line("assistant", "u2", 2, answer({"type": "thinking", "thinking": "Hm"}, output_tokens=1)),
        line("assistant", "u3", 3, answer(call, output_tokens=40)),
        line("user", "u4", 4, {"role": "user", "content": [result, IMAGE]}),
        line("user", "a1", 5, {"role": "user", "content": "Search"}, **aside),
        line("user", "a2", 6, {"role": "user", "content": "On"}, isSidechain=True, parentUuid="a1"),
    ]


def codex() -> list:
    def line(second, kind, **payload):
        return {"timestamp": f"2026-01-02T10:00:0{second}Z", "type": kind, "payload": payload}

    used = {"input_tokens": 100, "cached_input_tokens": 40, "output_tokens": 9}
    tokens = {"total_token_usage": used, "last_token_usage": used}
    meta = {
        "id": "codex-1",
        "timestamp": "2026-01-02T09:59:59Z",
        "cwd": "/srv/code",
        "originator": "cli",
    }
    return [
        line(0, "session_meta", **meta, instructions="Be brief", git={"branch": "main"}),
        line(1, "turn_context", model="gpt-5-codex"),
        line(1, "response_item", type="message", role="user", content=_input("List the files")),
        line(1, "event_msg", type="user_message", message="List the files"),
        line(
            2, "response_item", type="reasoning", summary=_summary("Listing"), encrypted_content="z"
        ),
        line(2, "response_item", type="function_call", name="shell", arguments="{}", call_id="c1"),
        line(3, "response_item", type="function_call_output", call_id="c1", output="a.txt"),
        line(3, "event_msg", type="token_count", info=tokens),
        line(4, "event_msg", type="token_count", info=tokens),
        line(4, "compacted", message="Files were listed"),
    ]


def _input(text):
    return [{"type": "input_text", "text": text}]


def _summary(text):
    return [{"type": "summary_text", "text": text}]


def old_codex() -> list:
    exec_ = {"type": "exec", "command": ["ls"]}
    call = {"type": "local_shell_call", "call_id": "c1", "status": "completed", "action": exec_}
    return [
        {"id": "codex-0", "timestamp": "2025-06-01T10:00:00Z", "instructions": None, "git": {}},
        {"record_type": "state"},
        {"type": "message", "role": "user", "content": _input("An old greeting")},
        call,
        {"type": "function_call_output", "call_id": "c1", "output": "b.txt"},
    ]


def sharegpt() -> list:
    call = json.dumps({"name": "weather", "arguments": {"city": "Bern"}})
    turns = [
        ("human", "Is it raining?"),
        ("function_call", call),
        ("observation", "no"),
        ("gpt", "Dry"),
    ]
    said = [{"from": speaker, "value": value} for speaker, value in turns]
    return [{"id": "identity_0", "system": "Be dry", "tools": "[]", "conversations": said}]


def fine_tuning() -> list:
    function = {"name": "weather", "arguments": "{}"}
    calls = [{"id": "c1", "type": "function", "function": function}]
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    messages = [
        {"role": "system", "content": "You forecast"},
        {"role": "user", "content": [{"type": "text", "text": "Snow?"}, image]},
        {"role": "assistant", "tool_calls": calls, "weight": 0},
        {"role": "tool", "tool_call_id": "c1", "content": "flurries"},
    ]
    return [{"messages": messages, "tools": [], "parallel_tool_calls": False}]


def chatgpt() -> list:
    picture = {
        "content_type": "image_asset_pointer",
        "asset_pointer": "sediment://file_1",
        "width": 9,
    }
    parts = {"content_type": "multimodal_text", "parts": [picture, "What is it?", None]}
    code = {"content_type": "code", "language": "python", "text": "print(1)"}
    thoughts = [{"summary": "Look", "content": "A heron, I think"}]
    thinking = {"content_type": "thoughts", "thoughts": thoughts, "source_analysis_msg_id": "x"}
    tool = {"role": "tool", "name": "python", "metadata": {}}
    output = {"content_type": "execution_output", "text": "1"}
    about = {"user_context_message_data": {"about_model_message": "Answer in verse"}}
    context = {"content_type": "user_editable_context", "user_profile": "I paint"}
    return [
        conversation(
            node("s", "root", "system"),
            node("i", "s", "user", content=context, metadata=about),
            node("u", "i", content=parts, at=1_700_000_001.0),
            node("t", "u", "assistant", at=1_700_000_002, content=thinking),
            node("c", "t", "assistant", at=1_700_000_003, content=code, recipient="python"),
            node("o", "c", at=None, author=tool, content=output),
            node("a", "o", "assistant", "A heron.", 1_700_000_004.5, metadata={"model_slug": "o3"}),
            {"id": "gone", "parent": "o", "children": [], "message": None},
            key="chat-1",
        )
    ]


def llm(path: Path) -> None:
    _database(
        path,
        """
        CREATE TABLE conversations (id TEXT PRIMARY KEY, name TEXT, model TEXT);
        CREATE TABLE responses (id TEXT PRIMARY KEY, model TEXT, prompt TEXT, system TEXT,
            prompt_json TEXT, options_json TEXT, response TEXT, response_json TEXT,
            conversation_id TEXT, duration_ms INTEGER, datetime_utc TEXT, input_tokens INTEGER,
            output_tokens INTEGER, token_details TEXT, schema_id TEXT, resolved_model TEXT);
        CREATE TABLE attachments (id TEXT PRIMARY KEY, type TEXT, path TEXT, url TEXT, content BLOB);
        CREATE TABLE prompt_attachments (response_id TEXT, attachment_id TEXT, "order" INTEGER);
        CREATE TABLE tool_calls (id INTEGER PRIMARY KEY, response_id TEXT, tool_id INTEGER, name TEXT,
            arguments TEXT, tool_call_id TEXT);
        CREATE TABLE tool_results (id INTEGER PRIMARY KEY, response_id TEXT, tool_id INTEGER,
            name TEXT, output TEXT, tool_call_id TEXT, instance_id INTEGER, exception TEXT);
        INSERT INTO conversations VALUES ('llm-1', 'Pelicans', 'gpt-4o');
        INSERT INTO responses (id, model, prompt, system, response, conversation_id, datetime_utc,
            input_tokens, output_tokens) VALUES
            ('r1', 'gpt-4o', 'Draw a pelican', 'Be an artist', 'Done', 'llm-1',
             '2025-05-01T10:00:00.5', 10, 4),
            ('r2', 'gpt-4o', '', 'Be an artist', 'On a bicycle', 'llm-1',
             '2025-05-01T10:00:09+00:00', 12, 5),
            ('r3', 'gpt-4o', 'Alone', NULL, 'Yes', NULL, '2025-05-02T10:00:00', NULL, NULL);
        INSERT INTO attachments VALUES ('at', 'image/png', NULL, NULL, x'6869');
        INSERT INTO prompt_attachments VALUES ('r1', 'at', 0);
        INSERT INTO tool_calls VALUES (1, 'r1', 1, 'draw', '{"what": "pelican"}', 'c1');
        INSERT INTO tool_results VALUES (1, 'r2', 1, 'draw', 'drawn', 'c1', NULL, NULL);
        CREATE TABLE logs (id INTEGER PRIMARY KEY, model TEXT, prompt TEXT, system TEXT,
            prompt_json TEXT, options_json TEXT, response TEXT, response_json TEXT,
            reply_to_id INTEGER, chat_id INTEGER, duration_ms INTEGER, datetime_utc TEXT);
        INSERT INTO logs (id, model, prompt, response, chat_id, datetime_utc) VALUES
            (1, 'ada', 'Oldest', 'Indeed', NULL, '2023-05-01 10:00:00'),
            (2, 'ada', 'Older', 'So it is', 1, '2023-05-01 10:00:05');
        """,
    )


_THREADS = """
    CREATE TABLE messages (hash TEXT PRIMARY KEY, parent_hash TEXT, role TEXT,
        provider_metadata TEXT);
    CREATE TABLE parts (id INTEGER PRIMARY KEY, message_hash TEXT, position INTEGER, type TEXT,
        tool_name TEXT, text TEXT, payload TEXT);
    CREATE TABLE threads (id TEXT PRIMARY KEY, name TEXT, tip_message_hash TEXT,
        forked_from TEXT, datetime_utc TEXT);
    CREATE TABLE turns (id TEXT PRIMARY KEY, thread_id TEXT, parent_message_hash TEXT,
        tip_message_hash TEXT, model TEXT, resolved_model TEXT, options_json TEXT,
        schema_id TEXT, input_tokens INTEGER, output_tokens INTEGER, token_details TEXT,
        duration_ms INTEGER, datetime_utc TEXT, response_json TEXT);
"""


def upgraded_llm(path: Path) -> None:
    """A conversation of the older schema that went on in the newer one, which has all of it."""
    llm(path)
    chain = [("user", "Draw a pelican"), ("assistant", "Done"), ("user", "And a fish")]
    chain += [("assistant", "Here it is"), ("user", "Thanks"), ("assistant", "Welcome")]
    rows = [
        (f"h{n}", f"h{n - 1}" if n else None, role, text) for n, (role, text) in enumerate(chain)
    ]
    _database(path, _THREADS, "INSERT INTO messages VALUES (?, ?, ?, NULL)", [r[:3] for r in rows])
    parts = "INSERT INTO parts (message_hash, position, type, text) VALUES (?, 0, 'text', ?)"
    _database(path, "", parts, [(own, text) for own, _, _, text in rows])
    turns = """
        INSERT INTO turns (id, thread_id, parent_message_hash, tip_message_hash, datetime_utc,
            input_tokens) VALUES (?, 'llm-1', ?, ?, '2026-05-01T10:00:00', ?)
    """
    _database(path, "", turns, [("t1", "h2", "h3", 3), ("t2", "h4", "h5", 4)])
    thread = ("llm-1", "Pelicans", "h5", None, None)
    _database(path, "", "INSERT INTO threads VALUES (?, ?, ?, ?, ?)", [thread])


def llm_threads(path: Path) -> None:
    _database(
        path,
        _THREADS
        + """
        CREATE TABLE fragments (id INTEGER PRIMARY KEY, hash TEXT, content TEXT, source TEXT);
        CREATE TABLE attachments (id TEXT PRIMARY KEY, type TEXT, path TEXT, url TEXT, content BLOB);
        INSERT INTO messages VALUES ('h1', NULL, 'user', NULL), ('h2', 'h1', 'assistant', NULL),
            ('h3', 'h2', 'tool', NULL), ('h4', 'h3', 'assistant', NULL),
            ('h5', 'h2', 'user', NULL);
        INSERT INTO fragments VALUES (7, 'x', 'A long fragment. ', 'notes.txt');
        INSERT INTO parts VALUES
            (1, 'h1', 0, 'text', NULL, NULL, '{"text_ref": [{"fragment": 7}, {"literal": "Sum"}]}'),
            (2, 'h2', 0, 'reasoning', NULL, 'I add', NULL),
            (3, 'h2', 1, 'tool_call', 'add', NULL,
             '{"name": "add", "arguments": {"a": 1}, "tool_call_id": "c1"}'),
            (4, 'h3', 0, 'tool_result', 'add', NULL,
             '{"name": "add", "output": "3", "tool_call_id": "c1"}'),
            (5, 'h4', 0, 'text', NULL, 'It is 3', NULL),
            (6, 'h5', 0, 'text', NULL, 'Forget it', NULL);
        INSERT INTO threads VALUES ('thread-1', 'Sums', 'h4', NULL, '2026-05-01T10:00:00'),
            ('thread-2', 'Sums', 'h5', 'thread-1', '2026-05-01T11:00:00');
        INSERT INTO turns (id, thread_id, parent_message_hash, tip_message_hash, model,
            input_tokens, output_tokens, datetime_utc) VALUES
            ('tu1', 'thread-1', 'h1', 'h2', 'echo', 7, 2, '2026-05-01T10:00:00'),
            ('tu2', 'thread-1', 'h3', 'h4', 'echo', 9, 3, '2026-05-01T10:00:05');
        """,
    )


def openai_agents(path: Path) -> None:
    items = [
        {"role": "user", "content": "Add 1"},
        {"type": "function_call", "call_id": "c1", "name": "add", "arguments": '{"a": 1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "2"},
        {"type": "reasoning", "id": "r", "summary": _summary("Adding")},
    ]
    rows = [("agents-1", json.dumps(item), "2026-01-02 10:00:00") for item in items]
    _database(
        path,
        """
        CREATE TABLE agent_sessions (session_id TEXT PRIMARY KEY, created_at TIMESTAMP,
            updated_at TIMESTAMP);
        CREATE TABLE agent_messages (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL,
            message_data TEXT NOT NULL, created_at TIMESTAMP);
        INSERT INTO agent_sessions VALUES ('agents-1', '2026-01-02 09:59:00', '2026-01-02 10:00:00');
        """,
        "INSERT INTO agent_messages (session_id, message_data, created_at) VALUES (?, ?, ?)",
        rows,
    )


ADK_KEYS = "app_name TEXT, user_id TEXT, session_id TEXT"


def google_adk(path: Path) -> None:
    call = {"function_call": {"id": "f1", "name": "weather", "args": {"city": "Bern"}}}
    usage = {"prompt_token_count": 10, "candidates_token_count": 4}
    content = {"role": "model", "parts": [{"text": "Thinking", "thought": True}, call]}
    said = {"role": "user", "parts": [{"text": "Will it hail?"}]}
    events = [
        {"author": "user", "content": said},
        {"author": "agent", "content": content, "usage_metadata": usage, "model_version": "gemini"},
    ]
    which = ("app", "me", "adk-1")
    rows = [
        (f"e{place}", *which, "i1", 1_767_348_000.0 + place, json.dumps(event))
        for place, event in enumerate(events)
    ]
    _database(
        path,
        f"""
        CREATE TABLE app_states (app_name TEXT, state TEXT, update_time REAL);
        CREATE TABLE sessions (app_name TEXT, user_id TEXT, id TEXT, state TEXT, create_time REAL,
            update_time REAL);
        CREATE TABLE events (id TEXT, {ADK_KEYS}, invocation_id TEXT, timestamp REAL,
            event_data TEXT);
        INSERT INTO app_states VALUES ('app', '{{"y": 2}}', 1767348000.0);
        INSERT INTO sessions VALUES ('app', 'me', 'adk-1', '{{"x": 1}}', 1767347999.0, 1767348001.0);
        """,
        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)",
        rows,
    )


def old_google_adk(path: Path) -> None:
    """The first schema of the kit's service on SQLAlchemy: a column for each field."""
    content = json.dumps({"role": "user", "parts": [{"text": "Is it windy?"}]})
    row = (
        "e1",
        "app",
        "me",
        "adk-0",
        "i1",
        "user",
        b"\x80\x05N.",
        content,
        "2026-01-02 10:00:00.5",
    )
    _database(
        path,
        f"""
        CREATE TABLE sessions (app_name TEXT, user_id TEXT, id TEXT, state TEXT,
            create_time DATETIME, update_time DATETIME);
        CREATE TABLE events (id TEXT, {ADK_KEYS}, invocation_id TEXT, author TEXT, actions BLOB,
            content TEXT, timestamp DATETIME, long_running_tool_ids_json TEXT, partial BOOLEAN);
        """,
        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '[\"f1\"]', 0)",
        [row],
    )


def _database(path: Path, script: str, insert: str = "", rows=()) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(script)
        if insert:
            connection.executemany(insert, rows)


RECORDS = {"chatgpt": chatgpt, "claude-ai": claude_ai}
LINES = {
    "claude-code": claude_code,
    "codex": codex,
    "sharegpt": sharegpt,
    "openai-fine-tuning": fine_tuning,
}
DATABASES = {"llm": llm, "openai-agents": openai_agents, "google-adk": google_adk}


def write(folder: Path, name: str) -> Path:
    """Write the sample of a format; its path."""
    if name in DATABASES:
        path = folder / f"{name}.db"
        DATABASES[name](path)
    elif name in RECORDS:
        path = folder / f"{name}.json"
        path.write_text(json.dumps(RECORDS[name](), indent=1), encoding="utf-8")
    else:
        path = folder / f"{name}.jsonl"
        write_lines(path, LINES[name]())
    return path


def write_lines(path: Path, lines: list) -> None:
    path.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
