"""The syntax tree: what was written, and nothing else. Every node knows its characters, `start` to `end - 1`.

The nodes are tuples, for a cold check must feel instant: classes of dataclasses take eight times as long to make.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias

from archdsl.source import Source


class Name(NamedTuple):
    """A name, where it is defined and where it is used."""

    text: str
    start: int
    end: int


# Values


class Number(NamedTuple):
    """A whole number, a decimal, true or false; None where what was written is no number."""

    value: int | float | bool | None
    start: int
    end: int


class Tuple(NamedTuple):
    """(a, b)"""

    items: tuple[Value, ...]
    start: int
    end: int


class Call(NamedTuple):
    """min(a, b)"""

    function: Name
    args: tuple[Argument, ...]
    start: int
    end: int


class Operation(NamedTuple):
    """first op operand op operand ...: flat, operators of one rank, from the left."""

    first: Value
    rest: tuple[tuple[str, Value], ...]
    start: int
    end: int


class Unary(NamedTuple):
    """-a, or not a."""

    operator: str
    operand: Value
    start: int
    end: int


Value: TypeAlias = Name | Number | Tuple | Call | Operation | Unary


class Keyword(NamedTuple):
    """name=value, as an argument."""

    name: Name
    value: Value
    start: int
    end: int


Argument: TypeAlias = Value | Keyword


# Patterns


class Unpack(NamedTuple):
    """(a, (b, c)), on the left of a value."""

    patterns: tuple[Pattern, ...]
    start: int
    end: int


Pattern: TypeAlias = Name | Unpack


class Parameter(NamedTuple):
    """A parameter of a block; `default` is None where there is none."""

    pattern: Pattern
    default: Value | None
    start: int
    end: int


# Items of a chain


class Body(NamedTuple):
    """{ chain | chain }: one chain, several branches, or none where nothing was written."""

    chains: tuple[Chain, ...]
    start: int
    end: int


class Layer(NamedTuple):
    """word(args) { body }; args and body are None where they were not written."""

    word: Name
    args: tuple[Argument, ...] | None
    body: Body | None
    start: int
    end: int


class For(NamedTuple):
    """for pattern in values { body }"""

    pattern: Pattern
    values: Value
    body: Body
    start: int
    end: int


class If(NamedTuple):
    """if condition { } else if condition { } else { }"""

    arms: tuple[tuple[Value, Body], ...]
    otherwise: Body | None
    start: int
    end: int


class Labelled(NamedTuple):
    """label: item, or label: { chain }"""

    label: Name
    item: Layer | For | If | Body | Broken
    start: int
    end: int


class Let(NamedTuple):
    """let name = value"""

    name: Name
    value: Value
    start: int
    end: int


class Broken(NamedTuple):
    """A part of the file that does not parse: a piece, or an item of a chain.

    The names that it would define are unknown, not undefined.
    imports: it has an import, so that any name may come from there.
    """

    blocks: tuple[str, ...]
    lets: tuple[str, ...]
    imports: bool
    start: int
    end: int


Item: TypeAlias = Layer | For | If | Labelled | Broken
Chain: TypeAlias = tuple[Item | Let, ...]


# Statements of a file


class Import(NamedTuple):
    """import "path" """

    path: str
    start: int
    end: int


class Block(NamedTuple):
    """block name(parameters) { body }"""

    name: Name
    parameters: tuple[Parameter, ...]
    body: Body
    start: int
    end: int


Statement: TypeAlias = Import | Block | Let | Item


class File(NamedTuple):
    """A whole text. It is checked even where a part of it is Broken."""

    source: Source
    statements: tuple[Statement, ...]


class Placed(Protocol):
    """Whatever knows its characters."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...
