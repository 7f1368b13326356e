"""Which tensor of a file goes where in a network: by keys where they are the same, else by names or in order.

Both sides are trees of modules, for a key is a path: `layer1.0.conv1.weight`. At each level children go by their names
where both sides have the same names, else names that both have go to each other and the rest in order, else all in
order. A tensor only ever goes to one of the same last name, as `weight`, and the same shape.

A size of 1 at the end counts for nothing in a shape: a `Linear` on the channels of each pixel and a convolution of 1x1
have the same weights.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from archdsl.weights.state import Entry, OwnEntry, Sizes

_COUNTER = "num_batches_tracked"
"""How many batches a batch norm has seen. Older files lack it, and nothing but its momentum's lack asks for it."""

_DEEPEST = 200
"""Keys of a file are taken apart no further: networks nest a hundred deep."""


class Pair(NamedTuple):
    """A tensor of the file, and the one that it goes to."""

    theirs: Entry
    ours: OwnEntry

    @property
    def by_key(self) -> bool:
        return self.theirs.key == self.ours.key


class Difference(NamedTuple):
    """The first place where a file and a network part; None where one side has no more tensors there.

    theirs_left, ours_left: what each side has from there on, at that level.
    """

    theirs: Entry | None
    ours: OwnEntry | None
    theirs_left: tuple[Entry, ...]
    ours_left: tuple[OwnEntry, ...]


class Match(NamedTuple):
    """What goes where, in the order of the network; and where they do not fit, the first difference.

    counters: the batch norms' counters of the network that the file lacks, which stay at 0.
    """

    pairs: tuple[Pair, ...]
    difference: Difference | None
    counters: tuple[OwnEntry, ...] = ()

    @property
    def by_key(self) -> int:
        return sum(pair.by_key for pair in self.pairs)


def match(theirs: Sequence[Entry], ours: Sequence[OwnEntry], in_order: bool = True) -> Match:
    """Match the tensors of a file with those of a network; all of both must find their place.

    in_order: the file has its tensors in the order of its modules. Where it does not, as many a safetensors file,
    which has them by name, tensors of each kind go in the order of their names.
    """
    pairs, difference = _matched([each for each in theirs if not _counts(each)], ours, in_order)
    if difference is not None:
        return Match(tuple(pairs), difference)
    counters = {each.key: each for each in theirs if _counts(each)}
    siblings = {_sibling(pair.ours.key): _sibling(pair.theirs.key) for pair in pairs}
    by_ours = {pair.ours.key: pair for pair in pairs}
    missing = []
    for own in ours:
        if _counts(own):
            counter = counters.pop(siblings.get(own.key, own.key), None)
            if counter is None:
                missing.append(own)
            elif counter.shape != own.shape:
                return Match(tuple(pairs), Difference(counter, own, (counter,), (own,)))
            else:
                by_ours[own.key] = Pair(counter, own)
    ordered = tuple(by_ours[own.key] for own in ours if own.key in by_ours)
    if counters:
        left = tuple(counters.values())
        return Match(ordered, Difference(left[0], None, left, ()))
    return Match(ordered, None, tuple(missing))


def _counts(entry: Entry | OwnEntry) -> bool:
    return entry.key.rpartition(".")[2] == _COUNTER


def _sibling(key: str) -> str:
    """The key of the counter beside a tensor."""
    before, dot, _ = key.rpartition(".")
    return f"{before}{dot}{_COUNTER}"


def module_of(key: str) -> str:
    """The key of the module that keeps a tensor."""
    return key.rpartition(".")[0] or key


def whole_modules(chosen: Iterable[str], every: Iterable[str]) -> tuple[str, ...]:
    """The chosen modules of all that there are, those that hold nothing else in place of what they hold."""
    of_all = Counter(above for module in dict.fromkeys(every) for above in _above(module))
    of_chosen = Counter(above for module in dict.fromkeys(chosen) for above in _above(module))
    whole = {
        module: next((name for name in _above(module) if of_all[name] == of_chosen[name]), module) for module in chosen
    }
    return tuple(dict.fromkeys(whole.values()))


def _above(module: str) -> list[str]:
    """The modules around one and itself, outermost first: "a", "a.b", "a.b.c"."""
    parts = module.split(".")
    return [".".join(parts[: depth + 1]) for depth in range(len(parts))]


class _Tree(NamedTuple):
    """The tensors below a module: its children by name, and all tensors in order."""

    children: dict[str, _Tree]
    entries: list[_Item]


_Item: TypeAlias = Entry | OwnEntry
_Found: TypeAlias = tuple[list[Pair], Difference | None]


def _matched(theirs: Sequence[Entry], ours: Sequence[OwnEntry], in_order: bool) -> _Found:
    by_key = {each.key: each for each in theirs}
    own = [each for each in ours if not _counts(each)]
    if len(by_key) == len(own) and all(each.key in by_key for each in own):
        return _same_names([(by_key[each.key], each) for each in own])
    entries = theirs if in_order else sorted(theirs, key=lambda each: _natural(each.key))
    return _Matcher(in_order).levels(_tree(entries), _tree(own))


def _same_names(both: Iterable[tuple[Entry, OwnEntry]]) -> _Found:
    pairs: list[Pair] = []
    for theirs, ours in both:
        if _squeezed(theirs.shape) != _squeezed(ours.shape):
            return pairs, Difference(theirs, ours, (theirs,), (ours,))
        pairs.append(Pair(theirs, ours))
    return pairs, None


