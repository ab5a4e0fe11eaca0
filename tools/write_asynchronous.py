"""Write the asynchronous methods anew, from the synchronous ones: `make asynchronous`.

The file is `hermes_store/asynchronous/generated.py`. A method keeps its signature, its docstring
and its place; what it does with the database decides which door it goes through.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

from hermes_store.api.base import Topic
from hermes_store.api.care import Care
from hermes_store.api.operations import Operations
from hermes_store.repository import SessionRepository
from tools.signatures import WIDTH, call, docstring, header, marked, named_defaults, wrapped
from tools.synchronous_source import Source, door

TARGET = Path(__file__).parents[1] / "hermes_store" / "asynchronous" / "generated.py"

HEAD = '''\
"""The methods of a repository, awaited. Written by `make asynchronous` from `hermes_store.api`."""

from __future__ import annotations

{defaults}from typing import TYPE_CHECKING

from hermes_store.asynchronous.doors import Doors, said
from hermes_store.asynchronous.export import AsyncExport

if TYPE_CHECKING:
{imports}

__all__ = [{names}]
'''


def method(topic: Source, name: str, path: str = "") -> str:
    """Return a method that asks for the synchronous one; `path` leads to the object that has it."""
    node = topic.methods[name]
    owner = f"asked.{path}{name}"
    way = door(topic, name)
    asks = f"await self.{'_doors.' if path else ''}{way}("
    if ast.unparse(node.returns or ast.Constant(None)) != "None":
        asks = f"return {asks}"
    body = wrapped(asks, call(topic, node, f"lambda asked: {owner}", 12))
    return f"{header(topic, node, 'async def')}{docstring(topic, node)}{body}"


def marks() -> Iterator[str]:
    """Return the assignments of those defaults."""
    for topic in topics():
        names = {name for each in topic.methods.values() for name in marked(topic, each).values()}
        for step in topic.assignments():
            if ast.unparse(step.targets[0]) in names:
                yield f"{ast.unparse(step)}\n"


def imported_defaults() -> str:
    """Return the imports of defaults that other modules make, at no cost."""
    lines = set()
    for topic in topics():
        known = topic.imports()
        for node in topic.methods.values():
            for name in set(named_defaults(node).values()) & known.keys():
                assert not known[name].startswith("hermes_store"), f"{name}: its import costs time"
                lines.add(f"from {known[name]} import {name}\n")
    return "".join(sorted(lines))


def static(topic: Source, name: str) -> str:
    """Return a static method, which touches no database, as it is."""
    node = topic.methods[name]
    title = topic.owner.__name__
    given = ", ".join(each.arg for each in node.args.args)
    return (
        f"    @staticmethod\n{header(topic, node, 'def')}{docstring(topic, node)}"
        f"        from {topic.owner.__module__} import {title}\n\n"
        f"        return {title}.{name}({given})\n"
    )


def member(topic: Source, name: str) -> str:
    """Return whatever a topic has under a name."""
    found = inspect.getattr_static(topic.owner, name)
    if isinstance(found, property):
        node = topic.methods[name]
        kind = f"Async{ast.unparse(node.returns or ast.Constant(None))}"
        head = f"    @property\n{header(topic, node, 'def', kind)}{docstring(topic, node)}"
        return f"{head}        return {kind}(self)\n"
    if isinstance(found, staticmethod):
        return static(topic, name)
    if isinstance(found, FunctionType):
        return method(topic, name)
    return f"    {name} = {found!r}\n"


def export(source: Source) -> str:
    """Return `iter_export`: the iterator that it returns is asynchronous."""
    node = source.methods["iter_export"]
    body = wrapped("return AsyncExport(", call(source, node, "self._repository.iter_export", 12))
    return f"{header(source, node, 'def', 'AsyncExport')}{docstring(source, node)}{body}"


def namespaces() -> Iterator[tuple[str, type]]:
    """The topics that are objects of their own, after their names in a repository."""
    for topic in topics():
        for name in topic.public():
            found = inspect.getattr_static(topic.owner, name)
            if isinstance(found, property):
                yield name, inspect.get_annotations(found.fget, eval_str=True)["return"]


def topics() -> list[Source]:
    """The topics of a repository, in their order."""
    return [Source(each) for each in (*Operations.__bases__, Care) if issubclass(each, Topic)]


def namespace(name: str, owner: type) -> str:
    """Return the class of a topic that is an object of its own."""
    source = Source(owner)
    head = (
        f"class Async{owner.__name__}:\n{docstring(source, source.tree)}\n"
        "    def __init__(self, doors: Doors) -> None:\n        self._doors = doors\n"
    )
    return "\n".join([head, *(method(source, each, f"{name}.") for each in source.public())])


def imports(text: str) -> str:
    """Return the imports of the names that annotations use, sorted as the linter wants them."""
    nodes = (node for each in _annotations(text) for node in ast.walk(each))
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    known: dict[str, str] = {}
    beside = (Source(owner) for _, owner in namespaces())
    for each in (*topics(), *beside, Source(SessionRepository)):
        known |= each.imports()
    modules: dict[str, list[str]] = {}
    for name in sorted(used & known.keys()):
        modules.setdefault(known[name], []).append(name)
    ours = [each for each in modules if each.startswith("hermes_store")]
    groups = [sorted(modules.keys() - set(ours)), sorted(ours)]
    lines = [[_import(each, modules[each]) for each in group] for group in groups if group]
    return "\n\n".join("\n".join(each) for each in lines)


def _annotations(text: str) -> Iterator[ast.expr]:
    for node in ast.walk(ast.parse(text)):
        annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
        if annotation is not None:
            yield annotation


def _import(module: str, names: list[str]) -> str:
    line = f"    from {module} import {', '.join(names)}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"    from {module} import (", *(f"        {n}," for n in names), "    )"])


def text() -> str:
    """Return what the file should hold."""
    beside = [namespace(name, owner) for name, owner in namespaces()]
    members = [member(topic, name) for topic in topics() for name in topic.public()]
    body = "\n".join([*members, export(Source(SessionRepository))])
    awaited = (
        "class AwaitedOperations(Doors):\n"
        '    """What a `SessionRepository` can do, awaited."""\n\n' + body
    )
    code = "\n\n".join([*beside, awaited])
    names = sorted(["AwaitedOperations", *(f"Async{owner.__name__}" for _, owner in namespaces())])
    quoted = ", ".join(f'"{each}"' for each in names)
    head = HEAD.format(defaults=imported_defaults(), imports=imports(code), names=quoted)
    return "\n".join([head, *marks(), f"\n{code}"])


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
