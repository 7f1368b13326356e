"""The words for faults of values: kinds, ranges, arithmetic."""

from __future__ import annotations

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


@code("wrong-kind")
def wrong_kind(what: str, expected: str, found: Any) -> Wording:
    """A value is of a kind that can't stand here: a decimal for a whole number, a tuple for a number, ...

    A decimal never becomes whole by itself: say `round`, `floor` or `ceil`.
    """
    help: tuple[str, ...] = ()
    if isinstance(found, float) and "whole" in expected:
        help = (f"write `round({shown(found)})`, `floor` or `ceil`",)
    elif isinstance(found, int) and not isinstance(found, bool) and expected == "a tuple":
        help = (f"write `({found},)` for one value",)
        if found > 0:
            help = (f"write `({found},)` for one value, or `range({found})` for 0 to {found - 1}",)
    elif isinstance(found, int) and not isinstance(found, bool) and expected == "true or false":
        help = ("compare it: `x > 0`",) if what == "a condition" else ("write `true` or `false`",)
    return Wording(f"{what} must be {expected}, not {described(found)}", f"expected {expected}", help)


@code("value-out-of-range")
def value_out_of_range(what: str, value: Any, at_least: float | None, at_most: float | None) -> Wording:
    """A number is below the least or above the largest that makes sense here."""
    if at_least is not None and at_most is not None:
        allowed = f"between {shown(at_least)} and {shown(at_most)}"
    elif at_least is not None:
        allowed = f"at least {shown(at_least)}"
    else:
        allowed = f"at most {shown(at_most)}"
    return Wording(f"{what} must be {allowed}, not {shown(value)}", f"must be {allowed}")


@code("tuple-too-large")
def tuple_too_large(limit: int) -> Wording:
    """A tuple holds more than 10,000 values in all."""
    return Wording(f"the tuple holds more than {limit:,} values", "too large")


@code("division-by-zero")
def division_by_zero(operator: str) -> Wording:
    """The right side of `/`, `//` or `%` is zero."""
    return Wording(f"`{operator}` divides by zero", "the right side is 0")


@code("not-whole")
def not_whole(left: int, right: int, remainder: int) -> Wording:
    """`/` on whole numbers must come out whole, for a channel count that was rounded unseen is a wrong network."""
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
    """Two values of different kinds are compared."""
    return Wording(f"`{operator}` compares {described(left)} with {described(right)}", "both sides must be of one kind")


@code("named-in-function")
def named_in_function(function: str) -> Wording:
    """Functions take their arguments in order, without names."""
    return Wording(f"`{function}` takes no named arguments", "named", ("give the value alone",))


@code("wrong-argument-count")
def wrong_argument_count(function: str, found: int, least: int, most: int | None) -> Wording:
    """A function is called with too few or too many arguments."""
    wanted = plural(least, "argument") if most == least else f"at least {plural(least, 'argument')}"
    return Wording(f"`{function}` takes {wanted}, not {found}", f"takes {wanted}")


@code("nothing-enters")
def nothing_enters(name: str) -> Wording:
    """`in_channels` and `in_features` stand where nothing enters: in a let of a file, or in `input`."""
    return Wording(
        f"`{name}` stands where nothing enters", "no layer before it", ("use it in a layer, or in a let of a chain",)
    )


@code("wrong-entering")
def wrong_entering(name: str, shape: str | None, right: str) -> Wording:
    """`in_channels` is that of an image, `in_features` that of a vector."""
    kind = "an image" if right == "in_channels" else "a vector"
    of = f" of {shape}" if shape else ""
    return Wording(f"`{name}` has no meaning where {kind}{of} enters", f"{kind} enters", (f"write `{right}`",))


@code("pattern-mismatch")
def pattern_mismatch(pattern: str, value: Any, wanted: int) -> Wording:
    """A pattern takes a tuple apart, and the value is no tuple or one of another length."""
    found = f"{shown(value)} has {len(value)}" if isinstance(value, tuple) else f"{shown(value)} is no tuple"
    return Wording(f"`{pattern}` takes a tuple of {wanted} apart, and {found}", f"expected a tuple of {wanted}")
