"""Sizes as formulas of the input's height and width: `floor((H - 11)/4) + 1`.

A `Size` is a whole number that remembers how it was computed from the symbols, and what it was compared with. So the
shape rules of the layers, which know nothing of formulas, tell for all sizes at once what they tell for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd
from typing import Any, NamedTuple, TypeAlias


class Linear(NamedTuple):
    """factor * atom + offset. A factor of 0 is the number `offset`, and its atom is empty."""

    atom: Atom
    factor: int
    offset: int


class Floor(NamedTuple):
    """The numerator over the divisor, rounded down. `depth` is how many floors stand in each other."""

    numerator: Linear
    divisor: int
    depth: int


class Product(NamedTuple):
    """One size times another, as in the features that `flatten` gives."""

    left: Linear
    right: Linear


class Sum(NamedTuple):
    """Several formulas of different atoms, as of the branches that `concat` joins."""

    terms: tuple[Linear, ...]


Atom: TypeAlias = str | Floor | Product | Sum
"""A symbol, or what can't be taken apart further."""


MAX_DEPTH = 30
"""More floors than this in each other are no formula that anyone reads: enlarging and reducing by turns, unevenly."""


class FormulaTooDeep(Exception):
    """A size can't be told as a formula."""


def number(value: int) -> Linear:
    return Linear("", 0, value)


def plus(a: Linear, b: Linear) -> Linear:
    """a + b"""
    if not a.factor or not b.factor or a.atom == b.atom:
        factor = a.factor + b.factor
        return Linear((a.atom or b.atom) if factor else "", factor, a.offset + b.offset)
    terms = [*_terms(a), *_terms(b)]
    if len(terms) > 2 and terms[-2].atom == terms[-1].atom:
        terms[-2:] = [terms[-1]._replace(factor=terms[-2].factor + terms[-1].factor)]
    return Linear(Sum(tuple(term for term in terms if term.factor)), 1, a.offset + b.offset)


def _terms(a: Linear) -> tuple[Linear, ...]:
    """The terms of a sum, without its offset."""
    if a.factor == 1 and isinstance(a.atom, Sum):
        return a.atom.terms
    return (a._replace(offset=0),)


