"""Which heights and widths of the input a network accepts, told from one expansion of it.

The network is walked with sizes that remember their formulas and what they were compared with. Whatever size makes
all comparisons come out the same has the same outcome, so a whole range is decided by a few walks.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from itertools import product as every_pair
from math import gcd, lcm
from typing import NamedTuple, TypeAlias

from archdsl.formula import Floor, FormulaTooDeep, Guards, Linear, Product, Size, formula_of, symbols_of
from archdsl.layers.base import Cost, Misfit, refuse_too_many_values
from archdsl.network import Branches, Head, Leaf, Network, Node, Sequence
from archdsl.shapes import Image, OpenInput, Shape, SizeRange

TRIAL_SIZES = (1024, 1 << 20, 768, 224, 96, 64, 32, 28)
"""Sizes that are tried in turn, where one is wanted that the network accepts.

The first is large, and halves ten times; a network of very many windows needs the second.
"""

MOST_CHECKS = 2_000
"""Where a size can be decided by a check alone, no more sizes than this are."""

_LONGEST_PATTERN = 4_096
"""Sizes looked at to see in what steps a network accepts them."""


Values: TypeAlias = dict[str, int]


def resized(network: Network, input: Image) -> Network:
    """The same network for another input size. Raises Misfit where that size does not fit."""
    root, _ = _Resize().node(network.root, input)
    assert isinstance(root, Sequence)
    for head, gives in _head_shapes(root):
        if gives != root.output:
            raise Misfit("head-differs", None, head=head)
    return network._replace(input=input, root=root)


def _head_shapes(root: Sequence) -> list[tuple[Head, Shape]]:
    found: list[tuple[Head, Shape]] = []
    seen: set[int] = set()
    stack: list[Node] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Leaf) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Head):
            found.append((node, node.gives))
        stack += [child for _, child in node.children]
    return found


class _Resize:
    """Walks a network with another input. What it makes of a node is kept, by the node and what enters it."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, tuple[Linear, ...]], tuple[Node, Shape]] = {}

    def node(self, node: Node, x: Shape) -> tuple[Node, Shape]:
        """The node for this input, and what leaves it."""
        key = (id(node), tuple(map(formula_of, x)))
        kept = self.kept.get(key)
        if kept is None:
            kept = self.kept[key] = self._made(node, x)
        return kept

    def _made(self, node: Node, x: Shape) -> tuple[Node, Shape]:
        if isinstance(node, Leaf):
            output = node.layer.gives(x)
            cost = node.layer.cost(x)
            refuse_too_many_values(output, cost)
            return node._replace(input=x, output=output, cost=cost), output
        children: list[tuple[str, Node]] = []
        shapes: list[Shape] = []
        parameters = macs = 0
        entering = x
        for key, child in node.children:
            made, output = self.node(child, entering)
            children.append((key, made))
            shapes.append(output)
            if not isinstance(made, Head):
                parameters += made.cost.parameters
                macs += made.cost.macs
            if not isinstance(node, Branches):
                entering = output
        cost = Cost(parameters, macs)
        if isinstance(node, Branches):
            joined = node.layer.joins(tuple(shapes))
            refuse_too_many_values(joined, Cost())
            return node._replace(children=tuple(children), input=x, output=joined, cost=cost), joined
        if isinstance(node, Head):
            head = node._replace(children=tuple(children), input=x, output=x, cost=cost, gives=entering)
            return head, x
        return node._replace(children=tuple(children), input=x, output=entering, cost=cost), entering


class _Path(NamedTuple):
    """The outcome of one walk, and what must hold for another size to have the same."""

    guards: Guards
    accepted: bool


