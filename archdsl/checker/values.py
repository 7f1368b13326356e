"""Expressions to values. What cannot be evaluated is reported and goes on as None, a value not known."""

from __future__ import annotations

import math
from typing import Final

from archdsl.checker.scope import Given, Scope, Value
from archdsl.checker.session import MAX_TUPLE, Session
from archdsl.checker.suggest import meant_function, meant_value, meant_word
from archdsl.diagnostics.diagnostic import Edit
from archdsl.layers import LAYERS
from archdsl.shapes import Image, Shape, is_known
from archdsl.syntax import nodes
from archdsl.syntax.tokens import MAX_NESTING, MAX_WHOLE
from archdsl.syntax.words import FUNCTIONS


def is_name(text: str) -> bool:
    """Whether a name is one of the language: the parser passes quoted text and dotted names on, and reports them."""
    return text.isascii() and text.isidentifier()


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
        if isinstance(node, nodes.Number):
            return None if self.dead else node.value
        if isinstance(node, nodes.Name):
            return self._name(node)
        if isinstance(node, nodes.Tuple):
            return self._tuple(node)
        if isinstance(node, nodes.Call):
            self._spend(node, 1 + len(node.args))
            return self._call(node)
        if isinstance(node, nodes.Unary):
            return self._signs(node)
        self._spend(node, 1 + len(node.rest))
        operator = node.rest[0][0]
        if operator in ("and", "or"):
            return self._logical(node)
        if operator in _COMPARISONS:
            return self._comparison(node, operator)
        return self._arithmetic(node)

    def whole(self, node: nodes.Value, what: str, at_least: int) -> int | None:
        """A value that must be a whole number of at least so much."""
        value = self.value(node)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self._blame("wrong-kind", node, what=what, expected="a whole number", found=value)
            return None
        if value < at_least:
            self._blame("value-out-of-range", node, what=what, value=value, at_least=at_least, at_most=None)
            return None
        return value

    def condition(self, node: nodes.Value) -> bool | None:
        """A value that must be true or false."""
        value = self.value(node)
        if value is None or isinstance(value, bool):
            return value
        self._blame("wrong-kind", node, what="a condition", expected="true or false", found=value)
        return None

    # Small helpers

    def _report(self, code: str, node: nodes.Value | nodes.Argument, /, **facts: object) -> None:
        self.session.report(code, self.scope.module.span(node), **facts)

    def _blame(self, code: str, node: nodes.Value, /, **facts: object) -> None:
        """Report a fault of a value, which is that of whoever wrote it."""
        self.session.report(code, Given(None, node, self.scope), **facts)

    def _wrong_kind(self, node: nodes.Value, what: str, expected: str, found: Value) -> Value:
        self._blame("wrong-kind", node, what=what, expected=expected, found=found)
        return None

    def _spend(self, node: nodes.Value, steps: int) -> None:
        self.session.spend(self.scope.module.span(node), steps)

    def _dead(self) -> Evaluation:
        return self if self.dead else Evaluation(self.session, self.scope, self.entering, dead=True)

    def _bounded(self, node: nodes.Value, value: int | float) -> int | float | None:
        """The number, or None after a report where it is larger than any that the language has."""
        if isinstance(value, int):
            if abs(value) <= MAX_WHOLE:
                return value
            self._blame("number-too-large", node, limit=MAX_WHOLE)
        elif math.isfinite(value):
            return value
        else:
            self._blame("number-too-large", node, limit=None)
        return None

    # Names and tuples

    def _name(self, node: nodes.Name) -> Value:
        text = node.text
        if text in ("in_channels", "in_features"):
            return self._entering(node)
        bound, value = self.scope.lookup(node)
        if bound:
            return None if self.dead else value
        if not is_name(text):
            return None
        module = self.scope.module
        if not module.incomplete:
            below = text in module.lets
            visible = [] if below else self.scope.visible_names()
            truth = None if below else meant_value(text)
            before = self.scope.module.source.text[: node.start].rstrip()
            self.session.report(
                "unknown-name",
                self.scope.module.span(node),
                (),
                None,
                (Edit(self.scope.module.span(node), truth),) if truth == text.lower() else (),
                name=text,
                suggestion=truth or self.session.suggest(text, [*visible, "in_channels", "in_features"]),
                visible=tuple(visible),
                below=below,
                function=text in FUNCTIONS,
                layer=text if text in LAYERS else None,
                comment=before.endswith("//"),
            )
        return None

    def _entering(self, node: nodes.Name) -> int | None:
        shape = self.entering
        if isinstance(shape, Nowhere):
            self._report("nothing-enters", node, name=node.text)
            return None
        if shape is None or self.dead:
            return None
        if isinstance(shape, Image) != (node.text == "in_channels"):
            right = "in_channels" if isinstance(shape, Image) else "in_features"
            known = str(shape) if is_known(shape) else None
            self._report("wrong-entering", node, name=node.text, shape=known, right=right)
            return None
        if shape[0] is None and self.session.unknown_features is None and not self.session.found_errors:
            self.session.unknown_features = self.scope.module.span(node)
        return shape[0]

    def _tuple(self, node: nodes.Tuple) -> Value:
        return self._bounded_tuple(node, tuple([self.value(item) for item in node.items]))

    def _bounded_tuple(self, node: nodes.Value, items: tuple[Value, ...]) -> Value:
        """The tuple, or None after a report where it is larger or deeper than any that the language has."""
        size, depth = measured(items)
        if size > MAX_TUPLE:
            self._blame("tuple-too-large", node, limit=MAX_TUPLE)
            return None
        if depth > MAX_NESTING:
            self._report("nested-too-deeply", node, limit=MAX_NESTING, what="tuples")
            return None
        self._spend(node, 1 + size)
        return items

    # Operators

    def _signs(self, node: nodes.Unary) -> Value:
        """`-` and `not`, any number of them one before the other."""
        signs = [node]
        while isinstance(signs[-1].operand, nodes.Unary):
            signs.append(signs[-1].operand)
        self._spend(node, len(signs))
        value = self.value(signs[-1].operand)
        for sign in reversed(signs):
            if value is None:
                return None
            if sign.operator == "not":
                if not isinstance(value, bool):
                    return self._wrong_kind(sign.operand, "what follows `not`", "true or false", value)
                value = not value
            elif isinstance(value, bool | tuple):
                return self._wrong_kind(sign.operand, "what follows `-`", "a number", value)
            else:
                value = -value
        return value

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
                self._wrong_kind(operand, f"each side of `{operator}`", "true or false", value)
                unknown = True
            elif value is decides:
                result = decides
                unknown = False
                evaluation = self._dead()
        return None if unknown or self.dead else result

    def _comparison(self, node: nodes.Operation, operator: str) -> bool | None:
        (_, operand) = node.rest[0]
        left, right = self.value(node.first), self.value(operand)
        if left is None or right is None:
            return None
        if operator in ("==", "!="):
            self._spend(node, min(measured(left)[0], measured(right)[0]))
            equal = same(left, right)
            if isinstance(equal, KindsDiffer):
                self._blame("kinds-differ", node, operator=operator, left=left, right=right)
                return None
            return None if equal is None else equal == (operator == "==")
        for value, place in ((left, node.first), (right, operand)):
            if isinstance(value, bool | tuple):
                self._wrong_kind(place, f"each side of `{operator}`", "a number", value)
                return None
        assert isinstance(left, int | float)
        assert isinstance(right, int | float)
        if operator == "<":
            return left < right
        if operator == "<=":
            return left <= right
        return left > right if operator == ">" else left >= right

    def _arithmetic(self, node: nodes.Operation) -> Value:
        """Sums and products, from the left."""
        place = node.first
        result = self.value(place)
        for index, (operator, operand) in enumerate(node.rest):
            right = self.value(operand)
            for value, at in ((result, place), (right, operand)):
                if isinstance(value, bool | tuple):
                    self._wrong_kind(at, f"each side of `{operator}`", "a number", value)
                    result = right = None
                    break
            if result is None or right is None:
                # What follows is still read, for the mistakes that are in it.
                result, place = None, operand
                continue
            assert isinstance(result, int | float)
            assert isinstance(right, int | float)
            result = self._computed(node, index, result, right)
            place = operand
        return result

    def _computed(self, node: nodes.Operation, index: int, left: int | float, right: int | float) -> int | float | None:
        """One operation of a sum or product, on two numbers."""
        operator, operand = node.rest[index]
        result: int | float
        if operator in ("/", "//", "%") and right == 0:
            self._blame("division-by-zero", operand, operator=operator)
            return None
        try:
            if operator == "+":
                result = left + right
            elif operator == "-":
                result = left - right
            elif operator == "*":
                result = left * right
            elif operator == "//":
                result = left // right
            elif operator == "%":
                result = left % right
            elif isinstance(left, int) and isinstance(right, int):
                result, remainder = divmod(left, right)
                if remainder:
                    self._blame("not-whole", up_to(node, index), left=left, right=right, remainder=remainder)
                    return None
            else:
                result = left / right
        except OverflowError:
            result = math.inf
        if isinstance(result, int) and -MAX_WHOLE <= result <= MAX_WHOLE:
            return result
        return self._bounded(up_to(node, index), result)

    # Functions

    def _call(self, node: nodes.Call) -> Value:
        name = node.function.text
        arguments: list[nodes.Value] = []
        for argument in node.args:
            if isinstance(argument, nodes.Keyword):
                if name in FUNCTIONS:
                    self._report("named-in-function", argument.name, function=name)
                    return None
                arguments.append(argument.value)
            else:
                arguments.append(argument)
        if name not in FUNCTIONS:
            self._report(
                "unknown-function",
                node.function,
                name=name,
                suggestion=meant_function(name) or self.session.suggest(name, FUNCTIONS),
                known=(*FUNCTIONS,),
                layer=meant_word(name) in LAYERS and meant_function(name) is None,
                value=self.scope.lookup(node.function)[0],
            )
            for each in arguments:
                # A bare word may be a flag, if a layer is meant.
                if not isinstance(each, nodes.Name):
                    self._dead().value(each)
            return None
        least, most = FUNCTIONS[name]
        if len(arguments) < least or (most is not None and len(arguments) > most):
            self._report("wrong-argument-count", node, function=name, found=len(arguments), least=least, most=most)
            return None
        if name == "choose":
            return self._chosen(node, arguments)
        values = [self.value(argument) for argument in arguments]
        if any(value is None for value in values):
            return None
        if name == "len":
            if isinstance(values[0], tuple):
                return len(values[0])
            return self._wrong_kind(arguments[0], "what `len` counts", "a tuple", values[0])
        if name in ("min", "max"):
            return self._extreme(name, arguments, values)
        if name == "zip":
            return self._zipped(node, arguments, values)
        numbers: list[int | float] = []
        for value, place in zip(values, arguments, strict=True):
            if value is None or isinstance(value, bool | tuple):
                return self._wrong_kind(place, f"an argument of `{name}`", "a number", value)
            numbers.append(value)
        return self._rounded(name, node, arguments[-1], numbers)

    def _chosen(self, node: nodes.Call, arguments: list[nodes.Value]) -> Value:
        """`choose`: the value of the first condition that holds, else the last. Nothing behind it is evaluated."""
        evaluation = self
        chosen: Value = None
        for condition, value in zip(arguments[::2], arguments[1::2], strict=False):
            holds = evaluation.condition(condition)
            candidate = (evaluation if holds else self._dead()).value(value)
            if holds is not False and not evaluation.dead:
                chosen, evaluation = candidate, self._dead()
        if len(arguments) % 2:
            otherwise = evaluation.value(arguments[-1])
            return chosen if evaluation.dead else otherwise
        if not evaluation.dead:
            self._report_nothing_chosen(node, arguments[::2])
        return chosen

    def _report_nothing_chosen(self, node: nodes.Call, conditions: list[nodes.Value]) -> None:
        """None of the conditions holds. Where they all compare one name with numbers, it is the name that is wrong."""
        cases = [case for condition in conditions for case in cases_of(condition)]
        names = {None if case is None else case[0].text for case in cases}
        if len(names) == 1 and cases[0] is not None:
            name = cases[0][0]
            allowed = tuple(case[1].value for case in cases if case is not None)
            self._blame("nothing-chosen", name, name=name.text, value=self.value(name), allowed=allowed)
        else:
            self._report("nothing-chosen", node.function, name=None, value=None, allowed=())

    def _zipped(self, node: nodes.Call, arguments: list[nodes.Value], values: list[Value]) -> Value:
        """`zip`: the first values of some tuples as a tuple, then the second ones, and so on."""
        tuples = []
        for value, place in zip(values, arguments, strict=True):
            if not isinstance(value, tuple):
                return self._wrong_kind(place, "an argument of `zip`", "a tuple", value)
            tuples.append(value)
            if len(value) != len(tuples[0]):
                self._blame("lengths-differ", place, length=len(value), wanted=len(tuples[0]))
                return None
        return self._bounded_tuple(node, tuple(zip(*tuples, strict=True)))

    def _extreme(self, name: str, arguments: list[nodes.Value], values: list[Value]) -> Value:
        """min and max, of several numbers or of one tuple of them."""
        if len(values) == 1 and isinstance(values[0], tuple):
            candidates = list(values[0])
            self._spend(arguments[0], len(candidates))
            places = arguments * len(candidates)
            if not candidates:
                return self._wrong_kind(arguments[0], f"an argument of `{name}`", "a tuple of numbers", ())
        else:
            candidates, places = values, arguments
        numbers: list[int | float] = []
        for value, place in zip(candidates, places, strict=True):
            if value is None:
                return None
            if isinstance(value, bool | tuple):
                return self._wrong_kind(place, f"an argument of `{name}`", "a number", value)
            numbers.append(value)
        return min(numbers) if name == "min" else max(numbers)

    def _rounded(self, name: str, node: nodes.Call, last: nodes.Value, numbers: list[int | float]) -> Value:
        """The functions of numbers that give whole ones; `last` is the last argument."""
        value, whole = numbers[0], numbers[-1]
        if name in ("range", "make_divisible"):
            what = "the count of `range`" if name == "range" else "the divisor of `make_divisible`"
            if not isinstance(whole, int):
                return self._wrong_kind(last, what, "a whole number", whole)
            least = 0 if name == "range" else 1
            if whole < least:
                self._blame("value-out-of-range", last, what=what, value=whole, at_least=least, at_most=None)
                return None
            if name == "make_divisible":
                return self._bounded(node, make_divisible(value, whole))
            if whole > MAX_TUPLE:
                self._blame("tuple-too-large", node, limit=MAX_TUPLE)
                return None
            self._spend(node, whole)
            return tuple(range(whole))
        below = math.floor(value)
        if name == "floor":
            return self._bounded(node, below)
        if name == "ceil":
            return self._bounded(node, math.ceil(value))
        return self._bounded(node, below + 1 if value - below >= 0.5 else below)