def times(a: Linear, b: Linear) -> Linear:
    """a * b"""
    if not a.factor:
        a, b = b, a
    if not b.factor:
        factor = a.factor * b.offset
        return Linear(a.atom if factor else "", factor, a.offset * b.offset)
    # Factors are taken out, so that the same product is written in one way.
    factors = 1
    parts = []
    for part in (a, b):
        common = gcd(part.factor, part.offset)
        factors *= common
        parts.append(Linear(part.atom, part.factor // common, part.offset // common))
    return Linear(Product(*parts), factors, 0)


def divided(a: Linear, divisor: int) -> Linear:
    """floor(a / divisor), in one form: a floor of a floor is one floor, and whole parts stand outside."""
    if not a.factor:
        return number(a.offset // divisor)
    common = gcd(a.factor, divisor)
    # The factor's part of the numerator is a multiple of `common`, so what is left of the offset is rounded away.
    atom, factor, offset, divisor = a.atom, a.factor // common, a.offset // common, divisor // common
    if divisor == 1:
        return Linear(atom, factor, offset)
    if factor == 1 and isinstance(atom, Floor):
        inner = plus(atom.numerator, number(offset * atom.divisor))
        return divided(inner, atom.divisor * divisor)
    whole, rest = divmod(offset, divisor)
    depth = 1 + (atom.depth if isinstance(atom, Floor) else 0)
    if depth > MAX_DEPTH:
        raise FormulaTooDeep
    return Linear(Floor(Linear(atom, factor, rest), divisor, depth), 1, whole)


def evaluate(a: Linear, values: Mapping[str, int]) -> int:
    """The value where the symbols have these."""
    if not a.factor:
        return a.offset
    atom = a.atom
    if isinstance(atom, str):
        value = values[atom]
    elif isinstance(atom, Floor):
        value = evaluate(atom.numerator, values) // atom.divisor
    elif isinstance(atom, Product):
        value = evaluate(atom.left, values) * evaluate(atom.right, values)
    else:
        value = sum(evaluate(term, values) for term in atom.terms)
    return a.factor * value + a.offset


def symbols_of(a: Linear) -> set[str]:
    """The symbols that a formula has."""
    atom = a.atom
    if isinstance(atom, str):
        return {atom} if a.factor else set()
    if isinstance(atom, Floor):
        return symbols_of(atom.numerator)
    return set[str]().union(*map(symbols_of, atom.terms if isinstance(atom, Sum) else atom))


def text_of(a: Linear, multiples: Mapping[str, int] | None = None) -> str:
    """The formula as it is read: `ceil(H/32)`, `floor((H - 11)/4) + 1`, `2*W`.

    Args:
        multiples: numbers that the symbols are known to be multiples of, so that some divisions need no rounding.
    """
    if not a.factor:
        return str(a.offset)
    atom, factor, offset = a
    if isinstance(atom, Floor):
        text, offset = _floor_text(atom, factor, offset, multiples or {})
    elif isinstance(atom, str):
        text = _scaled(factor, atom)
    elif isinstance(atom, Product):
        parts = [text_of(part, multiples) for part in (atom.left, atom.right)]
        text = _scaled(factor, "*".join(f"({part})" if " " in part else part for part in parts))
    else:
        text = " + ".join(text_of(term, multiples) for term in atom.terms)
        text = text if factor == 1 else f"{factor}*({text})"
    return _with_offset(text, offset)


def _floor_text(atom: Floor, factor: int, offset: int, multiples: Mapping[str, int]) -> tuple[str, int]:
    """A floor with its factor, and the offset that is left to write."""
    (inner, scale, rest), divisor, _ = atom
    if isinstance(inner, str) and not rest and scale == 1 and multiples.get(inner, 1) % divisor == 0:
        common = gcd(factor, divisor)
        exact = inner if divisor == common else f"{inner}/{divisor // common}"
        return _scaled(factor // common, exact), offset
    above = text_of(Linear(inner, scale, 0), multiples)
    above = f"({above})" if " " in above else above
    if rest == 0:
        text = f"floor({above}/{divisor})"
    elif rest == divisor - 1 and offset >= 0:
        text = f"ceil({above}/{divisor})"
    elif factor == 1 and offset < 1:
        # As a row of windows is counted: floor((size - window)/stride) + 1.
        text = f"floor(({_with_offset(above, rest + (offset - 1) * divisor)})/{divisor})"
        offset = 1
    else:
        text = f"floor(({_with_offset(above, rest)})/{divisor})"
    return _scaled(factor, text), offset


def _scaled(factor: int, text: str) -> str:
    return text if factor == 1 else f"-{text}" if factor == -1 else f"{factor}*{text}"


def _with_offset(text: str, offset: int) -> str:
    return text if not offset else f"{text} + {offset}" if offset > 0 else f"{text} - {-offset}"


class Guards:
    """What must hold of the symbols for every comparison to come out as it did.

    least, most: limits of single symbols. equal: differences that are 0, each with the two formulas that are equal.
    unequal: differences that are not 0. others: formulas that are at least 0, of several symbols.
    """

    def __init__(self) -> None:
        self.least: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.equal: dict[Linear, tuple[Linear, Linear]] = {}
        self.unequal: dict[Linear, None] = {}
        self.others: dict[Linear, None] = {}

    def at_least_zero(self, a: Linear) -> None:
        """Record that a formula is at least 0; of one symbol, that is a limit of the symbol."""
        while isinstance(a.atom, Floor) and a.factor > 0:
            # m floor(x/d) + c >= 0 where floor(x/d) >= t = ceil(-c/m), and that where x >= t d.
            least = -(a.offset // a.factor)
            a = plus(a.atom.numerator, number(-least * a.atom.divisor))
        while isinstance(a.atom, Floor) and a.factor < 0:
            # m floor(x/d) <= c where floor(x/d) <= t = floor(c/m), and that where x <= t d + d - 1.
            most = a.offset // -a.factor
            inner = a.atom.numerator
            a = Linear(inner.atom, -inner.factor, most * a.atom.divisor + a.atom.divisor - 1 - inner.offset)
        if not a.factor:
            return
        if not isinstance(a.atom, str):
            self.others[a] = None
        elif a.factor > 0:
            self.least[a.atom] = max(self.least.get(a.atom, 1), -(a.offset // a.factor))
        else:
            most = a.offset // -a.factor
            self.most[a.atom] = min(self.most.get(a.atom, most), most)

    def compared(self, a: Linear, b: Linear, are_equal: bool) -> None:
        """Record whether two formulas are equal."""
        difference = plus(a, _negative(b))
        if not difference.factor or _negative(difference) in self.equal:
            return
        if are_equal:
            self.equal.setdefault(difference, (a, b))
        else:
            self.unequal[difference] = None

    def hold(self, values: Mapping[str, int]) -> bool:
        """Whether all of it holds where the symbols have these values."""
        return (
            all(values[symbol] >= least for symbol, least in self.least.items())
            and all(values[symbol] <= most for symbol, most in self.most.items())
            and all(evaluate(a, values) == 0 for a in self.equal)
            and all(evaluate(a, values) != 0 for a in self.unequal)
            and all(evaluate(a, values) >= 0 for a in self.others)
        )


class Size(int):
    """A whole number with its formula. Sums, products and whole quotients have one too; comparisons are recorded."""

    formula: Linear
    guards: Guards

    @classmethod
    def of(cls, value: int, formula: Linear, guards: Guards) -> int:
        """A size; one that no symbol has a part in is a plain number."""
        if not formula.factor:
            return value
        self = cls(value)
        self.formula = formula
        self.guards = guards
        return self

    def _made(self, value: int, formula: Linear) -> int:
        return Size.of(value, formula, self.guards)

    def __add__(self, other: int) -> int:
        return self._made(int(self) + int(other), plus(self.formula, formula_of(other)))

    def __radd__(self, other: int) -> int:
        return self + other

    def __neg__(self) -> int:
        return self * -1

    def __sub__(self, other: int) -> int:
        return self + -other

    def __rsub__(self, other: int) -> int:
        return -self + other

    def __mul__(self, other: int) -> int:
        return self._made(int(self) * int(other), times(self.formula, formula_of(other)))

    def __rmul__(self, other: int) -> int:
        return self * other

    def __floordiv__(self, other: int) -> int:
        return self._made(int(self) // other, divided(self.formula, other))

    def __mod__(self, other: int) -> int:
        return self - self // other * other

    def __ge__(self, other: int) -> bool:
        return self._at_least(other, 0)

    def __gt__(self, other: int) -> bool:
        return self._at_least(other, 1)

    def __lt__(self, other: int) -> bool:
        return not self._at_least(other, 0)

    def __le__(self, other: int) -> bool:
        return not self._at_least(other, 1)

    def _at_least(self, other: int, more: int) -> bool:
        """Whether this is at least `other + more`."""
        holds = int(self) >= int(other) + more
        difference = plus(self.formula, _negative(formula_of(other)))
        if holds:
            self.guards.at_least_zero(plus(difference, number(-more)))
        else:
            self.guards.at_least_zero(plus(_negative(difference), number(more - 1)))
        return holds

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, int):
            return False
        holds = int(self) == int(other)
        self.guards.compared(self.formula, formula_of(other), holds)
        return holds

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __bool__(self) -> bool:
        return self != 0

    __hash__ = int.__hash__


def formula_of(value: Any) -> Linear:
    return value.formula if isinstance(value, Size) else number(int(value))


def _negative(a: Linear) -> Linear:
    return times(a, number(-1))
