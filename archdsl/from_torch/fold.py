"""A tree of chains and branches to a short program: calls of modules to blocks, what comes again to loops.

Whatever is folded is told by comparison alone: terms that differ in their numbers become one text, in which the numbers
that differ have names. Nothing here looks at what a class is called, but to call a block so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from archdsl.checker.expansion import is_reserved
from archdsl.from_torch.structure import Branches, Chain, Group, Leaf
from archdsl.from_torch.terms import (
    ANY,
    Argument,
    Block,
    Call,
    Expression,
    For,
    Join,
    Label,
    Parameter,
    Program,
    Repeat,
    Slot,
    Term,
    Terms,
    Value,
    bodies,
    calls,
    merged,
    same_text,
    size,
    skeleton,
    slots,
    with_bodies,
    with_values,
    without_labels,
)
from archdsl.from_torch.variants import choices, read_as, united
from archdsl.layers import LAYERS
from archdsl.layers.base import REQUIRED, Layer, SameAs
from archdsl.layers.reshaping import Identity
from archdsl.shapes import Image, Shape
from archdsl.syntax.words import FUNCTIONS, STRUCTURE

KEYWORDS = ("import", "let", "block", "for", "in", "if", "else", "and", "or", "not", "true", "false")

LONGEST_PERIOD = 24
"""No loop has a body of more items."""

MOST_CHOICES = 3
"""No block has more of `if`."""

_CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")


def fold(chain: Chain, taken: Iterable[str] = ()) -> Program:
    """The program of a chain. taken: names of blocks that are not to be used."""
    program = _Folding(chain, taken)
    return Program(tuple(program.blocks), with_distinct_labels(folded(program.terms(chain))))


class _Folding:
    """The groups of a chain, made blocks class by class, from the inside out."""

    def __init__(self, chain: Chain, taken: Iterable[str]) -> None:
        self.blocks: list[Block] = []
        self.taken = {*LAYERS, *KEYWORDS, *STRUCTURE, *taken}
        self.made: dict[int, Terms] = {}
        self.whole = {"", *(group.scope.path for group in _groups(chain))}
        heights: dict[str, int] = {}
        groups: dict[str, list[Group]] = {}
        for group in _groups(chain):
            kind = _kind(group)
            if kind is not None:
                groups.setdefault(kind, []).append(group)
                heights[kind] = max(heights.get(kind, 0), _height(group))
        for kind in sorted(groups, key=lambda each: heights[each]):
            self.make_blocks(kind, groups[kind])

    def terms(self, chain: Chain) -> Terms:
        """The terms of a chain, with the blocks that have been made."""
        terms: list[Term] = []
        for item in chain:
            if isinstance(item, Leaf):
                name = item.node.name if item.node is not None else ""
                terms.append(call_of(item.node.layer if item.node is not None else Identity(), item.input, name))
            elif isinstance(item, Branches):
                branches = tuple(without_labels(self.terms(branch)) for branch in item.branches)
                terms.append(Join(item.node.layer.word, branches))
            else:
                terms += self.made.get(item.scope.call, ()) or self.inlined(item)
        return tuple(terms)

    def inlined(self, group: Group) -> Terms:
        """What a group stands for where it is no block: its items, under the name of its module."""
        terms = self.terms(group.items)
        single = len(terms) == 1 and not (isinstance(terms[0], Call) and terms[0].is_block)
        return terms if single else self.labelled(group, terms)

    def labelled(self, group: Group, terms: Terms) -> Terms:
        """The terms under the name of a group's module, where that stands in a module that is one piece too."""
        around, _, label = group.scope.path.rpartition(".")
        return (Label(label, terms),) if is_label(label) and around in self.whole else terms

    def make_blocks(self, kind: str, groups: list[Group]) -> None:
        """Blocks for the calls of one class, as far as they make the text shorter."""
        instances = _without_shortcuts([_Instance(group, without_labels(self.terms(group.items))) for group in groups])
        # With how often something comes again as a number, or written out, whatever makes more of them alike.
        raw = _alike(instances)
        looped = _alike([each._replace(body=folded(each.body)) for each in instances])
        waiting = raw if len(raw) <= len(looped) else looped
        while waiting:
            members = waiting.pop(0)
            template = members[0].body
            for others in list(waiting):
                one = united(template, others[0].body)
                if one is not None and choices(one) <= MOST_CHOICES:
                    template = one
                    members = members + others
                    waiting.remove(others)
            read = [each._replace(body=read_as(template, each.body) or each.body) for each in members]
            self.make_block(kind, read, sum(size(folded(each.body)) for each in members))

    def make_block(self, kind: str, instances: list[_Instance], before: int) -> None:
        """A block for instances of one skeleton, where calls of it and its definition are shorter than they were."""
        body, parameters, columns = named([each.body for each in instances], [each.group for each in instances])
        body = folded(body)
        if len(body) == 1 and isinstance(body[0], Call):
            return
        name = self.free_name(kind)
        new: list[tuple[Group, Call, Terms]] = []
        for place, (group, inner, behind) in enumerate(instances):
            arguments = tuple(
                Argument(each.name, each.kind, column[place], each.default)
                for each, column in zip(parameters, columns, strict=True)
            )
            first = next((each for each in calls(inner) if each.channels is not ANY), None)
            call = Call(name, arguments, first.channels if first is not None else None, group.scope.path, True)
            new.append((group, call, self.labelled(group, behind(call))))
        if size(body) + 3 + len(parameters) + sum(size((call,)) for _, call, _ in new) >= before:
            return
        self.taken.add(name)
        self.blocks.append(Block(name, parameters, body))
        self.made.update((group.scope.call, terms) for group, _, terms in new)

    def free_name(self, kind: str) -> str:
        """A name for a block of a class: `basic_block` of BasicBlock."""
        name = snake_case(kind)
        if name in LAYERS or name in KEYWORDS:
            name += "_block"
        if name not in self.taken:
            return name
        return next(each for each in (f"{name}{number}" for number in range(2, 10_000)) if each not in self.taken)


