"""The words for faults of values: kinds, ranges, arithmetic."""

from __future__ import annotations

from math import ceil, floor
from typing import Any

from archdsl.diagnostics.catalog.entry import Wording, code, plural


def shown(value: Any) -> str:
    """A value as it is written in the language."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        if len(value) > 6:
            return f"a tuple of {len(value)}"
        items = ", ".join("?" if item is None else shown(item) for item in value)
        return f"({items},)" if len(value) == 1 else f"({items})"
    return repr(value)


def described(value: Any) -> str:
    """A value with its kind."""
    if isinstance(value, bool):
        return shown(value)
    if isinstance(value, tuple):
        return f"the tuple {shown(value)}" if len(value) <= 6 else shown(value)
    return f"the decimal {shown(value)}" if isinstance(value, float) else f"the number {shown(value)}"


def advised(word: str | None, name: str | None, value: Any) -> tuple[str, ...]:
    """What was most likely meant by a value that an argument can't have, where that is known of the argument."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if name == "p" and isinstance(value, int) and 1 < value <= 100:
        return (f"for {shown(value)} percent write `{shown(round(value / 100, 6))}`",)
    if name == "eps" and (isinstance(value, tuple) or (is_number and value >= 1)):
        alone = "groupnorm(groups)" if word == "groupnorm" else word
        return (f"what comes in is known, and not said: write `{alone}`",)
    if word == "upsample" and name == "scale" and isinstance(value, float) and not value.is_integer():
        smaller = "to make the picture smaller, use a pooling word or a stride" if value < 1 else ""
        return (smaller or f"write `{int(value)}` or `{int(value) + 1}`",)
    return ()


@code("wrong-kind")
def wrong_kind(
    what: str, expected: str, found: Any, literal: bool = False, word: str | None = None, name: str | None = None
) -> Wording:
    """A value is of a kind that can't stand here: a decimal for a whole number, a tuple for a number.

    A decimal never becomes whole by itself, for a channel count that was rounded unseen is a wrong network: say
    `round`, `floor` or `ceil`. A number is no truth either: compare it. What `for` goes through is a tuple: `range(3)`,
    not 3.

    Example:
        let width = 0.5
        input(3, 32, 32)
        conv(64 * width, 3)

    Mended:
        let width = 0.5
        input(3, 32, 32)
        conv(round(64 * width), 3)

    Example:
        input(3, 32, 32)
        for i in 3 { conv(16 * (i + 1), 3) relu }

    Mended:
        input(3, 32, 32)
        for i in range(3) { conv(16 * (i + 1), 3) relu }
    """
    help: tuple[str, ...] = ()
    if isinstance(found, float) and "whole" in expected:
        below, above = floor(found), ceil(found)
        nearest = below if found - below < 0.5 else above
        help = (f"write `round(...)` around it, which gives {nearest}; or `floor`, or `ceil`",)
        if literal:
            help = (f"write {below}" if below == above else f"write {below} or {above}",)
    elif isinstance(found, int) and not isinstance(found, bool) and expected == "a tuple":
        help = (f"write `({found},)` for one value",)
        if found > 0:
            help = (f"write `({found},)` for one value, or `range({found})` for 0 to {found - 1}",)
    elif isinstance(found, int) and not isinstance(found, bool) and expected == "true or false":
        help = ("compare it: `x > 0`",) if what == "a condition" else ("write `true` or `false`",)
    elif isinstance(found, tuple) and found and word is not None and all(type(each) is int for each in found):
        if "pair" in expected:
            help = (f"write `{found[0]}`, or `({found[0]}, {found[min(1, len(found) - 1)]})`",)
        elif len(set(found)) == 1 and expected.startswith("a whole number"):
            help = (f"write `{found[0]}`",)
    advice = advised(word, name, found)
    return Wording(f"{what} must be {expected}, not {described(found)}", f"expected {expected}", advice or help)


_MEANINGFUL = 2**31 - 1
"""A limit from here on is what a machine holds, and is named only where it is passed."""


