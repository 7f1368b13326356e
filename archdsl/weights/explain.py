"""What of a file's tensors went where in a network, and why they do not go: the first difference, in words."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.backends.table import aligned
from archdsl.diagnostics.render import visible
from archdsl.layers.base import Layer
from archdsl.layers.convolution import Conv
from archdsl.layers.linear import Fc
from archdsl.network import Leaf
from archdsl.weights.match import Difference, Match, module_of, whole_modules
from archdsl.weights.state import Entry, OwnEntry, sizes

_MOST_NAMES = 3


def table(found: Match) -> list[str]:
    """A line for each tensor: its key in the file, that in the network, its sizes, and how it was found."""
    cells = [("in the file", "in the network", "sizes", "by")]
    cells += [
        (visible(pair.theirs.key), visible(pair.ours.key), sizes(pair.ours.shape), "key" if pair.by_key else "order")
        for pair in found.pairs
    ]
    return aligned(cells, "<<><")


def summary(found: Match, file: str, network: str, verbose: bool = False) -> list[str]:
    """How many tensors went where, in a line or two."""
    by_key, count = found.by_key, len(found.pairs)
    how = f"{by_key:,} by key and {count - by_key:,} by name and order"
    if by_key in (0, count):
        how = "all by key" if by_key else "all by name and order"
    hint = "" if verbose or by_key == count else "; --verbose tells which"
    lines = [f"{visible(file)} into {visible(network)}: {count:,} tensors, {how}{hint}"]
    if found.counters:
        lines.append(f"not in the file: {len(found.counters):,} counters of batches (num_batches_tracked), which are 0")
    return lines


def difference_lines(
    difference: Difference, all_theirs: Sequence[Entry], ours: Sequence[OwnEntry], in_order: bool = True
) -> list[str]:
    """What stands there and here at the first difference, and what most likely differs, of all tensors of both."""
    theirs, own = difference.theirs, difference.ours
    there = "nothing more" if theirs is None else described(theirs)
    here = "nothing more" if own is None else described(own)
    if own is not None and own.leaf is not None:
        here += f", {place_of(own.leaf)}"
    if theirs is None:
        here += more(difference.ours_left)
    if own is None:
        there += more(difference.theirs_left)
    lines = [f"there: {there}", f"here:  {here}"]
    same_place = theirs is None or own is None or theirs.key == own.key
    if in_order or same_place:
        return [*lines, *likely(difference, all_theirs, ours)]
    return [*lines, "the file has other keys, and its tensors by name: a file that torch saved has them in their order"]


def described(entry: Entry | OwnEntry) -> str:
    return f"`{visible(entry.key)}`, {sizes(entry.shape)}"


def place_of(leaf: Leaf) -> str:
    """Where a layer stands, and its text: "lenet.arch:12: fc(classes)"."""
    source = leaf.span.source
    line, column = source.position(leaf.span.start)
    text = " ".join(leaf.span.text.split())
    return f"{visible(source.name)}:{line}:{column} `{visible(text)}`" if source.text else visible(source.name)


def more(left: Sequence[Entry | OwnEntry]) -> str:
    """ ", and 5 more", where one side has tensors left over."""
    return f", and {len(left) - 1:,} more" if len(left) > 1 else ""


def likely(difference: Difference, all_theirs: Sequence[Entry], ours: Sequence[OwnEntry]) -> list[str]:
    """What most likely differs between the two networks, and what can be done."""
    theirs, own = difference.theirs, difference.ours
    if theirs is None:
        assert own is not None
        if {each.key.rpartition(".")[2] for each in difference.ours_left} == {"bias"}:
            return [of_names("", "bias")]
        if heads := [each.head for each in ours if each.head is not None]:
            return [f"`{visible(heads[0])}` is an auxiliary head; where the file has none, {without(heads)}"]
        left_out = leave_out(parts_of(difference.ours_left, ours), "are not loaded")
        return [f"the network is deeper, or has parts that the file lacks; {left_out}"]
    if own is None:
        if {each.key.rpartition(".")[2] for each in difference.theirs_left} == {"bias"}:
            return [of_names("bias", "")]
        left_out = leave_out(parts_of(difference.theirs_left, all_theirs), "are not used")
        return [f"the file is of a deeper network, or one with more parts; {left_out}"]
    if own.head is not None and own.head != theirs.key[: len(own.head)]:
        heads = [each.head for each in ours if each.head is not None]
        return [f"`{visible(own.head)}` is an auxiliary head; where the file has none, {without(heads)}"]
    name, own_name = theirs.key.rpartition(".")[2], own.key.rpartition(".")[2]
    layer = own.leaf.layer if own.leaf is not None else None
    if name != own_name:
        return [of_names(name, own_name)]
    if len(theirs.shape) != len(own.shape):
        return ["another kind of layer stands there, or the layers stand in another order"]
    axes = [axis for axis, (a, b) in enumerate(zip(theirs.shape, own.shape, strict=True)) if a != b]
    if not axes:
        return ["the layers before it differ"]
    weights = [each for each in ours if each.key.endswith("weight") and len(each.shape) > 1]
    there, here = theirs.shape[axes[0]], own.shape[axes[0]]
    if axes == [0] and weights and weights[-1].shape[0] == here and is_like(own, weights[-1]):
        # Auxiliary heads have the classes of the network.
        last = [module_of(each.key) for each in weights if each.shape[0] == here and is_like(each, weights[-1])]
        parts = " ".join(f"--except {visible(name)}" for name in dict.fromkeys((module_of(theirs.key), *last)))
        return [f"another number of classes: {there:,} there, {here:,} here; {parts} takes all other weights"]
    return [of_sizes(axes, there, here, layer, weights[:1] == [own])]


def is_like(own: OwnEntry, last: OwnEntry) -> bool:
    """Whether a tensor is of a layer of the same kind as the last one."""
    return own.leaf is None or (last.leaf is not None and type(own.leaf.layer) is type(last.leaf.layer))


def of_names(name: str, own_name: str) -> str:
    if name == "bias":
        return "the layer before it has a bias there, and none here: here it is made with `nobias`, or is another kind"
    if own_name == "bias":
        return "the layer before it has a bias here, and none there: `nobias` makes one without"
    return "another kind of layer stands there, or the layers stand in another order"


def of_sizes(axes: list[int], there: int, here: int, layer: Layer | None, is_first: bool) -> str:
    """What differs where two tensors of one name differ in the sizes of these axes, the first of which are given."""
    if axes == [1] and is_first:
        return f"another input: {there:,} {'channels' if isinstance(layer, Conv) else 'features'} there, {here:,} here"
    if axes == [1] and isinstance(layer, Fc):
        return f"{there:,} features come in there, {here:,} here: another input size, or other layers before it"
    if axes == [1] and isinstance(layer, Conv):
        return (
            f"{there:,} channels come in for each group there, {here:,} here: other groups, or other layers before it"
        )
    if min(axes) >= 2:
        return "another kernel"
    return f"another width: {there:,} channels there, {here:,} here" if isinstance(layer, Conv) else "another width"


def parts_of(left: Sequence[Entry | OwnEntry], every: Sequence[Entry | OwnEntry]) -> tuple[str, ...]:
    """The modules that hold what is left over, as few as hold nothing else of all tensors of that side."""
    return whole_modules([module_of(each.key) for each in left], [module_of(each.key) for each in every])


def without(heads: list[str]) -> str:
    """How auxiliary heads are left out."""
    names = [visible(head) for head in dict.fromkeys(heads)]
    return f"{' '.join(f'--except {name}' for name in names)} leaves {'it' if len(names) == 1 else 'them'} out"


def leave_out(parts: Sequence[str], what: str) -> str:
    """How parts are left out."""
    shown = " ".join(f"--except {visible(name)}" for name in parts[:_MOST_NAMES])
    return f"with {shown}{' ...' if len(parts) > _MOST_NAMES else ''} such parts {what}"
