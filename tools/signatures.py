"""Signatures, docstrings and calls as text, in as few lines as the formatter would take."""

from __future__ import annotations

import ast
from typing import Any

from tools.synchronous_source import Source

__all__ = ["WIDTH", "call", "docstring", "header", "marked", "named_defaults", "wrapped"]

WIDTH = 100


def wrapped(begin: str, call: str) -> str:
    """Return a statement of a body that calls something with `call`."""
    line = f"        {begin}{call})"
    if "\n" not in call and len(line) <= WIDTH:
        return f"{line}\n"
    return f"        {begin}\n            {call}\n        )\n"


def header(topic: Source, node: ast.FunctionDef, keyword: str, returns: str = "") -> str:
    """Return the signature as the source has it, in as few lines as the formatter would take."""
    arguments = ast.get_source_segment(topic.text, node) or ""
    given = _parameters(node)
    result = returns or ast.unparse(node.returns or ast.Constant(None))
    line = f"    {keyword} {node.name}({', '.join(given)}) -> {result}:"
    if len(line) <= WIDTH and not _is_spread(arguments):
        return f"{line}\n"
    inner = f"        {', '.join(given)}"
    if len(inner) > WIDTH or _is_spread(arguments):
        inner = "\n".join(f"        {each}," for each in given)
    return f"    {keyword} {node.name}(\n{inner}\n    ) -> {result}:\n"


def _is_spread(function: str) -> bool:
    """Return whether the source has a line for each parameter."""
    return "(\n        self,\n" in function


def _parameters(node: ast.FunctionDef) -> list[str]:
    arguments = node.args
    defaults: list[Any] = [None] * (len(arguments.args) - len(arguments.defaults))
    found = list(map(_parameter, arguments.args, [*defaults, *arguments.defaults]))
    found += ["*"] if arguments.kwonlyargs else []
    found += map(_parameter, arguments.kwonlyargs, arguments.kw_defaults)
    return found + ([f"**{_parameter(arguments.kwarg, None)}"] if arguments.kwarg else [])


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    annotation = f": {_unparsed(argument.annotation)}" if argument.annotation else ""
    if default is None:
        return f"{argument.arg}{annotation}"
    return f"{argument.arg}{annotation} = {_unparsed(default)}"


def _unparsed(node: ast.expr) -> str:
    return ast.unparse(node).replace("'", '"')


def docstring(topic: Source, node: ast.FunctionDef | ast.ClassDef) -> str:
    """Return the docstring of a method or a class, as the source has it."""
    first = node.body[0]
    lines = topic.text.splitlines(keepends=True)
    return "".join(lines[first.lineno - 1 : first.end_lineno])


def named_defaults(node: ast.FunctionDef) -> dict[str, str]:
    """Return the parameters whose default is an object with a name, and the name."""
    plain = node.args.args[len(node.args.args) - len(node.args.defaults) :]
    pairs = (
        *zip(plain, node.args.defaults, strict=True),
        *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
    )
    return {each.arg: default.id for each, default in pairs if isinstance(default, ast.Name)}


def marked(topic: Source, node: ast.FunctionDef) -> dict[str, str]:
    """Return those of them whose default the module itself makes, to know it by identity.

    An argument that was not given is not passed on.
    """
    made = {ast.unparse(each.targets[0]) for each in topic.assignments()}
    return {name: mark for name, mark in named_defaults(node).items() if mark in made}


def call(topic: Source, node: ast.FunctionDef, function: str, indent: int) -> str:
    """Return a call of `function` with the parameters of `node`."""
    arguments = node.args
    marks = marked(topic, node)
    plain = [each.arg for each in arguments.args[1:] if each.arg not in marks]
    given = [f"{each}={each}" for each in plain] if marks else plain
    others = [each.arg for each in arguments.kwonlyargs if each.arg not in marks]
    given += [f"{each}={each}" for each in others]
    given += [f"**said({each}=({each}, {mark}))" for each, mark in marks.items()]
    given += [f"**{arguments.kwarg.arg}"] if arguments.kwarg else []
    line = f"{function}({', '.join(given)})"
    if indent + len(line) <= WIDTH:
        return line
    gap = " " * indent
    inner = "".join(f"{gap}    {each},\n" for each in given)
    return f"{function}(\n{inner}{gap})"
