"""What a trace of a module gives: its operations as words of the language, and what each takes in. No torch."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from archdsl.layers.base import Layer
from archdsl.shapes import Image, Shape


class Place(NamedTuple):
    """Where an operation stands in the user's Python.

    file, line, text: the line that runs it. start, end: the characters of the line that are the operation.
    function: its function, "forward". module: the module that runs it, as "layer1.0 (Bottleneck)"; empty for the
    module itself.
    """

    file: str
    line: int
    text: str
    start: int
    end: int
    function: str
    module: str


class Refusal(Exception):
    """A module can't be written in the language, or not be run. Its text is the headline.

    place: where; None where it is no place in the source. notes: facts. help: what would work.
    is_usage: whether what was asked for is at fault, as a name that is not there, and not the module.
    """

    def __init__(
        self,
        message: str,
        place: Place | None = None,
        notes: tuple[str, ...] = (),
        help: str = "",
        is_usage: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.notes = notes
        self.help = help
        self.is_usage = is_usage


class Scope(NamedTuple):
    """One call of a module: its path, "layer1.0", its class, "Bottleneck", and the number of the call."""

    path: str
    kind: str
    call: int


State: TypeAlias = tuple[tuple[str, str], ...]
"""Pairs of a name in the state dict of the module that a layer builds, and the key in the traced module's."""


class Node(NamedTuple):
    """One operation.

    layer: the word; a Join where several values come in. Of the input itself, which is the first node, `identity`.
    inputs: the nodes whose values it takes, by their place in the graph. shape: of the value that it gives.
    scopes: the calls of modules that it stands in, outermost first, without that of the layer itself.
    name: the path of its module, "layer1.0.conv1"; of a function, that of the module that calls it.
    state: its weights.
    """

    layer: Layer
    inputs: tuple[int, ...]
    shape: Shape
    scopes: tuple[Scope, ...] = ()
    name: str = ""
    state: State = ()
    place: Place | None = None


class Graph(NamedTuple):
    """A traced module. The nodes stand in an order in which each comes behind what it takes.

    kind: the class of the module. unused: modules with weights that the run did not come to, as auxiliary heads.
    idle: modules that gave what they were given, and may do something in training.
    """

    kind: str
    nodes: tuple[Node, ...]
    output: int
    unused: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()

    @property
    def input(self) -> Shape:
        return self.nodes[0].shape


class Unflatten(Layer):
    """Features as channels of one pixel: no word, but what a word before it is taken back by. See `structure.py`."""

    word = "unflatten"
    fields = ()

    def gives(self, x: Shape) -> Shape:
        return Image(x[0], 1, 1)