class InputSizes:
    """What sizes a network accepts.

    Args:
        network: the network at sizes that it accepts.
        open: its input, of which some sizes are symbols.
        expand: where the text itself depends on the picture's size (`in_features`), its network at a size, or None.
    """

    def __init__(
        self, network: Network, open: OpenInput, expand: Callable[[Image], Network | None] | None = None
    ) -> None:
        assert isinstance(network.input, Image)
        self.open = open
        self.trial: Values = {}
        for size, symbol in zip(network.input[1:], open[1:], strict=True):
            if isinstance(symbol, str):
                assert size is not None
                self.trial[symbol] = size
        self.network = network
        self._expand = expand
        self._expanded: dict[Image, bool] = {}
        self._paths: list[_Path] = []
        self.with_formulas: Network | None = None
        """The network with formulas for sizes, or None where they can't be told."""
        if expand is None:
            try:
                self.with_formulas = self._walk(self.trial)
            except FormulaTooDeep:
                self._expand = self._resized

    @property
    def guards(self) -> Guards:
        """What must hold for a size to go the way of the trial."""
        return self._paths[0].guards if self._paths else Guards()

    def accepts(self, values: Values) -> bool:
        """Whether the network accepts these sizes, `{"H": 96, "W": 128}`.

        Raises ValueError where not each name has a whole number, and TooManySizes where each size takes a check of its
        own, and MOST_CHECKS were made.
        """
        self._refuse_other_names(values)
        if self._expand is not None:
            input = self.open.at(values)
            if input not in self._expanded:
                if len(self._expanded) >= MOST_CHECKS:
                    raise TooManySizes
                self._expanded[input] = self._expand(input) is not None
            return self._expanded[input]
        for path in self._paths:
            if path.guards.hold(values):
                return path.accepted
        return self._walk(values) is not None

    def _refuse_other_names(self, values: Values) -> None:
        is_mapping = isinstance(values, dict) and values.keys() == self.trial.keys()
        if not is_mapping or not all(isinstance(size, int) for size in values.values()):
            wanted = ", ".join(f'"{symbol}": {size}' for symbol, size in self.trial.items())
            raise ValueError(f"sizes are whole numbers by their names, as {{{wanted}}}, not {values!r}")

    def _walk(self, values: Values) -> Network | None:
        """Walk the network with formulas at these sizes, and keep the outcome."""
        guards = Guards()
        sizes = {symbol: Size.of(value, Linear(symbol, 1, 0), guards) for symbol, value in values.items()}
        network: Network | None = None
        with suppress(Misfit):
            network = resized(self.network, self.open.at(sizes))
        self._paths.append(_Path(guards, network is not None))
        return network

    def _resized(self, input: Image) -> Network | None:
        try:
            return resized(self.network, input)
        except Misfit:
            return None

    def at(self, values: Values) -> Network | None:
        """The network at these sizes, or None where it does not accept them."""
        self._refuse_other_names(values)
        return (self._expand or self._resized)(self.open.at(values))

    def least(self) -> Values | None:
        """The smallest sizes that are accepted together, or None where they can't be told."""
        try:
            alone = {symbol: self._least_of(symbol) for symbol in self.trial}
            for more in sorted(every_pair(range(8), repeat=len(alone)), key=lambda each: (sum(each), each)):
                values = {symbol: size + step for (symbol, size), step in zip(alone.items(), more, strict=True)}
                if self.accepts(values):
                    return values
        except TooManySizes:
            pass
        return None

    def _least_of(self, symbol: str) -> int:
        """The smallest size accepted for a symbol, the others being as they were tried.

        Every limit that a layer has for a size is one that it must keep (a window fits or does not), so no size below
        the limits is accepted.
        """
        size = self.guards.least.get(symbol, 1)
        while not self.accepts({**self.trial, symbol: size}):
            size += 1
        return size

    def step_of(self, symbol: str) -> tuple[int, int] | None:
        """The sizes accepted for a symbol, the others being as tried: the least, and the step to the next ones.

        None where they are not so regular. Raises ValueError where it is no size that was left open.
        """
        if symbol not in self.trial:
            raise ValueError(f"{symbol!r} is no size of the input: there are {', '.join(self.trial)}")
        try:
            least = self._least_of(symbol)
            periods = [_period(a) for a in (*self.guards.equal, *self.guards.unequal) if symbol in symbols_of(a)]
            if not periods and self._expand is None:
                return least, 1
            most = min(max(256, 4 * lcm(*periods)), _LONGEST_PATTERN)
            fine = [size for size in range(least, least + most) if self.accepts({**self.trial, symbol: size})]
        except TooManySizes:
            return None
        if symbol in self.guards.most or len(fine) < 2:
            return None
        step = gcd(*(b - a for a, b in pairwise(fine)))
        return (least, step) if fine == list(range(least, least + most, step)) else None


class LeastInput(NamedTuple):
    """The smallest input of a network, and the sizes above it.

    input: None where it can't be told.
    steps: for the height and the width, the smallest and the step to the next; None where they are not regular.
    """

    input: Image | None
    steps: tuple[tuple[int, int] | None, ...]


def least_input(sizes: InputSizes) -> LeastInput:
    """The smallest input that is accepted; where sizes of the input are numbers, with these."""
    least = sizes.least()
    return LeastInput(
        None if least is None else sizes.open.at(least), tuple(sizes.step_of(name) for name in sizes.open.symbols)
    )


class AcceptedSizes(NamedTuple):
    """What of a range is accepted.

    accepted_count: how many sizes. groups: heights, with the widths that are accepted for each of them.
    """

    asked: SizeRange
    accepted_count: int
    groups: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    first_refused: Image | None


def accepted_of(sizes: InputSizes, asked: SizeRange) -> AcceptedSizes:
    """Decide each size of a range. The input of `sizes` has the names H and W. May raise TooManySizes."""
    count = 0
    first_refused: Image | None = None
    groups: dict[tuple[int, ...], list[int]] = {}
    for height in asked.heights:
        fine = tuple(width for width in asked.widths if sizes.accepts({"H": height, "W": width}))
        count += len(fine)
        if fine:
            groups.setdefault(fine, []).append(height)
        if first_refused is None and len(fine) < len(asked.widths):
            width = next(width for width in asked.widths if width not in fine)
            first_refused = Image(asked.channels, height, width)
    return AcceptedSizes(
        asked, count, tuple((tuple(heights), widths) for widths, heights in groups.items()), first_refused
    )


class TooManySizes(Exception):
    """So many sizes can't be decided one by one."""


def _period(a: Linear) -> int:
    """A number of pixels after which the formula's remainders are the same."""
    atom = a.atom
    if isinstance(atom, str):
        return 1
    if isinstance(atom, Floor):
        return atom.divisor * _period(atom.numerator)
    return lcm(*map(_period, atom if isinstance(atom, Product) else atom.terms))
