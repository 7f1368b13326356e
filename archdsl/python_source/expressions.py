"""Values of the language as Python expressions, and what these give.

An expression is a tree of Python's own `ast`, so that calls can be put into each other, and Python itself writes the
parentheses. Whatever is translated is evaluated here too, and held against the value that the check had.
"""

from __future__ import annotations

import ast
import math
import operator
from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from archdsl.checker.scope import Value
from archdsl.checker.values import make_divisible
from archdsl.syntax import nodes

Names: TypeAlias = Mapping[str, ast.expr]
"""Expressions for names."""


class Mismatch(Exception):
    """What is one text in the language can't be one text in Python: it is written out instead."""


_BINARY: dict[str, tuple[type[ast.operator], Callable[[Any, Any], Any]]] = {
    "+": (ast.Add, operator.add),
    "-": (ast.Sub, operator.sub),
    "*": (ast.Mult, operator.mul),
    "//": (ast.FloorDiv, operator.floordiv),
    "/": (ast.Div, operator.truediv),
    "%": (ast.Mod, operator.mod),
}
_COMPARED: dict[str, tuple[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    "==": (ast.Eq, operator.eq),
    "!=": (ast.NotEq, operator.ne),
    "<": (ast.Lt, operator.lt),
    "<=": (ast.LtE, operator.le),
    ">": (ast.Gt, operator.gt),
    ">=": (ast.GtE, operator.ge),
}
_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {**dict(_BINARY.values()), **dict(_COMPARED.values())}


def round_half_up(value: float) -> int:
    """The nearest whole number, halves up, as the language has it."""
    below = math.floor(value)
    return below + 1 if value - below >= 0.5 else below


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": min,
    "max": max,
    "len": len,
    "range": range,
    "zip": zip,
    "tuple": tuple,
    "make_divisible": make_divisible,
    "round_half_up": round_half_up,
    "math.floor": math.floor,
    "math.ceil": math.ceil,
}
_PYTHON_NAMES = {"round": "round_half_up", "floor": "math.floor", "ceil": "math.ceil"}


def name(text: str) -> ast.Name:
    return ast.Name(text)