@code("value-out-of-range")
def value_out_of_range(
    what: str,
    value: Any,
    at_least: float | None,
    at_most: float | None,
    word: str | None = None,
    name: str | None = None,
) -> Wording:
    """A number is below the least or above the largest that makes sense here.

    Channels, kernels and strides are at least 1, a padding is at least 0, a probability is between 0 and 1: the half of
    the values are dropped by `dropout(0.5)`, not by `dropout(50)`.

    Example:
        input(784)
        fc(300) relu dropout(50)
        fc(10)

    Mended:
        input(784)
        fc(300) relu dropout(0.5)
        fc(10)
    """
    if at_least is not None and at_most is not None and (at_most < _MEANINGFUL or value > at_most):
        allowed = f"between {shown(at_least)} and {shown(at_most)}"
    elif at_least is not None:
        allowed = f"at least {shown(at_least)}"
    else:
        allowed = f"at most {shown(at_most)}"
    return Wording(f"{what} must be {allowed}, not {shown(value)}", f"must be {allowed}", advised(word, name, value))


@code("tuple-too-large")
def tuple_too_large(limit: int) -> Wording:
    """A tuple holds more than 10,000 values in all, those in its tuples counted.

    A loop over so many would give a network that nobody builds. Most often the number was meant for something else.

    Example:
        input(16, 32, 32)
        for i in range(50176) { conv(16, 3, p1) relu }

    Mended:
        input(16, 32, 32)
        for i in range(5) { conv(16 * (i + 1), 3, p1) relu }
    """
    return Wording(
        f"the tuple holds more than {limit:,} values",
        "too large",
        ("for a chain many times over, write `repeat(n) { ... }`",),
    )


@code("division-by-zero")
def division_by_zero(operator: str) -> Wording:
    """The right side of `/`, `//` or `%` is zero.

    The number is mostly computed: a loop variable that begins at 0, or a let that `--set` changed.

    Example:
        input(3, 32, 32)
        for i in range(3) { conv(64 // i, 3) relu }

    Mended:
        input(3, 32, 32)
        for i in range(3) { conv(64 // (i + 1), 3) relu }
    """
    return Wording(f"`{operator}` divides by zero", "the right side is 0")


@code("not-whole")
def not_whole(left: int, right: int, remainder: int) -> Wording:
    """`/` on whole numbers leaves a remainder.

    It must come out whole, for a channel count that was rounded unseen is a wrong network. `//` rounds down, and
    `ceil(a / 2.0)` up; where the number must be a multiple of something, `make_divisible` finds the nearest.

    Example:
        let channels = 100
        input(3, 32, 32)
        conv(channels / 8, 3)

    Mended:
        let channels = 100
        input(3, 32, 32)
        conv(channels // 8, 3)
    """
    return Wording(
        f"{left} / {right} leaves a remainder of {remainder}",
        "does not come out whole",
        (
            f"use `//` to round down (it gives {left // right}), or divide {left - remainder} "
            f"or {left - remainder + right}",
        ),
    )


@code("kinds-differ")
def kinds_differ(operator: str, left: Any, right: Any) -> Wording:
    """Two values of different kinds are compared: a number with a truth or with a tuple.

    They would never be equal. Whole numbers and decimals are of one kind; 1 is not `true`, and `(3,)` is not 3.

    Example:
        let kernel = (3, 3)
        input(3, 32, 32)
        if kernel == 3 { conv(64, kernel, p1) } else { conv(64, kernel) }

    Mended:
        let kernel = (3, 3)
        input(3, 32, 32)
        if kernel == (3, 3) { conv(64, kernel, p1) } else { conv(64, kernel) }
    """
    return Wording(f"`{operator}` compares {described(left)} with {described(right)}", "both sides must be of one kind")


@code("named-in-function")
def named_in_function(function: str) -> Wording:
    """A function has an argument with a name.

    Layers and blocks take arguments by name; functions take theirs in order alone.

    Example:
        let width = 30
        input(3, 32, 32)
        conv(make_divisible(width, divisor=8), 3)

    Mended:
        let width = 30
        input(3, 32, 32)
        conv(make_divisible(width, 8), 3)
    """
    return Wording(f"`{function}` takes no named arguments", "named", ("give the value alone",))


@code("wrong-argument-count")
def wrong_argument_count(function: str, found: int, least: int, most: int | None) -> Wording:
    """A function is called with too few or too many arguments.

    `archdsl explain round` says what `round` takes, and so for each.

    Example:
        let width = 30.5
        input(3, 32, 32)
        conv(round(width, 0), 3)

    Mended:
        let width = 30.5
        input(3, 32, 32)
        conv(round(width), 3)
    """
    wanted = plural(least, "argument") if most == least else f"at least {plural(least, 'argument')}"
    return Wording(f"`{function}` takes {wanted}, not {found}", f"takes {wanted}")


