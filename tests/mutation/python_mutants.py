"""A Python module with one thing changed, again and again."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
}
_UNTOUCHED_FIELDS = {"annotation", "returns", "decorator_list", "type_comment"}
_UNTOUCHED_CALLS = {"TypeVar", "cast", "getLogger"}
SHOWN_MAX = 90  # characters of what a mutant changes
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Mutant:
    """The text of a file after a change."""

    line: int
    change: str
    text: str


def python_mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in order of its lines."""
    tree = ast.parse(source)
    _drop_docstrings(tree)
    yield from sorted(_mutants(tree), key=lambda mutant: mutant.line)


def _mutants(tree: ast.Module) -> Iterator[Mutant]:
    for parent, field, position, child in list(_slots(tree)):
        for changed in _changes(child):
            _put(parent, field, position, changed)
            yield Mutant(
                getattr(child, "lineno", 0),
                _change(child, changed),
                ast.unparse(ast.fix_missing_locations(tree)) + "\n",
            )
            _put(parent, field, position, child)


def _slots(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Where each node hangs: its parent, the field, and the place in a list."""
    if isinstance(node, ast.Call) and _name(node.func) in _UNTOUCHED_CALLS:
        return
    if isinstance(node, ast.Assign) and "__all__" in map(_name, node.targets):
        return
    for field, value in ast.iter_fields(node):
        if field in _UNTOUCHED_FIELDS:
            continue
        children = enumerate(value) if isinstance(value, list) else [(None, value)]
        for position, child in children:
            if isinstance(child, ast.AST):
                yield node, field, position, child
                yield from _slots(child)


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _put(parent: ast.AST, field: str, position: int | None, child: ast.AST) -> None:
    if position is None:
        setattr(parent, field, child)
    else:
        getattr(parent, field)[position] = child


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the node's place."""
    yield from _statements(node) if isinstance(node, ast.stmt) else _expressions(node)


def _statements(node: ast.stmt) -> Iterator[ast.AST]:
    match node:
        case ast.If() | ast.While():
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.Return(value=value) if not (value is None or _is_none(value)):
            yield _with(node, value=ast.Constant(None))
        case ast.Expr(value=ast.Call() | ast.Yield()) | ast.AugAssign() | ast.Raise() | ast.Delete():
            yield ast.copy_location(ast.Pass(), node)
        case ast.Continue():
            yield ast.copy_location(ast.Break(), node)


def _expressions(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare():
            for place, operator in enumerate(node.ops):
                if other := _COMPARISONS.get(type(operator)):
                    yield _with(node, ops=[*node.ops[:place], other(), *node.ops[place + 1 :]])
        case ast.BoolOp():
            yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        case ast.BinOp() if type(node.op) in _OPERATORS:
            yield _with(node, op=_OPERATORS[type(node.op)]())
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.IfExp():
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.Constant():
            yield from (ast.copy_location(ast.Constant(value), node) for value in _other_constants(node.value))


def _other_constants(value: Any) -> Iterator[Any]:
    match value:
        case bool():
            yield not value
        case int() | float():
            yield value + 1
        case str() if value:
            yield f"XX{value}"
            for found in _NUMBER.finditer(value):
                yield f"{value[: found.start()]}{int(found[0]) + 1}{value[found.end() :]}"
        case bytes() if value:
            yield b"XX" + value


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _with(node: ast.AST, **fields: Any) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _change(before: ast.AST, after: ast.AST) -> str:
    """What both were, of long ones the part where they differ."""
    texts = [" ".join(ast.unparse(ast.fix_missing_locations(node)).split()) for node in (before, after)]
    differs_at = next((place for place, pair in enumerate(zip(*texts, strict=False)) if len(set(pair)) > 1), 0)
    start = max(differs_at - 40, 0) if max(map(len, texts)) > SHOWN_MAX else 0
    return " -> ".join(_shown(text, start) for text in texts)


def _shown(text: str, start: int) -> str:
    rest = f"...{text[start:]}" if start else text
    return rest if len(rest) <= SHOWN_MAX else f"{rest[: SHOWN_MAX - 3]}..."


def _drop_docstrings(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        kept = [each for each in body if not _is_text(each)]
        node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]  # it has one


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