def up_to(node: nodes.Operation, index: int) -> nodes.Operation:
    """What has been read of a sum or product when so many of its operations are done."""
    end = node.end if index == len(node.rest) - 1 else node.rest[index][1].end
    return nodes.Operation(node.first, node.rest[: index + 1], node.start, end)


def cases_of(condition: nodes.Value) -> list[tuple[nodes.Name, nodes.Number] | None]:
    """What a condition asks where it is `name == number`, or several of these with `or`; None for all else."""
    if not isinstance(condition, nodes.Operation):
        return [None]
    operator, operand = condition.rest[0]
    if operator == "or":
        return [case for part in (condition.first, *(part for _, part in condition.rest)) for case in cases_of(part)]
    if operator == "==" and isinstance(condition.first, nodes.Name) and isinstance(operand, nodes.Number):
        return [(condition.first, operand)]
    return [None]


_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


def make_divisible(value: float, divisor: int) -> int:
    """The nearest multiple of the divisor, at least the divisor, and not more than a tenth below the value.

    The rule by which the MobileNet papers round channel counts (Sandler et al. 2018, in the authors' code).
    """
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


class KindsDiffer:
    """Two values that can't be compared: a number and a tuple, a truth and a number."""


def same(left: Value, right: Value) -> bool | KindsDiffer | None:
    """Whether two values are the same; None where that is not known."""
    if left is None or right is None:
        return None
    if kind_of(left) != kind_of(right):
        return KindsDiffer()
    if not isinstance(left, tuple) or not isinstance(right, tuple):
        return left == right
    if len(left) != len(right):
        return False
    result: bool | None = True
    for one, other in zip(left, right, strict=True):
        equal = same(one, other)
        if isinstance(equal, KindsDiffer):
            return equal
        if equal is False:
            result = False
        elif equal is None and result:
            result = None
    return result


def kind_of(value: Value) -> str:
    """The kind of a value: whole numbers and decimals are one."""
    return "truth" if isinstance(value, bool) else "tuple" if isinstance(value, tuple) else "number"


def measured(value: Value) -> tuple[int, int]:
    """How many values a tuple holds with those inside its tuples, and how deep these stand in each other."""
    if not isinstance(value, tuple):
        return 1, 0
    # Each tuple within was measured when it was made, so this goes no deeper than one level more than allowed.
    sizes = [measured(item) for item in value if isinstance(item, tuple)]
    single = len(value) - len(sizes)
    return single + sum(size for size, _ in sizes), 1 + max((depth for _, depth in sizes), default=0)
