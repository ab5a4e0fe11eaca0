"""The synchronous methods as their files have them, and what each does with the database."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

__all__ = ["Source", "door"]


class Source:
    """A class of the synchronous API, as its file has it."""

    def __init__(self, owner: type) -> None:
        self.owner = owner
        path = Path(inspect.getfile(owner))
        self.text = path.read_text(encoding="utf-8")
        self.module = ast.parse(self.text)
        classes = [each for each in self.module.body if isinstance(each, ast.ClassDef)]
        self.tree = next(each for each in classes if each.name == owner.__name__)
        self.methods = {
            each.name: each for each in self.tree.body if isinstance(each, ast.FunctionDef)
        }

    def public(self) -> Iterator[str]:
        """Names of what callers use, in the order of the file."""
        for each in self.tree.body:
            name = each.targets[0] if isinstance(each, ast.Assign) else each
            found = getattr(name, "name", None) or getattr(name, "id", "_")
            if not found.startswith("_"):
                yield found

    def assignments(self) -> list[ast.Assign]:
        """The assignments of the module."""
        return [each for each in self.module.body if isinstance(each, ast.Assign)]

    def imports(self) -> dict[str, str]:
        """Where each name of the module is imported from."""
        found = {}
        for node in self.module.body:
            if isinstance(node, ast.ImportFrom):
                found |= {each.name: node.module or "" for each in node.names}
        return found


def door(topic: Source, name: str) -> str:
    """Return the door that a method goes through when it is awaited.

    * `_write`: it writes once, and returns the result or something that it knew before;
    * `_read`: it only reads;
    * `_other`: everything else.
    """
    used = _used(topic, name)
    if used == {"_read"}:
        return "_read"
    if used == {"_write"} and _writes_once(topic, topic.methods[name]):
        return "_write"
    return "_other"


def _used(topic: Source, name: str) -> set[str]:
    """Return what a method uses of its object, also through the other methods that it calls."""
    used: set[str] = set()
    for node in ast.walk(topic.methods[name]):
        if _is_own(node):
            called = node.attr
            used |= _used(topic, called) if called in topic.methods else {called}
    return used


def _is_own(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )


def _writes_once(topic: Source, method: ast.FunctionDef) -> bool:
    """Return whether a method calls one method of its own, once, and looks at no result."""
    calls = [node for node in ast.walk(method) if isinstance(node, ast.Call) and _is_own(node.func)]
    uses = [node for node in ast.walk(method) if _is_own(node)]
    plain = [call for call in calls if _is_plain(method, call)]
    if not len(uses) == len(calls) == len(plain) == 1:
        return False
    called = uses[0].attr
    return called == "_write" or _writes_once(topic, topic.methods[called])


def _is_plain(method: ast.FunctionDef, call: ast.Call) -> bool:
    """Return whether the result of a call is returned or thrown away, outside of any block."""
    return any(
        isinstance(step, ast.Return | ast.Expr) and step.value is call for step in method.body
    )