class _Instance(NamedTuple):
    """A group that may become a call of a block: its body, and what the call stands in."""

    group: Group
    body: Terms
    around: Callable[[Call], Terms] = lambda call: (call,)


def _alike(instances: list[_Instance]) -> list[list[_Instance]]:
    """The instances by their skeletons."""
    alike: dict[Any, list[_Instance]] = {}
    for each in instances:
        alike.setdefault(skeleton(each.body), []).append(each)
    return list(alike.values())


def _without_shortcuts(instances: list[_Instance]) -> list[_Instance]:
    """The instances without the `add` around them, where only some have one.

    As in MobileNetV2: what has a shortcut is the same as what has none, but for the shortcut. It is written around
    the call of the block then, and with it the `drop_path` at the end of the branch.
    """
    found = [_without_shortcut(each) for each in instances]
    if all(each is None for each in found) or None not in found:
        return instances
    return [inner or each for inner, each in zip(found, instances, strict=True)]


def _without_shortcut(instance: _Instance) -> _Instance | None:
    """The instance without the `add` of it and its input; None where it is no such thing."""
    if len(instance.body) != 1 or not isinstance(join := instance.body[0], Join) or join.word != "add":
        return None
    shortcuts = [place for place, branch in enumerate(join.branches) if _is_identity(branch)]
    if len(shortcuts) != 1 or len(join.branches) != 2:
        return None
    branch = join.branches[1 - shortcuts[0]]
    end = len(branch)
    while end > 1 and isinstance(last := branch[end - 1], Call) and last.word == "drop_path":
        end -= 1

    def around(call: Call) -> Terms:
        inner = (call, *branch[end:])
        branches = (join.branches[0], inner) if shortcuts[0] == 0 else (inner, join.branches[1])
        return (Join("add", branches),)

    return _Instance(instance.group, branch[:end], around)