def literal(value: Value | str) -> ast.expr:
    """A value written out."""
    if isinstance(value, tuple):
        return ast.Tuple([literal(item) for item in value])
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def text(node: ast.expr) -> str:
    """An expression as Python source."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return quoted(node.value)
    return ast.unparse(node)


def quoted(value: str) -> str:
    """Text of the language, which is ASCII without quotes, as a literal of Python."""
    assert value.isascii()
    assert value.isprintable()
    assert not set(value) & set('"\\')
    return f'"{value}"'


def translate(
    node: nodes.Value,
    counterpart: Callable[[nodes.Name], ast.expr | None],
    entering: ast.expr | None,
    is_whole: Callable[[ast.expr], bool],
) -> ast.expr:
    """An expression of the language in Python.

    Args:
        counterpart: gives what stands for a name, or None; then Mismatch is raised.
        entering: what stands for `in_channels` and `in_features`.
        is_whole: whether an expression gives a whole number, for `/` between two of these is `//`.
    """

    def inner(each: nodes.Value) -> ast.expr:
        return translate(each, counterpart, entering, is_whole)

    if isinstance(node, nodes.Number):
        return literal(node.value)
    if isinstance(node, nodes.Name):
        found = entering if node.text in ("in_channels", "in_features") else counterpart(node)
        if found is None:
            raise Mismatch(node.text)
        return found
    if isinstance(node, nodes.Tuple):
        return ast.Tuple([inner(each) for each in node.items])
    if isinstance(node, nodes.Unary):
        return ast.UnaryOp(ast.Not() if node.operator == "not" else ast.USub(), inner(node.operand))
    if isinstance(node, nodes.Call):
        arguments = [inner(each) for each in node.args if not isinstance(each, nodes.Keyword)]
        if node.function.text == "choose":
            return _chosen(arguments)
        function = _PYTHON_NAMES.get(node.function.text, node.function.text)
        if function == "zip":
            arguments = [over(each) for each in arguments]
        call = ast.Call(name(function), arguments, [])
        # In the language they are tuples, which can be compared, and read twice.
        return ast.Call(name("tuple"), [call], []) if function in ("range", "zip") else call
    first = inner(node.first)
    kind = node.rest[0][0]
    if kind in ("and", "or"):
        operands = [first, *(inner(each) for _, each in node.rest)]
        return ast.BoolOp(ast.And() if kind == "and" else ast.Or(), operands)
    if kind in _COMPARED:
        return ast.Compare(first, [_COMPARED[kind][0]()], [inner(node.rest[0][1])])
    for sign, each in node.rest:
        right = inner(each)
        whole = sign == "/" and is_whole(first) and is_whole(right)
        first = ast.BinOp(first, _BINARY["//" if whole else sign][0](), right)
    return first


def _chosen(arguments: list[ast.expr]) -> ast.expr:
    """`choose(condition, value, condition, value, ..., other)`; without another value, the last one stands for it."""
    *cases, result = arguments
    if len(cases) % 2:
        cases.pop()
    for condition, value in zip(cases[-2::-2], cases[::-2], strict=True):
        result = ast.IfExp(condition, value, result)
    return result


def over(node: ast.expr) -> ast.expr:
    """What is gone through once: no tuple is made for that alone."""
    is_tuple = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tuple"
    return node.args[0] if is_tuple and isinstance(node, ast.Call) else node


def evaluate(node: ast.expr, values: Mapping[str, Any], others: Mapping[str, Any] = {}) -> Any:
    """What an expression gives where its names have these values. Raises Mismatch where it gives nothing."""
    try:
        return _evaluate(node, ChainMap(values, others))  # type: ignore[arg-type]
    except (KeyError, TypeError, ArithmeticError) as error:
        raise Mismatch(str(error)) from error


def _evaluate(node: ast.expr, values: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.Tuple):
        return tuple(_evaluate(each, values) for each in node.elts)
    if isinstance(node, ast.UnaryOp):
        operand = _evaluate(node.operand, values)
        return not operand if isinstance(node.op, ast.Not) else -operand
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_evaluate(node.left, values), _evaluate(node.right, values))
    if isinstance(node, ast.Compare):
        return _OPERATORS[type(node.ops[0])](_evaluate(node.left, values), _evaluate(node.comparators[0], values))
    if isinstance(node, ast.BoolOp):
        decides = isinstance(node.op, ast.Or)
        return decides if any(_evaluate(each, values) is decides for each in node.values) else not decides
    if isinstance(node, ast.IfExp):
        return _evaluate(node.body if _evaluate(node.test, values) else node.orelse, values)
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    return _FUNCTIONS[node.func.id](*(_evaluate(each, values) for each in node.args))


def names_in(node: ast.expr) -> set[str]:
    """The names that an expression uses, without those of functions."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} - _FUNCTIONS.keys()


class _Substitution(ast.NodeTransformer):
    """Puts expressions for names, and leaves out what a condition of numbers alone does not take."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        if names_in(node.test):
            return node
        return node.body if evaluate(node.test, {}) else node.orelse

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.names.get(node.id, node)


def substitute(node: ast.expr, names: Names) -> ast.expr:
    """An expression with other expressions for its names."""
    from copy import deepcopy

    changed: ast.expr = _Substitution(names).visit(deepcopy(node))
    return folded(changed)


def simplified(node: ast.expr) -> ast.expr:
    """The same expression, shorter where parts of it are numbers alone."""
    return substitute(node, {})


def total(parts: list[ast.expr]) -> ast.expr:
    """The sum of expressions."""
    result = parts[0]
    for each in parts[1:]:
        result = folded(ast.BinOp(result, ast.Add(), each))
    return result


def folded(node: ast.expr) -> ast.expr:
    """An expression of numbers alone as the one number that it is."""
    if names_in(node) or isinstance(node, ast.Constant):
        return node
    value = evaluate(node, {})
    return node if isinstance(value, tuple | range) else literal(value)


def same(value: Any, other: Any) -> bool:
    """Whether two values are one to torch: of one kind, a pair of equals being one number."""
    return bool(_plain(value) == _plain(other) and _kind(_plain(value)) == _kind(_plain(other)))


def _plain(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) and len(value) == 2 and value[0] == value[1] else value


def _kind(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_kind(each) for each in value]
    return type(value) if isinstance(value, bool | str) else "number"
