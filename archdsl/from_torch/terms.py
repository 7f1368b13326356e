"""A program of the language as values that can be compared, taken apart and put together.

The numbers of a term are its slots. Two terms with one skeleton differ in their slots alone, and so can be one text
with names for what differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

from archdsl.layers.base import REQUIRED, SameAs


class Expression(NamedTuple):
    """A value that is written and not known here: `4 * channels`."""

    text: str

    def __str__(self) -> str:
        return self.text


class _Any:
    """What may be any value, in an arm of an `if` that is not taken."""

    def __repr__(self) -> str:
        return "ANY"


ANY: Any = _Any()

Value: TypeAlias = Any
"""A number, a truth value, a tuple of values, or an Expression."""


class Argument(NamedTuple):
    """An argument of a call. default: what it need not be written for; REQUIRED where it always is."""

    name: str
    kind: str
    value: Value
    default: Value = REQUIRED


class Call(NamedTuple):
    """A layer, or a block. All arguments are there, those with their defaults too.

    channels: what enters it, where that is one number. name: the path of its module.
    """

    word: str
    arguments: tuple[Argument, ...]
    channels: int | None
    name: str
    is_block: bool = False

    def shown(self) -> list[Argument]:
        """The arguments that must be written."""
        values = {each.name: each.value for each in self.arguments}
        shown = []
        for each in self.arguments:
            default = values[each.default.field] if isinstance(each.default, SameAs) else each.default
            if default is REQUIRED or each.value != default or type(each.value) is not type(default):
                if isinstance(each.value, int | float) and not isinstance(each.value, bool) and each.value == default:
                    continue  # 1 is 1.0.
                shown.append(each)
        return shown


class Join(NamedTuple):
    """`concat`, `add` or `mul`."""

    word: str
    branches: tuple[Terms, ...]


class Repeat(NamedTuple):
    count: Value
    body: Terms


class For(NamedTuple):
    names: tuple[str, ...]
    rows: Value
    body: Terms


class Label(NamedTuple):
    label: str
    body: Terms


class If(NamedTuple):
    """`if name { body } else { other }`; condition is a truth value until it is named."""

    condition: Value
    body: Terms
    other: Terms


Term: TypeAlias = Call | Join | Repeat | For | Label | If
Terms: TypeAlias = tuple[Term, ...]


class Parameter(NamedTuple):
    name: str
    kind: str
    default: Value


class Block(NamedTuple):
    name: str
    parameters: tuple[Parameter, ...]
    body: Terms


class Program(NamedTuple):
    blocks: tuple[Block, ...]
    chain: Terms


class Slot(NamedTuple):
    """A value in a term: of which argument, of which word, in which module, and the channels that enter there."""

    field: str
    kind: str
    word: str
    value: Value
    channels: int | None
    name: str


def bodies(term: Term) -> tuple[Terms, ...]:
    """The chains in a term."""
    if isinstance(term, Call):
        return ()
    if isinstance(term, Join):
        return term.branches
    if isinstance(term, If):
        return (term.body, term.other)
    return (term.body,)


def with_bodies(term: Term, new: Iterable[Terms]) -> Term:
    """The term with other chains in it."""
    if isinstance(term, Call):
        return term
    if isinstance(term, Join):
        return term._replace(branches=tuple(new))
    if isinstance(term, If):
        body, other = new
        return term._replace(body=body, other=other)
    (body,) = new
    return term._replace(body=body)


def slots(terms: Terms) -> Iterator[Slot]:
    """Every value, in the order of the text."""
    for term in terms:
        if isinstance(term, Call):
            for each in term.arguments:
                yield Slot(each.name, each.kind, term.word, each.value, term.channels, term.name)
        elif isinstance(term, Repeat):
            yield Slot("count", "count", "repeat", term.count, None, "")
        elif isinstance(term, For):
            yield Slot("rows", "rows", "_".join(term.names), term.rows, None, "")
        elif isinstance(term, If):
            yield Slot("condition", "choice", _told_by(term), term.condition, None, "")
        for body in bodies(term):
            yield from slots(body)


def _told_by(term: If) -> str:
    """What an `if` decides on: the module that its first arm is, or the one word of that arm."""
    first = next((call for call in calls(term.body) if call.word != "identity"), None)
    if first is None:
        return "choice"
    path = [part for part in first.name.split(".") if not part.isdecimal()]
    return path[-1] if len(term.body) > 1 and len(path) > 1 else first.word


def with_values(terms: Terms, values: Iterator[Value]) -> Terms:
    """The terms with other values in their slots."""
    new = []
    for term in terms:
        own = _with_own_values(term, values)
        new.append(with_bodies(own, [with_values(body, values) for body in bodies(own)]))
    return tuple(new)


def _with_own_values(term: Term, values: Iterator[Value]) -> Term:
    if isinstance(term, Call):
        return term._replace(arguments=tuple(each._replace(value=next(values)) for each in term.arguments))
    if isinstance(term, Repeat):
        return term._replace(count=next(values))
    if isinstance(term, For):
        return term._replace(rows=next(values))
    if isinstance(term, If):
        return term._replace(condition=next(values))
    return term


def calls(terms: Terms) -> Iterator[Call]:
    for term in terms:
        if isinstance(term, Call):
            yield term
        for body in bodies(term):
            yield from calls(body)


def with_channels(terms: Terms, channels: Iterator[int | None]) -> Terms:
    """The terms with other channels entering their calls."""
    new = []
    for term in terms:
        own = term._replace(channels=next(channels)) if isinstance(term, Call) else term
        new.append(with_bodies(own, [with_channels(body, channels) for body in bodies(own)]))
    return tuple(new)


def skeleton(terms: Terms) -> Any:
    """What is the same of terms that differ in values alone, as a value to compare."""
    return tuple(_skeleton(term) for term in terms)


def _skeleton(term: Term) -> Any:
    inner = tuple(skeleton(body) for body in bodies(term))
    own: tuple[Any, ...]
    if isinstance(term, Call):
        own = (term.word, *((each.name, _written(each.value)) for each in term.arguments))
    elif isinstance(term, Join):
        own = (term.word,)
    elif isinstance(term, Repeat):
        own = ("repeat", _written(term.count))
    elif isinstance(term, For):
        own = ("for", term.names, _written(term.rows))
    elif isinstance(term, If):
        own = ("if", _written(term.condition))
    else:
        own = ("label",)
    return (own, inner)


def _written(value: Value) -> str | None:
    return value.text if isinstance(value, Expression) else None


def same_text(terms: Terms) -> Any:
    """What is the same of terms whose text is the same, as a value to compare."""
    return skeleton(terms), tuple((slot.value, type(slot.value).__name__) for slot in slots(terms)), _labels(terms)


def _labels(terms: Terms) -> tuple[Any, ...]:
    own = tuple(term.label for term in terms if isinstance(term, Label))
    return own + tuple(_labels(body) for term in terms for body in bodies(term))


def merged(turns: list[Terms]) -> Terms:
    """The first of terms with one skeleton, with the channels known that all of them agree in."""
    first, *others = turns
    columns = zip(*([call.channels for call in calls(turn)] for turn in [first, *others]), strict=True)
    known = [[each for each in column if each is not ANY] for column in columns]
    return with_channels(first, iter([each[0] if len(set(each)) == 1 else None for each in known]))


def without_labels(terms: Terms) -> Terms:
    """The terms with what is labelled in them spliced in its place."""
    new: list[Term] = []
    for term in terms:
        if isinstance(term, Label):
            new += without_labels(term.body)
        else:
            new.append(with_bodies(term, [without_labels(body) for body in bodies(term)]))
    return tuple(new)


def size(terms: Terms) -> int:
    """How long the text is, in words and arguments."""
    total = 0
    for term in terms:
        if isinstance(term, Call):
            total += 1 + len(term.shown())
        elif isinstance(term, Join):
            total += 1 + len(term.branches)
        elif isinstance(term, Repeat):
            total += 2 if term.count != 1 else 0
        elif isinstance(term, For):
            total += 3 + len(term.names) + (value_size(term.rows) if isinstance(term.rows, tuple) else 1)
        else:
            total += 2
        total += sum(size(body) for body in bodies(term))
    return total


def value_size(value: Value) -> int:
    return sum(map(value_size, value)) if isinstance(value, tuple) and not isinstance(value, Expression) else 1
