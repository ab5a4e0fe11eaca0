"""A small server of the OpenAI kind on the loopback: it says what the user's text asks it to say.

`[tool NAME {JSON}]` in the user's newest text makes it call a tool; every other text is answered.
It keeps what it was sent and what it said, so that a test knows what the conversation was.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "loopback-model"
_CALL = re.compile(r"\[tool (\w+) (\{.*?\})\]", re.DOTALL)


class Model(ThreadingHTTPServer):
    """The server, with the requests that it got and the messages that it gave."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[dict[str, Any]] = []
        self.replies: list[dict[str, Any]] = []
        self.lock = threading.Lock()
        self.prompt_tokens = 100

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def reply(self, request: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            said = _said(request["messages"], len(self.replies) + 1)
            self.requests.append(request)
            self.replies.append(said)
        return said


@contextmanager
def serving() -> Iterator[Model]:
    model = Model()
    thread = threading.Thread(target=model.serve_forever, daemon=True)
    thread.start()
    try:
        yield model
    finally:
        model.shutdown()
        model.server_close()
        thread.join()


def _said(messages: list[dict[str, Any]], number: int) -> dict[str, Any]:
    last = messages[-1]
    text = _text(last["content"])
    if last["role"] == "user" and (call := _CALL.search(text)):
        function = {"name": call[1], "arguments": call[2]}
        calls = [{"id": f"call_{number}", "type": "function", "function": function}]
        return {
            "role": "assistant",
            "content": "",
            "reasoning_content": f"I need {call[1]}.",
            "tool_calls": calls,
        }
    if last["role"] == "tool":
        return {"role": "assistant", "content": f"The tool has answered ({number})."}
    return {
        "role": "assistant",
        "content": f"Answer {number} to: {text[:60]}",
        "reasoning_content": f"Thought {number}.",
    }


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content or [] if isinstance(part, dict))


class _Handler(BaseHTTPRequestHandler):
    server: Model
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._json({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        request = json.loads(self.rfile.read(length) or b"{}")
        if not self.path.endswith("/chat/completions"):
            self._json({})
            return
        said = self.server.reply(request)
        done = "tool_calls" if said.get("tool_calls") else "stop"
        if request.get("stream"):
            self._stream(said, done)
        else:
            self._json(self._envelope("chat.completion", {"message": said}, done))

    def _envelope(self, kind: str, part: dict[str, Any], done: str | None) -> dict[str, Any]:
        used = self.server.prompt_tokens
        usage = {"prompt_tokens": used, "completion_tokens": 7, "total_tokens": used + 7}
        choice = {"index": 0, "finish_reason": done, **part}
        named = {"id": "chatcmpl-1", "object": kind, "created": 1, "model": MODEL}
        return {**named, "choices": [choice], "usage": usage}

    def _stream(self, said: dict[str, Any], done: str) -> None:
        delta = dict(said)
        if calls := delta.get("tool_calls"):
            delta["tool_calls"] = [{"index": 0, **call} for call in calls]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for part, end in ((delta, None), ({}, done)):
            chunk = self._envelope("chat.completion.chunk", {"delta": part}, end)
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _json(self, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
