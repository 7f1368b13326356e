"""Two networks to what differs between them."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any, NamedTuple, TypeAlias

from archdsl.backends.table import one_line
from archdsl.compare.align import Bounds, Item, align, slid
from archdsl.compare.contents import Atom, Chain, Contents, Part, Placed, chain_of, children_of, layers_of
from archdsl.cost.memory import kept_activations
from archdsl.network import Branches, Call, Head, Leaf, Network, Node, Sequence
from archdsl.shapes import Shape
from archdsl.source import Span
from archdsl.weights.match import Match, match, module_of, whole_modules
from archdsl.weights.state import Entry, OwnEntry, state_of


class Side(NamedTuple):
    """What stands in one of the two networks: a layer, branches, a block, or layers that follow each other.

    text: as it is written, or the word of its body. span: its characters. calls: the block calls that led to it.
    keys: its path in the network. output: the shape that it gives. layers: how many it has.
    """

    text: str
    span: Span
    calls: tuple[Call, ...]
    keys: tuple[str, ...]
    output: Shape
    layers: int


class Argument(NamedTuple):
    """An argument of a layer that is another: `stride`, (2, 2) and (1, 1)."""

    name: str
    before: Any
    after: Any


class Shapes(NamedTuple):
    """From a change on, shapes differ: `before` in the first network, `after` in the second.

    until: where they are the same again, in both; None where they differ to the end.
    """

    before: Shape
    after: Shape
    until: tuple[Side, Side] | None


class Change(NamedTuple):
    """A change; None on the side where nothing stands.

    arguments: of a layer that stands in both, what is another.
    more: how often it comes again, in other calls of the same block or turns of the same loop.
    alike: whether it is the same there, number by number.
    """

    before: Side | None
    after: Side | None
    arguments: tuple[Argument, ...] = ()
    shapes: Shapes | None = None
    more: int = 0
    alike: bool = True

    @property
    def kind(self) -> str:
        """ "added", "removed", "changed" where it has other arguments, or "replaced" where it is something else."""
        if self.before is None or self.after is None:
            return "added" if self.before is None else "removed"
        return "changed" if self.arguments else "replaced"


class Retained(NamedTuple):
    """What of the first network's weights goes into the second.

    found: where each tensor goes. changed: those of one key and other sizes, then those that only one side has.
    without: the modules without which all others go, where there are some.
    """

    found: Match
    changed: tuple[tuple[Entry | None, OwnEntry | None], ...]
    without: tuple[str, ...] | None


class Comparison(NamedTuple):
    """Two networks, and what differs.

    other_keys: where no layer differs, the tensors that go under other keys, each in both.
    """

    before: Network
    after: Network
    changes: tuple[Change, ...]
    other_keys: tuple[tuple[str, str], ...]
    weights: Retained

    @property
    def equal(self) -> bool:
        return not self.changes and not self.other_keys and self.before.input == self.after.input

    @property
    def kept(self) -> tuple[int, int]:
        """The bytes that are kept for the backward pass of one sample, in single precision, in both."""
        before, after = (
            sum(amount.at(1) for amount in kept_activations(network).values()) for network in (self.before, self.after)
        )
        return before, after


def compare(before: Network, after: Network) -> Comparison:
    """Compare two networks by their layers. What is only written in another way is no difference."""
    found = _Comparer()
    found.chains(chain_of(before.root), chain_of(after.root), (before.input, after.input))
    changes = tuple(found.grouped())
    states = state_of(before), state_of(after)
    other_keys: tuple[tuple[str, str], ...] = ()
    if not changes:
        other_keys = tuple((a.key, b.key) for a, b in zip(*states, strict=True) if a.key != b.key)
    return Comparison(before, after, changes, other_keys, _retained(*states, found.layers))


_Indexes: TypeAlias = tuple[int | None, int | None]
"""Places in two chains; None where nothing stands in one."""


class _Comparer:
    """Compares chains.

    changes: what differs, in order, each as often as it is.
    layers: the layers of both that are each other's, and those that only one side has.
    """

    def __init__(self) -> None:
        self.contents = Contents()
        self.changes: list[Change] = []
        self.layers: list[tuple[Placed | None, Placed | None]] = []

    def chains(self, before: Chain, after: Chain, entering: tuple[Shape, Shape] | None) -> None:
        """Compare two chains.

        entering: the shapes that enter, where changes of shapes are to be told; in branches what is joined tells them.
        """
        items = [self._item(atom) for atom in before.atoms], [self._item(atom) for atom in after.atoms]
        pairs = slid(align(*items), *items, (_bounds(before), _bounds(after)))
        same = [i is not None and j is not None and items[0][i].content == items[1][j].content for i, j in pairs]
        shapes = entering
        differing: int | None = None  # The change from which on shapes differ.
        at = 0
        while at < len(pairs):
            end = at + 1
            if same[at]:
                i, j = pairs[at]
                assert i is not None
                assert j is not None
                self._paired(before.atoms[i], after.atoms[j])
            else:
                while end < len(pairs) and not same[end]:
                    end += 1
                told = self._run(before, after, pairs[at:end])
            if shapes is not None:
                passed = _shapes_behind(before, after, pairs[at:end], shapes)
                now = passed[-1]
                if shapes[0] == shapes[1] and now[0] != now[1]:
                    # They differ from the first of these changes on behind which they never are the same.
                    first = next(k for k in range(len(passed)) if all(a != b for a, b in passed[k:]))
                    differing = told[first]
                    self.changes[differing] = self.changes[differing]._replace(shapes=Shapes(*now, None))
                elif shapes[0] != shapes[1] and now[0] == now[1] and differing is not None:
                    self._end(differing, before, after, pairs[at:end])
                    differing = None
                shapes = now
            at = end

    def _paired(self, before: Atom, after: Atom) -> None:
        """Note two atoms of the same layers."""
        pairs = zip(layers_of(before.node, before.keys), layers_of(after.node, after.keys), strict=True)
        self.layers += pairs

    def _item(self, atom: Atom) -> Item:
        node = atom.node
        return Item(self.contents.of(node)[1], (type(node), node.layer.word))

    def _end(self, index: int, before: Chain, after: Chain, pairs: list[_Indexes]) -> None:
        """Note where shapes are the same again."""
        i = next((i for i, _ in reversed(pairs) if i is not None), None)
        j = next((j for _, j in reversed(pairs) if j is not None), None)
        shapes = self.changes[index].shapes
        if i is not None and j is not None and shapes is not None:
            sides = side_of(before.atoms[i]), side_of(after.atoms[j])
            self.changes[index] = self.changes[index]._replace(shapes=shapes._replace(until=sides))

    def _run(self, before: Chain, after: Chain, pairs: list[_Indexes]) -> list[int]:
        """Tell of atoms that follow each other and are not the same.

        Returns, for each of them, the change with which it is told.
        """
        told: list[int] = []
        removed = {i for i, j in pairs if i is not None and j is None}
        added = {j for i, j in pairs if j is not None and i is None}
        parts = _whole_parts(before, removed), _whole_parts(after, added)
        # A block that is called by the same words on both sides is shown by what differs in it.
        alike = {side.text for _, side in parts[0]} & {side.text for _, side in parts[1]}
        gone, new = _wholes(before, removed, alike), _wholes(after, added, alike)
        last: Change | None = None
        for i, j in pairs:
            if i is not None and j is not None:
                self._changed(before.atoms[i], after.atoms[j])
                last = None
                told.append(len(self.changes) - 1)
                continue
            change = None
            if i is not None:
                self.layers += [(each, None) for each in layers_of(before.atoms[i].node, before.atoms[i].keys)]
                change = Change(gone[i], None) if i in gone else None
            elif j is not None:
                self.layers += [(None, each) for each in layers_of(after.atoms[j].node, after.atoms[j].keys)]
                change = Change(None, new[j]) if j in new else None
            if change is None:
                told.append(len(self.changes) - 1)
                continue
            if last is not None and last.kind != change.kind and last.kind != "replaced":
                change = Change(last.before or change.before, last.after or change.after)
                self.changes.pop()
            self.changes.append(change)
            last = change
            told.append(len(self.changes) - 1)
        return told

    def _changed(self, before: Atom, after: Atom) -> None:
        """Tell what differs in two atoms of one kind."""
        a, b = before.node, after.node
        arguments = tuple(
            Argument(field.name, getattr(a.layer, field.name), getattr(b.layer, field.name))
            for field in a.layer.fields
            if getattr(a.layer, field.name) != getattr(b.layer, field.name)
        )
        if arguments:
            self.changes.append(Change(side_of(before), side_of(after), arguments))
        if isinstance(a, Leaf) and isinstance(b, Leaf):
            self.layers.append(((before.keys, a), (after.keys, b)))
        elif isinstance(a, Branches) and isinstance(b, Branches):
            self._branches(before, after)
        elif isinstance(a, Head) and isinstance(b, Head):
            self.chains(_chain_inside(before), _chain_inside(after), None)

    def _branches(self, before: Atom, after: Atom) -> None:
        old, new = children_of(before), children_of(after)
        items = [[Item(self.contents.of(node), "branch") for node, *_ in each] for each in (old, new)]
        for i, j in align(*items):
            if i is not None and j is not None:
                # A branch that is the same has its layers noted by this too.
                self.chains(chain_of(*old[i]), chain_of(*new[j]), None)
            elif i is not None:
                self.layers += [(each, None) for each in layers_of(old[i][0], old[i][1])]
                self.changes.append(Change(_branch(*old[i]), None))
            elif j is not None:
                self.layers += [(None, each) for each in layers_of(new[j][0], new[j][1])]
                self.changes.append(Change(None, _branch(*new[j])))

    def grouped(self) -> Iterator[Change]:
        """The changes, those at the same characters told once."""
        groups: dict[object, Change] = {}
        for change in self.changes:
            sides = [side and (side.span.source, *side.span[1:]) for side in (change.before, change.after)]
            key = (*sides, *(argument.name for argument in change.arguments))
            first = groups.get(key)
            if first is None:
                groups[key] = change
            else:
                alike = first.alike and first.arguments == change.arguments
                shapes = first.shapes or change.shapes
                groups[key] = first._replace(more=first.more + 1, alike=alike, shapes=shapes)
        yield from groups.values()


def _bounds(chain: Chain) -> Bounds:
    """Where the blocks of a chain begin and end."""
    calls = [part for part in chain.parts if part.node.call is not None and part.start < part.end]
    return Bounds(frozenset(part.start for part in calls), frozenset(part.end for part in calls))


def _shapes_behind(
    before: Chain, after: Chain, pairs: list[_Indexes], shapes: tuple[Shape, Shape]
) -> list[tuple[Shape, Shape]]:
    """The shapes on either side behind each of these atoms."""
    a, b = shapes
    passed = []
    for i, j in pairs:
        a = a if i is None else before.atoms[i].node.output
        b = b if j is None else after.atoms[j].node.output
        passed.append((a, b))
    return passed


def side_of(atom: Atom) -> Side:
    node = atom.node
    layers = _count(node)
    if isinstance(node, Leaf):
        span = node.span
        return Side(one_line(span), span, atom.calls, atom.keys, node.output, layers)
    if node.call is not None:
        span = node.call.span
        return Side(one_line(span), span, atom.calls, atom.keys, node.output, layers)
    return Side(f"{node.layer.word} {{ ... }}", node.span, atom.calls, atom.keys, node.output, layers)


def _count(node: Node) -> int:
    """How many layers a node has."""
    return 1 if isinstance(node, Leaf) else sum(_count(child) for _, child in node.children)


def _chain_inside(head: Atom) -> Chain:
    """The chain of an auxiliary head."""
    chains = [chain_of(*child) for child in children_of(head)]
    return Chain([atom for chain in chains for atom in chain.atoms], [])


def _branch(node: Node, keys: tuple[str, ...], calls: tuple[Call, ...]) -> Side:
    """A whole branch."""
    if isinstance(node, Sequence):
        part = _side_of_part(Part(0, 0, node, keys, calls)) if node.call is not None else None
        side = part or Side(one_line(node.span), node.span, calls, keys, node.output, _count(node))
    else:
        side = side_of(Atom(node, keys, calls))
    return side._replace(text=f"| {side.text}")


def _side_of_part(part: Part) -> Side | None:
    """A block or body as a whole; None where it has no name in the text, as a branch has none."""
    node = part.node
    if node.call is not None:
        span = node.call.span
        return Side(one_line(span), span, part.calls, part.keys, node.output, _count(node))
    key = part.keys[-1] if part.keys else "0"
    if key.isdecimal():
        return None
    return Side(f"{key}: {{ ... }}", node.span, part.calls, part.keys, node.output, _count(node))


def _whole_parts(chain: Chain, indexes: set[int], without: Set[str] = frozenset()) -> list[tuple[Part, Side]]:
    """The largest blocks and bodies all of which stands at these places, but those whose text is in `without`."""
    found: list[tuple[Part, Side]] = []
    end = 0
    for part in chain.parts:
        if part.start == part.end or part.start < end or part.start not in indexes:
            continue
        side = _side_of_part(part) if indexes.issuperset(range(part.start, part.end)) else None
        if side is not None and side.text not in without:
            found.append((part, side))
            end = part.end
    return found


def _wholes(chain: Chain, indexes: set[int], without: set[str]) -> dict[int, Side]:
    """What stands at these places, by the first of each: blocks and bodies as wholes, and layers of a line together."""
    result: dict[int, Side] = {}
    covered: set[int] = set()
    for part, side in _whole_parts(chain, indexes, without):
        result[part.start] = side
        covered.update(range(part.start, part.end))
    last: int | None = None
    for index in sorted(indexes - covered):
        side = side_of(chain.atoms[index])
        joined = None if last is None else _on_one_line(result[last], side)
        if last is not None and joined is not None and index - 1 in indexes - covered:
            result[last] = joined
        else:
            result[index], last = side, index
    return result


def _on_one_line(first: Side, then: Side) -> Side | None:
    """Two layers that follow each other on a line, as one; None where they do not."""
    source, start, end = first.span
    if then.span.source is not source or then.calls != first.calls or then.span.start < end:
        return None
    if source.text[end : then.span.start].strip(" \t"):
        return None
    span = Span(source, start, then.span.end)
    return first._replace(text=one_line(span), span=span, output=then.output, layers=first.layers + then.layers)


def _retained(
    before: list[OwnEntry], after: list[OwnEntry], layers: list[tuple[Placed | None, Placed | None]]
) -> Retained:
    """Which weights of the first network go into the second, whose layers are each other's as in `layers`."""
    found = match([Entry(each.key, each.shape) for each in before], after)
    if found.difference is None:
        return Retained(found, (), None)
    changed: list[tuple[Entry | None, OwnEntry | None]] = []
    for old, new in layers:
        theirs, ours = _tensors(old), _tensors(new)
        for name in dict.fromkeys((*theirs, *ours)):
            one, other = theirs.get(name), ours.get(name)
            if one is None or other is None or one.shape != other.shape:
                changed.append((one and Entry(one.key, one.shape), other))
    # What is left out is left out on both sides, as the commands do.
    without = dict.fromkeys(module_of(each.key) for pair in changed for each in pair if each is not None)
    kept = [Entry(each.key, each.shape) for each in before if module_of(each.key) not in without]
    rest = [each for each in after if module_of(each.key) not in without]
    fits = bool(rest) and match(kept, rest).difference is None
    every = dict.fromkeys(module_of(each.key) for each in (*before, *after))
    return Retained(found, tuple(changed), whole_modules(list(without), list(every)) if fits else None)


def _tensors(placed: Placed | None) -> dict[str, OwnEntry]:
    """The tensors of a layer by their last name."""
    if placed is None:
        return {}
    keys, leaf = placed
    return {name: OwnEntry(".".join((*keys, name)), shape, leaf) for name, shape in leaf.layer.state(leaf.input)}