def _is_identity(terms: Terms) -> bool:
    return len(terms) == 1 and isinstance(terms[0], Call) and terms[0].word == "identity"


def snake_case(kind: str) -> str:
    """`Conv2dNormActivation` as conv2d_norm_activation, `_DenseLayer` as dense_layer."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind).strip("_").lower()
    parted = re.sub(r"[^a-z0-9_]", "_", parted)
    return parted if parted[:1].isalpha() else f"block_{parted}"


def is_label(name: str) -> bool:
    """Whether a module's name can be a label; the numbers of an nn.Sequential are none."""
    return bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name)) and name not in KEYWORDS and not is_reserved(name)


def _groups(chain: Chain) -> Iterator[Group]:
    for item in chain:
        if isinstance(item, Group):
            yield item
            yield from _groups(item.items)
        elif isinstance(item, Branches):
            for branch in item.branches:
                yield from _groups(branch)


def _height(group: Group) -> int:
    """How many groups of classes stand in each other in a group."""
    inner = max((_height(each) for each in _groups(group.items)), default=0)
    return inner + (_kind(group) is not None)


def _kind(group: Group) -> str | None:
    """What makes calls of modules alike: their class; of layers in a nameless nn.Sequential, what they stand in."""
    if group.scope.kind not in _CONTAINERS:
        return group.scope.kind
    *around, own = group.scope.path.split(".")
    if not own.isdecimal() or not all(isinstance(item, Leaf) for item in group.items):
        return None
    return f"{next((name for name in reversed(around) if not name.isdecimal()), 'sequential')}_block"


def call_of(layer: Layer, input: Shape, name: str) -> Call:
    """The call of a layer, with all its arguments."""
    channels = input.channels if isinstance(input, Image) else None
    arguments = []
    for field in layer.fields:
        value = vars(layer)[field.name]
        if field.kind == "pair":
            value = value[0] if value[0] == value[1] else tuple(value)
        default = field.default
        if field.kind == "pair" and isinstance(default, tuple) and not isinstance(default, SameAs):
            default = default[0]
        if field.name == "groups" and value == channels and layer.word.startswith("conv") and value != 1:
            value = Expression("in_channels")
        arguments.append(Argument(field.name, field.kind, value, default))
    return Call(layer.word, tuple(arguments), channels, name)


# Labels.


def with_distinct_labels(terms: Terms) -> Terms:
    """The terms without the labels that would be keys of two modules in one chain."""
    terms = tuple(with_bodies(term, [with_distinct_labels(body) for body in bodies(term)]) for term in terms)
    while True:
        found = Counter(_keys(terms, numbered=False))
        twice = {label for label, number in found.items() if number > 1}
        # `layer` in a loop is layer1, layer2 and so on.
        stems = {key[:-1] for key in found if key.endswith("*")}
        twice |= {key for key in found for stem in stems if re.fullmatch(re.escape(stem) + r"\d*", key)}
        twice |= {f"{stem}*" for stem in stems if any(re.fullmatch(re.escape(stem) + r"\d*", key) for key in found)}
        if not twice:
            return terms
        terms = _without_keys(terms, twice, numbered=False)


def _keys(terms: Terms, numbered: bool) -> Iterator[str]:
    """The labels of one chain, with what loops and conditions splice into it; those that are numbered end with `*`."""
    for term in terms:
        if isinstance(term, Label):
            yield f"{term.label}*" if numbered else term.label
        elif isinstance(term, Repeat | For):
            yield from _keys(term.body, numbered=True)


def _without_keys(terms: Terms, keys: set[str], numbered: bool) -> Terms:
    new: list[Term] = []
    for term in terms:
        if isinstance(term, Label) and (f"{term.label}*" if numbered else term.label) in keys:
            new += term.body
        elif isinstance(term, Repeat | For):
            new.append(term._replace(body=_without_keys(term.body, keys, numbered=True)))
        else:
            new.append(term)
    return tuple(new)


