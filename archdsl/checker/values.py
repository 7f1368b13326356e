"""Expressions to values. What cannot be evaluated is reported and goes on as None, a value not known."""

from __future__ import annotations

import math
from typing import Final

from archdsl.checker.scope import Scope, Value
from archdsl.checker.session import MAX_TUPLE, Session
from archdsl.checker.suggest import suggest
from archdsl.shapes import Image, Shape
from archdsl.syntax import nodes
from archdsl.syntax.tokens import MAX_NESTING, MAX_WHOLE


class Nowhere:
    """Where nothing enters: a let of a file, and the input's own arguments."""


NOWHERE: Final = Nowhere()

Entering = Shape | Nowhere | None
"""The shape that enters the item in which a value stands; None where it is not known."""


class Evaluation:
    """Evaluates the values of one place: the names of a scope, and what enters the item.

    dead: the place is in a branch that is not taken. Its names and counts are checked, its values not.
    """

    __slots__ = ("dead", "entering", "scope", "session")

    def __init__(self, session: Session, scope: Scope, entering: Entering, dead: bool = False) -> None:
        self.session = session
        self.scope = scope
        self.entering = entering
        self.dead = dead

    def value(self, node: nodes.Value) -> Value:
        """The value of an expression, or None after a report."""
        kind = node.__class__
        if kind is nodes.Number:
            return None if self.dead else node.value  # type: ignore[union-attr]
        if kind is nodes.Name:
            return self._name(node)  # type: ignore[arg-type]
        self.session.spend(self.scope.module.span(node))
        if isinstance(node, nodes.Tuple):
            items = tuple(self.value(item) for item in node.items)
            size = size_of(items)
            if size > MAX_TUPLE:
                return self._report("tuple-too-large", node, limit=MAX_TUPLE)
            self.session.spend(self.scope.module.span(node), size)
            return items
        if isinstance(node, nodes.Call):
            return self._call(node)
        if isinstance(node, nodes.Unary):
            return self._unary(node)
        assert isinstance(node, nodes.Operation)
        if node.rest[0][0] in ("and", "or"):
            return self._logical(node)
        result = self.value(node.first)
        for operator, operand in node.rest:
            result = self._binary(node, operator, result, self.value(operand))
        return result

    def whole(self, node: nodes.Value, what: str, at_least: int) -> int | None:
        """A value that must be a whole number of at least so much."""
        value = self.value(node)
        if value is None:
            return None
        if type(value) is not int:
            self._report("wrong-kind", node, what=what, expected="a whole number", found=value)
            return None
        if value < at_least:
            self._report("value-out-of-range", node, what=what, value=value, at_least=at_least, at_most=None)
            return None
        return value

    def condition(self, node: nodes.Value) -> bool | None:
        """A value that must be true or false."""
        value = self.value(node)
        if value is None or isinstance(value, bool):
            return value
        self._report("wrong-kind", node, what="the condition", expected="true or false", found=value)
        return None

    def _report(self, code: str, node: nodes.Value | nodes.Argument, /, **facts: object) -> None:
        self.session.report(code, self.scope.module.span(node), **facts)

    def _dead(self) -> Evaluation:
        return self if self.dead else Evaluation(self.session, self.scope, self.entering, dead=True)

    def _name(self, node: nodes.Name) -> Value:
        text = node.text
        if text in ("in_channels", "in_features"):
            return self._entering(node)
        bound, value = self.scope.lookup(node)
        if bound:
            return None if self.dead else value
        module = self.scope.module
        if not module.incomplete:
            below = module.lets.get(text)
            visible = [name for name in self.scope.visible_names() if name not in module.lets or name != text]
            self._report(
                "unknown-name",
                node,
                name=text,
                suggestion=suggest(text, [*visible, "in_channels", "in_features"]),
                visible=tuple(visible),
                below=below is not None,
                function=text in FUNCTIONS,
            )
        return None

    def _entering(self, node: nodes.Name) -> int | None:
        shape = self.entering
        if isinstance(shape, Nowhere):
            self._report("nothing-enters", node, name=node.text)
            return None
        if shape is None:
            return None
        if isinstance(shape, Image) != (node.text == "in_channels"):
            right = "in_channels" if isinstance(shape, Image) else "in_features"
            self._report("wrong-entering", node, name=node.text, shape=str(shape), right=right)
            return None
        return None if self.dead else shape[0]

    def _unary(self, node: nodes.Unary) -> Value:
        value = self.value(node.operand)
        if value is None:
            return None
        if node.operator == "not":
            if isinstance(value, bool):
                return not value
            return self._report("wrong-kind", node.operand, what="`not`", expected="true or false", found=value)
        if isinstance(value, bool | tuple):
            return self._report("wrong-kind", node.operand, what="`-`", expected="a number", found=value)
        return -value

    def _logical(self, node: nodes.Operation) -> bool | None:
        """`and` and `or`, which look at their right side only where the left does not decide."""
        operator = node.rest[0][0]
        decides = operator == "or"
        unknown = False
        evaluation = self
        result: bool | None = not decides
        for operand in (node.first, *(operand for _, operand in node.rest)):
            value = evaluation.value(operand)
            if evaluation.dead:
                continue
            if value is None:
                unknown = True
            elif not isinstance(value, bool):
                self._report("wrong-kind", operand, what=f"`{operator}`", expected="true or false", found=value)
                unknown = True
            elif value is decides:
                result = decides
                unknown = False
                evaluation = self._dead()
        return None if unknown or self.dead else result

    def _binary(self, node: nodes.Operation, operator: str, left: Value, right: Value) -> Value:
        if left is None or right is None:
            return None
        if operator in ("==", "!=", "<", "<=", ">", ">="):
            return self._comparison(node, operator, left, right)
        if isinstance(left, bool | tuple) or isinstance(right, bool | tuple):
            wrong = left if isinstance(left, bool | tuple) else right
            return self._report("wrong-kind", node, what=f"`{operator}`", expected="numbers", found=wrong)
        result: int | float
        try:
            if operator == "+":
                result = left + right
            elif operator == "-":
                result = left - right
            elif operator == "*":
                result = left * right
            elif right == 0:
                return self._report("division-by-zero", node, operator=operator)
            elif operator == "//":
                result = left // right
            elif operator == "%":
                result = left % right
            elif isinstance(left, int) and isinstance(right, int):
                if left % right:
                    return self._report("not-whole", node, left=left, right=right, remainder=left % right)
                result = left // right
            else:
                result = left / right
        except OverflowError:
            return self._report("number-too-large", node, limit=None)
        return self._bounded(node, result)

    def _bounded(self, node: nodes.Value, value: int | float) -> int | float | None:
        if isinstance(value, int):
            if abs(value) <= MAX_WHOLE:
                return value
            self._report("number-too-large", node, limit=MAX_WHOLE)
        elif math.isfinite(value):
            return value
        else:
            self._report("number-too-large", node, limit=None)
        return None

    def _comparison(self, node: nodes.Operation, operator: str, left: Value, right: Value) -> bool | None:
        if comparable(left) != comparable(right):
            self._report("kinds-differ", node, operator=operator, left=left, right=right)
            return None
        if operator in ("==", "!="):
            if has_unknown(left) or has_unknown(right):
                return None
            return (left == right) == (operator == "==")
        if comparable(left) != "number":
            self._report("wrong-kind", node, what=f"`{operator}`", expected="numbers", found=left)
            return None
        assert isinstance(left, int | float)
        assert isinstance(right, int | float)
        if operator == "<":
            return left < right
        if operator == "<=":
            return left <= right
        return left > right if operator == ">" else left >= right

    def _call(self, node: nodes.Call) -> Value:
        name = node.function.text
        counts = FUNCTIONS.get(name)
        for argument in node.args:
            if isinstance(argument, nodes.Keyword):
                self._report("named-in-function", argument.name, function=name)
                return None
        arguments: list[nodes.Value] = list(node.args)  # type: ignore[arg-type]
        if counts is None:
            self._report(
                "unknown-function", node.function, name=name, suggestion=suggest(name, FUNCTIONS), known=(*FUNCTIONS,)
            )
            for argument in arguments:
                self.value(argument)
            return None
        least, most = counts
        if len(arguments) < least or (most is not None and len(arguments) > most):
            self._report("wrong-argument-count", node, function=name, found=len(arguments), least=least, most=most)
            return None
        if name == "choose":
            condition = self.condition(arguments[0])
            chosen = self.value(arguments[1]) if condition is True else self._dead().value(arguments[1])
            other = self.value(arguments[2]) if condition is False else self._dead().value(arguments[2])
            return chosen if condition is True else other if condition is False else None
        values = [self.value(argument) for argument in arguments]
        if self.dead or any(value is None for value in values):
            return None
        if name == "len":
            if isinstance(values[0], tuple):
                return len(values[0])
            return self._report("wrong-kind", arguments[0], what="`len`", expected="a tuple", found=values[0])
        if name in ("min", "max"):
            return self._extreme(name, arguments, values)
        numbers: list[int | float] = []
        for value, argument in zip(values, arguments, strict=True):
            if isinstance(value, bool | tuple) or value is None:
                return self._report("wrong-kind", argument, what=f"`{name}`", expected="a number", found=value)
            numbers.append(value)
        return self._number_function(name, node, arguments, numbers)

    def _extreme(self, name: str, arguments: list[nodes.Value], values: list[Value]) -> Value:
        """min and max, of several numbers or of one tuple of them."""
        if len(values) == 1 and isinstance(values[0], tuple):
            candidates = list(values[0])
            places = arguments * len(candidates)
        else:
            candidates, places = values, arguments
        numbers: list[int | float] = []
        for value, place in zip(candidates, places, strict=True):
            if value is None:
                return None
            if isinstance(value, bool | tuple):
                return self._report("wrong-kind", place, what=f"`{name}`", expected="numbers", found=value)
            numbers.append(value)
        return min(numbers) if name == "min" else max(numbers)

    def _number_function(
        self, name: str, node: nodes.Call, arguments: list[nodes.Value], numbers: list[int | float]
    ) -> Value:
        first = numbers[0]
        if name in ("range", "make_divisible"):
            last = numbers[-1]
            if not isinstance(last, int):
                return self._report(
                    "wrong-kind", arguments[-1], what=f"`{name}`", expected="a whole number", found=last
                )
            least = 0 if name == "range" else 1
            if last < least:
                return self._report(
                    "value-out-of-range", arguments[-1], what=f"`{name}`", value=last, at_least=least, at_most=None
                )
            if name == "make_divisible":
                return self._bounded(node, make_divisible(first, last))
            if last > MAX_TUPLE:
                return self._report("tuple-too-large", node, limit=MAX_TUPLE)
            self.session.spend(self.scope.module.span(node), last)
            return tuple(range(last))
        below = math.floor(first)
        if name == "floor":
            return self._bounded(node, below)
        if name == "ceil":
            return self._bounded(node, math.ceil(first))
        return self._bounded(node, below + 1 if first - below >= 0.5 else below)