def _natural(key: str) -> list[tuple[int, int, str]]:
    """An order of keys in which `layer2` comes before `layer10`."""
    parts = re.split(r"([0-9]+)", key)
    return [(0, int(part[:18]), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _tree(entries: Sequence[_Item]) -> _Tree:
    root = _Tree({}, [])
    for entry in entries:
        tree = root
        tree.entries.append(entry)
        for part in entry.key.split(".", _DEEPEST):
            tree = tree.children.setdefault(part, _Tree({}, []))
            tree.entries.append(entry)
    return root


class _Matcher:
    def __init__(self, in_order: bool) -> None:
        self.in_order = in_order

    def levels(self, theirs: _Tree, ours: _Tree) -> _Found:
        """Match two modules."""
        if not theirs.children or not ours.children:
            return self.flat(theirs.entries, ours.entries)
        if theirs.children.keys() == ours.children.keys():
            return self.pairwise([(child, ours.children[name]) for name, child in theirs.children.items()])
        # A module of one part is a wrapping: `module.conv1`, as DataParallel has it.
        if len(theirs.children) == 1 < len(ours.children) and _only(theirs).children:
            return self.levels(_only(theirs), ours)
        if len(ours.children) == 1 < len(theirs.children) and _only(ours).children:
            return self.levels(theirs, _only(ours))
        found = self.by_common_names(theirs, ours)
        if found is None and self.seem_alike(theirs, ours):
            found = self.pairwise(list(zip(theirs.children.values(), ours.children.values(), strict=True)))
        if found is not None and found[1] is None:
            return found
        return self.flat(theirs.entries, ours.entries, instead_of=found)

    def pairwise(self, both: Sequence[tuple[_Tree, _Tree]]) -> _Found:
        pairs: list[Pair] = []
        for theirs, ours in both:
            more, difference = self.levels(theirs, ours)
            pairs += more
            if difference is not None:
                return pairs, difference
        return pairs, None

    def by_common_names(self, theirs: _Tree, ours: _Tree) -> _Found | None:
        """Names of both to each other, the others in order. A number is a place, and no name."""
        common = [name for name in theirs.children if name in ours.children and not name.isdecimal()]
        if not common or any(name in ("weight", "bias") for name in common):
            return None
        pairs, difference = self.pairwise([(theirs.children[name], ours.children[name]) for name in common])
        if difference is not None:
            return pairs, difference
        rest = [_without(tree, common) for tree in (theirs, ours)]
        more, difference = self.levels(*rest)
        return pairs + more, difference

    def seem_alike(self, theirs: _Tree, ours: _Tree) -> bool:
        """Whether the children, in order, have tensors of the same shapes."""
        return len(theirs.children) == len(ours.children) and all(
            bool(one.children) == bool(other.children)
            and len(one.entries) == len(other.entries)
            and sorted(map(_kind, one.entries)) == sorted(map(_kind, other.entries))
            for one, other in zip(theirs.children.values(), ours.children.values(), strict=True)
        )

    def flat(self, theirs: Sequence[_Item], ours: Sequence[_Item], instead_of: _Found | None = None) -> _Found:
        """Match tensors in order. Where that fails, what was found by names before tells more."""
        theirs, ours = _by_kinds(theirs, self.in_order), _by_kinds(ours, self.in_order)
        pairs: list[Pair] = []
        for at in range(max(len(theirs), len(ours))):
            one = theirs[at] if at < len(theirs) else None
            other = ours[at] if at < len(ours) else None
            assert one is None or isinstance(one, Entry)
            assert other is None or isinstance(other, OwnEntry)
            if one is None or other is None or _kind(one) != _kind(other):
                if instead_of is not None and len(instead_of[0]) >= at:
                    return instead_of
                left = tuple(each for each in theirs[at:] if isinstance(each, Entry))
                own_left = tuple(each for each in ours[at:] if isinstance(each, OwnEntry))
                return pairs, Difference(one, other, left, own_left)
            pairs.append(Pair(one, other))
        return pairs, None


def _only(tree: _Tree) -> _Tree:
    return next(iter(tree.children.values()))


def _without(tree: _Tree, names: Sequence[str]) -> _Tree:
    children = {name: child for name, child in tree.children.items() if name not in names}
    kept = {entry.key for child in children.values() for entry in child.entries}
    return _Tree(children, [entry for entry in tree.entries if entry.key in kept])


def _squeezed(shape: Sizes) -> Sizes:
    """A shape without the sizes of 1 at its end."""
    while shape and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _kind(entry: _Item) -> tuple[str, Sizes]:
    """What must be the same in two tensors that go to each other."""
    return "" if _is_scale(entry) else entry.key.rpartition(".")[2], _squeezed(entry.shape)


def _is_scale(entry: _Item) -> bool:
    """Whether it has one factor a channel, of C x 1 x 1. Each model has its own name for it, and its own place."""
    return len(entry.shape) == 3 and entry.shape[1:] == (1, 1)


def _by_kinds(entries: Sequence[_Item], in_order: bool) -> list[_Item]:
    """The tensors, factors of channels behind the others; where the order means little, each kind of module by itself.

    The kind of a module is what its tensors are called, and how many axes they have.
    """
    if in_order and not any(map(_is_scale, entries)):
        return list(entries)
    kinds: dict[str, set[tuple[str, int]]] = {}
    if not in_order:
        for entry in entries:
            module, _, name = entry.key.rpartition(".")
            kinds.setdefault(module, set()).add((name, min(2, len(_squeezed(entry.shape)))))

    def kind(entry: _Item) -> tuple[bool, list[tuple[str, int]], str]:
        module, _, name = entry.key.rpartition(".")
        if in_order or _is_scale(entry):
            return _is_scale(entry), [], ""
        return False, sorted(kinds[module]), name

    return sorted(entries, key=kind)