# Names for what differs.


class _Column(NamedTuple):
    """A slot in each of several terms with one skeleton. What an arm that is not taken has there is ANY."""

    slot: Slot
    values: tuple[Value, ...]
    channels: tuple[int | None, ...]

    def known(self) -> list[Value]:
        return [each for each in self.values if each is not ANY]


def named(
    instances: list[Terms], groups: list[Group] | None = None
) -> tuple[Terms, tuple[Parameter, ...], list[tuple[Value, ...]]]:
    """One body for terms with one skeleton, with parameters for what differs, and each one's values.

    groups: the calls of modules that the terms are of, where they become a block: by their inner names parameters are
    told apart, and parameters may have defaults.
    """
    columns = [
        _Column(_told(group), tuple(each.value for each in group), tuple(each.channels for each in group))
        for group in zip(*(slots(each) for each in instances), strict=True)
    ]
    entering = None if groups is None else tuple(group.entering for group in groups)
    outputs = None if groups is None else tuple(group.channels for group in groups)
    chosen: list[_Column] = []
    values: list[Value | _Hole] = []
    for column in columns:
        known = column.known()
        same = [place for place, each in enumerate(chosen) if _same_family(each, column)]
        # In an arm of an `if`, what has one value by chance is still what it has elsewhere.
        if len(set(map(_exactly, known))) == 1 and not (same and len(known) < len(instances)):
            values.append(known[0])
            continue
        text = _by_others(column, chosen, outputs) if groups is not None else _by_itself(column)
        if text is None:
            place = same[0] if same else len(chosen)
            if not same:
                chosen.append(column)
            else:
                chosen[place] = chosen[place]._replace(
                    values=tuple(
                        other if value is ANY else value
                        for value, other in zip(chosen[place].values, column.values, strict=True)
                    )
                )
            text = _Hole(place, "")
        values.append(text)
    names = _names(chosen, groups, _loop_names(instances[0]))
    written = [_filled(each, names) for each in values]
    parameters = []
    for place, (name, column) in enumerate(zip(names, chosen, strict=True)):
        common, _ = Counter(column.known()).most_common(1)[0]
        default = _default(column, common) if groups is not None else REQUIRED
        if entering and _is_channels(column.slot) and (factor := _factor(column.values, entering)):
            default = Expression(factor.format("in_channels"))
            values_now: tuple[Value, ...] = (default,) * len(instances)
        else:
            any_value = common if default is REQUIRED else default
            values_now = tuple(any_value if each is ANY else each for each in column.values)
        chosen[place] = column._replace(values=values_now)
        parameters.append(Parameter(name, column.slot.kind, default))
    order = sorted(range(len(chosen)), key=lambda each: parameters[each].default is not REQUIRED)
    body = with_values(merged(instances), iter(written))
    return body, tuple(parameters[each] for each in order), [chosen[each].values for each in order]


def _told(slots: Sequence[Slot]) -> Slot:
    """The slot of those at one place that tells most: one whose value is known."""
    return next((slot for slot in slots if slot.value is not ANY), slots[0])


def _default(column: _Column, common: Value) -> Value:
    """The default of a parameter: what is plain, or what most calls have."""
    slot, known = column.slot, column.known()
    if slot.kind in ("choice", "flag"):
        return known.count(True) > known.count(False)
    if slot.kind == "pair" or slot.field in ("groups", "stride", "padding", "kernel"):
        plain = _PLAIN.get(slot.field)
        if plain in known:
            return plain
        if known.count(common) * 2 > len(known):
            return common
    return REQUIRED


_PLAIN = {"stride": 1, "pad": 0, "padding": 0, "dilation": 1, "groups": 1}
"""What arguments are taken to be where nothing is said."""


class _Hole(NamedTuple):
    """Where the name of a parameter goes, and what goes around it: `4 * {}`."""

    place: int
    around: str