FUNCTIONS: dict[str, tuple[int, int | None]] = {
    "min": (1, None),
    "max": (1, None),
    "round": (1, 1),
    "floor": (1, 1),
    "ceil": (1, 1),
    "len": (1, 1),
    "range": (1, 1),
    "choose": (3, 3),
    "make_divisible": (2, 2),
}
"""Each function with the least and the largest number of arguments that it takes."""


def make_divisible(value: int | float, divisor: int) -> int:
    """The nearest multiple of the divisor, at least the divisor, and not more than a tenth below the value.

    The rule by which the MobileNet papers round channel counts (Sandler et al. 2018, in the authors' code).
    """
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def comparable(value: Value) -> str:
    """The kind of a value in a comparison; whole numbers and decimals are one."""
    return "truth" if isinstance(value, bool) else "tuple" if isinstance(value, tuple) else "number"


def size_of(value: Value, depth: int = 0) -> int:
    """How many values a tuple holds, with those inside its tuples; more than allowed where it is nested too deeply."""
    if not isinstance(value, tuple):
        return 1
    if depth > MAX_NESTING:
        return MAX_TUPLE + 1
    count = 0
    for item in value:
        count += size_of(item, depth + 1) if isinstance(item, tuple) else 1
        if count > MAX_TUPLE:
            break
    return count


def has_unknown(value: Value) -> bool:
    """Whether a value, or one inside its tuples, is not known."""
    return value is None or (isinstance(value, tuple) and any(has_unknown(item) for item in value))