@code("nothing-chosen")
def nothing_chosen(name: str | None, value: Any, allowed: tuple[Any, ...]) -> Wording:
    """No condition of a `choose` holds, and it has no value at its end for all other cases.

    So a file says which values of a let or a parameter it is made for. Another value is an error, whether it stands in
    the file or comes from `--set`.

    Example:
        let depth = 17
        input(3, 64, 64)
        repeat(choose(depth == 18, 2, depth == 34, 3)) { conv(64, 3, p1) relu }
        global_avgpool flatten fc(10)

    Mended:
        let depth = 18
        input(3, 64, 64)
        repeat(choose(depth == 18, 2, depth == 34, 3)) { conv(64, 3, p1) relu }
        global_avgpool flatten fc(10)
    """
    if name is None:
        help = "add a value at its end, for all other cases"
        return Wording("no condition of this `choose` holds", "chooses nothing", (help,))
    *others, last = dict.fromkeys(map(shown, allowed))
    wanted = f"{', '.join(others)} or {last}" if others else last
    return Wording(f"`{name}` is {shown(value)}, and can only be {wanted}", f"is {shown(value)}")


@code("lengths-differ")
def lengths_differ(length: int, wanted: int) -> Wording:
    """The tuples that `zip` takes have different lengths.

    It puts the first values of all together, then the second ones: so each needs as many as the others.

    Example:
        input(3, 32, 32)
        for (channels, stride) in zip((16, 32, 64), (1, 2)) { conv(channels, 3, p1, s=stride) relu }
        global_avgpool flatten fc(10)

    Mended:
        input(3, 32, 32)
        for (channels, stride) in zip((16, 32, 64), (1, 2, 2)) { conv(channels, 3, p1, s=stride) relu }
        global_avgpool flatten fc(10)
    """
    return Wording(
        f"`zip` takes tuples of one length, not of {wanted} and {plural(length, 'value')}",
        f"has {plural(length, 'value')}, and not {wanted}",
    )


@code("nothing-enters")
def nothing_enters(name: str) -> Wording:
    """`in_channels` or `in_features` stands where nothing enters: in a let of the file, or in `input`.

    A let of the file stands before and outside of the network. In a chain, and in the default of a block's parameter,
    there is something that enters.

    Example:
        input(3, 32, 32)
        conv(64, 3) relu
        let half = in_channels / 2
        conv(half, 1)

    Mended:
        input(3, 32, 32)
        conv(64, 3) relu
        conv(in_channels / 2, 1)
    """
    return Wording(
        f"`{name}` stands where nothing enters", "no layer before it", ("use it in a layer, or in a let of a chain",)
    )


@code("wrong-entering")
def wrong_entering(name: str, shape: str | None, right: str) -> Wording:
    """`in_channels` stands where a vector enters, or `in_features` where an image does.

    What enters is the shape before the whole item in which the name stands.

    Example:
        input(3, 32, 32)
        flatten
        fc(in_channels / 2)

    Mended:
        input(3, 32, 32)
        flatten
        fc(in_features / 2)
    """
    kind = "an image" if right == "in_channels" else "a vector"
    of = f" of {shape}" if shape else ""
    return Wording(f"`{name}` has no meaning where {kind}{of} enters", f"{kind} enters", (f"write `{right}`",))


@code("pattern-mismatch")
def pattern_mismatch(pattern: str, value: Any, wanted: int, row: Any = None) -> Wording:
    """A pattern takes a tuple apart, and the value is no tuple, or one of another length.

    In a `for`, each value of the tuple is taken apart: two numbers for each turn are a tuple of pairs.

    Example:
        input(3, 32, 32)
        for (times, width) in (2, 64) {
          repeat(times) { conv(width, 3, p1) relu }
        }

    Mended:
        input(3, 32, 32)
        for (times, width) in ((2, 64),) {
          repeat(times) { conv(width, 3, p1) relu }
        }
    """
    found = f"{shown(value)} has {len(value)}" if isinstance(value, tuple) else f"{shown(value)} is no tuple"
    message = f"`{pattern}` takes a tuple of {wanted} apart, and {found}"
    if row is not None:
        return Wording(message, f"a tuple of {wanted} itself", (f"for one turn write `({shown(row)},)`",))
    return Wording(
        message, f"expected a tuple of {wanted}", (f"write a tuple of {wanted} values in place of {shown(value)}",)
    )