def _filled(value: Any, names: list[str]) -> Value:
    if not isinstance(value, _Hole):
        return value
    return Expression(value.around.format(names[value.place]) if value.around else names[value.place])


def _exactly(value: Value) -> Any:
    """A value that is equal only to one of its kind: true is not 1."""
    return (type(value).__name__ if isinstance(value, bool) else "", value)


_CHANNELS = ("out", "groups", "start", "end", "channels")


def _is_channels(slot: Slot) -> bool:
    return slot.field in _CHANNELS or slot.field.endswith("_channels")


def _same_family(a: _Column, b: _Column) -> bool:
    """Whether two columns are the same values of the same sort, and so one parameter."""
    sort = a.slot.field == b.slot.field or (_is_channels(a.slot) and _is_channels(b.slot))
    pairs = [
        (_exactly(x), _exactly(y)) for x, y in zip(a.values, b.values, strict=True) if x is not ANY and y is not ANY
    ]
    return sort and all(x == y for x, y in pairs) and (bool(pairs) or a.slot.field == b.slot.field)


def _by_itself(column: _Column) -> Value | None:
    """Groups that are all the channels that enter, of a loop."""
    if column.slot.field == "groups" and column.values == column.channels:
        return Expression("in_channels")
    return None


def _by_others(column: _Column, chosen: list[_Column], outputs: tuple[Any, ...] | None) -> Value | None:
    """How a column of a block follows from parameters before it, or from what enters; None where it does not."""
    numbers = column.values
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in column.known()):
        return None
    for place, other in enumerate(chosen):
        if _is_half(column, other):
            return _Hole(place, "{} // 2")
    if not _is_channels(column.slot) or any(_same_family(each, column) for each in chosen):
        return None
    if all(a in (ANY, b) for a, b in zip(numbers, column.channels, strict=True)):
        return Expression("in_channels")
    for place, other in enumerate(chosen):
        if _is_channels(other.slot):
            factor = _factor(numbers, other.values)
            if factor is not None:
                return _Hole(place, factor)
    # What comes out of a block is for its caller to say.
    if not all(a in (ANY, b) for a, b in zip(numbers, outputs or (), strict=False)):
        factor = _factor(numbers, column.channels)
        if factor is not None:
            return Expression(factor.format("in_channels"))
    return None


def _is_half(padding: _Column, kernel: _Column) -> bool:
    """Whether a column is the paddings that keep the size, for the kernels that another one is."""
    if padding.slot.field not in ("pad", "padding") or not kernel.slot.field.endswith("kernel"):
        return False
    pairs = zip(padding.values, kernel.values, strict=True)
    return all(pad is ANY or (isinstance(size, int) and pad == size // 2) for pad, size in pairs)


LARGEST_FACTOR = 32


def _factor(numbers: tuple[Any, ...], others: tuple[Any, ...]) -> str | None:
    """`2 * {}` or `{} // 2`, where that is exactly so in all places."""
    pairs = [(a, b) for a, b in zip(numbers, others, strict=True) if a is not ANY]
    if not all(isinstance(each, int) and each for pair in pairs for each in pair):
        return None
    number, other = pairs[0]
    factor, left_over = divmod(number, other)
    if not left_over and factor <= LARGEST_FACTOR and all(b * factor == a for a, b in pairs):
        return f"{factor} * {{}}" if factor > 1 else "{}"
    factor, left_over = divmod(other, number)
    if not left_over and factor <= LARGEST_FACTOR and all(a * factor == b for a, b in pairs):
        return f"{{}} // {factor}"
    return None


_BASES = {
    "out": "channels",
    "pad": "padding",
    "p": "drop",
    "count": "repeats",
    "rows": "rows",
    "output_pad": "output_padding",
}


def _base(slot: Slot) -> str:
    """What a parameter is called for the argument that it is of."""
    if slot.field == "condition":
        return snake_case(slot.word)
    if slot.field == "rows":
        return f"{slot.word}s"
    if slot.field == "out" and slot.word == "fc":
        return "features"
    base = _BASES.get(slot.field, slot.field)
    return f"use_{base}" if slot.kind == "flag" and slot.word in LAYERS else base


def _loop_names(terms: Terms) -> set[str]:
    """The names of the loops in terms, which would hide others of the same name."""
    own = {name for term in terms if isinstance(term, For) for name in term.names}
    return own.union(*(_loop_names(body) for term in terms for body in bodies(term)))


def _names(chosen: list[_Column], groups: list[Group] | None, taken: set[str]) -> list[str]:
    """A name for each parameter: by its argument, and where that is no name of one alone, by its module too."""
    bases = [_base(each.slot) for each in chosen]
    counts = Counter(bases)
    names: list[str] = []
    for base, column in zip(bases, chosen, strict=True):
        name = base
        if groups is not None and counts[base] > 1:
            path = next(group.scope.path for group in groups if column.slot.name.startswith(group.scope.path))
            inner = column.slot.name.removeprefix(path).strip(".")
            inner = snake_case(inner.replace(".", "_")) if inner and not inner[0].isdecimal() else ""
            name = f"{inner}_{base}" if inner else base
        not_free = {*names, *taken, *KEYWORDS, *_NO_NAMES}
        if name in not_free:
            name = next(each for each in (f"{name}_{number}" for number in range(2, 10_000)) if each not in not_free)
        names.append(name)
    return names


_NO_NAMES = (*FUNCTIONS, "in_channels", "in_features")


# What comes again.


def folded(terms: Terms) -> Terms:
    """The terms with what comes again in loops, from the inside out."""
    terms = tuple(with_bodies(term, [folded(body) for body in bodies(term)]) for term in terms)
    return _looped(_repeated(terms))


def _repeated(terms: Terms) -> Terms:
    """The terms with neighbours of the same text as `repeat`, the shortest first."""
    for period in range(1, LONGEST_PERIOD + 1):
        texts = [same_text((term,)) for term in terms]
        new: list[Term] = []
        place = 0
        while place < len(terms):
            alike = 0
            while place + period + alike < len(terms) and texts[place + alike] == texts[place + period + alike]:
                alike += 1
            count, left_over = divmod(alike + period, period)
            # Of the ways to cut what comes again, the one whose turns begin as people would begin them.
            shift = next((each for each in range(left_over + 1) if _begins(terms[place + each])), 0) if count > 1 else 0
            start = place + shift
            body = terms[start : start + period]
            if count > 1 and (count > 2 or size(body) > 3):
                end = start + count * period
                turns = [terms[each : each + period] for each in range(start, end, period)]
                new += [*terms[place:start], Repeat(count, merged(turns))]
                place = end
            else:
                new.append(terms[place])
                place += 1
        terms = tuple(new)
        if len(terms) < 2 * period:
            break
    return terms


def _begins(term: Term) -> bool:
    """Whether a turn may well begin with a term: with a convolution, say, and not with its activation."""
    return not isinstance(term, Call) or term.is_block or term.word in ("conv", "conv_transpose", "fc")


def _looped(terms: Terms) -> Terms:
    """The terms with neighbours that differ in their numbers as `for`, whatever saves most first."""
    while True:
        found = [each for form in (terms, _with_ones(terms)) for each in _loops(form)]
        if not found:
            return terms
        best = max(found, key=lambda each: each.saved)
        terms = tuple(each for part in (best.before, (best.loop,), best.behind) for each in part)


class _Loop(NamedTuple):
    """A way to write terms with one more `for`."""

    saved: int
    before: Terms
    loop: For
    behind: Terms


def _loops(terms: Terms) -> Iterator[_Loop]:
    shapes = [skeleton((term,)) for term in terms]
    for period in range(1, min(LONGEST_PERIOD, len(terms) // 2) + 1):
        start = 0
        while start + 2 * period <= len(terms):
            alike = 0
            while start + period + alike < len(terms) and shapes[start + alike] == shapes[start + period + alike]:
                alike += 1
            length = alike + period
            for shift in range(length % period + 1):
                count = (length - shift) // period
                if count > 1:
                    loop = _loop(terms, start + shift, period, count)
                    if loop is not None:
                        yield loop
            start += alike + 1


def _loop(terms: Terms, start: int, period: int, count: int) -> _Loop | None:
    """The loop for so many turns, where it is worth a line."""
    end = start + period * count
    turns = [terms[place : place + period] for place in range(start, end, period)]
    plain = [without_labels(turn) for turn in turns]
    label = _common_label(terms, start, end) if period == 1 else None
    body, parameters, columns = named(plain)
    if not parameters:
        return None
    rows = tuple(row if len(row) > 1 else row[0] for row in zip(*columns, strict=True))
    if label:
        body = (Label(label, body),)
    loop = For(tuple(each.name for each in parameters), rows, body)
    before, behind = _without_ones(terms[:start]), _without_ones(terms[end:])
    saved = sum(size(_without_ones(turn)) for turn in turns) - size((loop,))
    # Many names for one turn are hard to follow.
    saved -= 3 * max(0, len(parameters) - 4)
    # Names that are lost help no more to find a layer.
    is_labelled = any(isinstance(term, Label) for turn in turns for term in turn)
    if is_labelled and label is None:
        saved -= 2 * count
    # A list of numbers, all of them different, as of `drop_path`, is easier to read than many lines.
    is_list = len(parameters) == 1 and count > 2 and len(set(rows)) == count
    is_list = is_list and len(body) == 1 and isinstance(body[0], Call | Join)
    return _Loop(saved, before, loop, behind) if saved >= 4 or (is_list and not is_labelled and saved >= -4) else None


def _common_label(terms: Terms, start: int, end: int) -> str | None:
    """`layer` for `layer1: ...`, `layer2: ...`: a loop numbers what is labelled in it so, from 1 on."""
    labels = [term.label if isinstance(term, Label) else "" for term in terms]
    found = re.fullmatch(r"(.*?)1", labels[start])
    if found and labels[start:end] == [f"{found[1]}{number}" for number in range(1, end - start + 1)]:
        others = labels[:start] + labels[end:]
        if is_label(found[1]) and not any(re.fullmatch(re.escape(found[1]) + r"\d*", each) for each in others):
            return found[1]
    return None


def _with_ones(terms: Terms) -> Terms:
    """The terms with those that stand repeated elsewhere as repeated once, so that they are alike."""
    repeats = {skeleton(term.body) for term in terms if isinstance(term, Repeat)}
    new: list[Term] = []
    for term in terms:
        if isinstance(term, Label):
            new.append(term._replace(body=_head_and_rest(term.body)))
        else:
            new.append(Repeat(1, (term,)) if skeleton((term,)) in repeats else term)
    return tuple(new)


def _head_and_rest(terms: Terms) -> Terms:
    """A stage as its first item and others that are all the same, where it is so."""
    turns = [turn for term in terms for turn in _turns(term)]
    if len(turns) < 2 or len({skeleton((each,)) for each in turns}) > 1:
        return terms
    if len({same_text((each,)) for each in turns[1:]}) > 1:
        return terms
    return (turns[0], Repeat(len(turns) - 1, merged([(each,) for each in turns[1:]])))


def _turns(term: Term) -> list[Term]:
    """What a term repeats, so many times."""
    if isinstance(term, Repeat) and len(term.body) == 1 and isinstance(term.count, int):
        return [term.body[0]] * term.count
    return [term]


def _without_ones(terms: Terms) -> Terms:
    new: list[Term] = []
    for term in terms:
        if isinstance(term, Repeat) and term.count == 1:
            new += term.body
        else:
            new.append(with_bodies(term, [_without_ones(body) for body in bodies(term)]))
    return tuple(new)
