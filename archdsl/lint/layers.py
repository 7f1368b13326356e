"""Rules on single layers, on branches, and on the network as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.diagnostic import Diagnostic, Label
from archdsl.layers.activation import LogSoftmax, Softmax
from archdsl.layers.convolution import Conv, ConvTranspose
from archdsl.layers.joining import Mul
from archdsl.layers.pooling import AvgPool, Pool
from archdsl.layers.regularization import Dropout, Dropout2d, DropPath
from archdsl.layers.reshaping import Identity
from archdsl.lint.flow import Flow
from archdsl.network import Leaf, Network, Node, Sequence
from archdsl.shapes import Image, seems_channels_last, window_span, windows
from archdsl.source import Source, Span
from archdsl.syntax.nodes import File, Layer

SIZE_CODES = frozenset(("window-mostly-in-padding", "pool-drops-pixels", "parameters-in-one-layer"))
"""What is found for the sizes of one input, and may not be found for another."""

LARGE_LAYER = 10_000_000
"""Parameters from which on one layer may be too large a part of a network: 40 MB in single precision."""

FEW_LAYERS = 3
"""Layers with weights from which on it is remarkable that one has nearly all of them."""


def layer_warnings(flow: Flow, network: Network) -> list[Diagnostic]:
    """What is wrong with single layers, branches and the whole; one finding of a code for a place."""
    found: dict[tuple[str, Span], Diagnostic] = {}
    for each in (*_of_leaves(flow), *_of_branches(flow), *_of_the_whole(flow, network)):
        found.setdefault((each.code, each.primary.span), each)
    return list(found.values())


def input_warnings(file: File, source: Source, network: Network) -> list[Diagnostic]:
    """What is wrong with the input of the file."""
    image = network.input
    if not isinstance(image, Image) or not seems_channels_last(image):
        return []
    channels, height, width = image
    return [
        diagnose(
            "input-channels-last", Span(source, item.start, item.end), channels=channels, height=height, width=width
        )
        for item in file.statements
        if isinstance(item, Layer) and item.word.text == "input"
    ]


# Single layers


def _of_leaves(flow: Flow) -> Iterator[Diagnostic]:
    source = flow.source
    for leaf in flow.leaves:
        layer = leaf.layer
        if leaf.span.source is not source or layer.__class__ not in _SINGLE:
            continue
        if isinstance(layer, DropPath):
            if layer.p > 0 and id(leaf) not in flow.in_add:
                yield diagnose("drop-path-outside-add", leaf.span, flow.calls_to(leaf))
            continue
        image = leaf.input
        assert isinstance(image, Image)
        assert isinstance(layer, Conv | ConvTranspose | Pool | AvgPool)
        gap = unseen_between(layer, leaf)
        if gap is not None:
            axis, size = gap
            facts = {"word": layer.word, "axis": axis, "unseen": size, "stride": layer.stride, "kernel": layer.kernel}
            yield diagnose("stride-beyond-kernel", leaf.span, flow.calls_to(leaf), **facts)
            continue
        if isinstance(layer, Conv):
            meant = in_torch_order(leaf)
            if meant is not None:
                facts = {"channels": image.channels, "out": meant[0], "kernel": meant[1]}
                yield diagnose("channels-given-first", leaf.span, flow.calls_to(leaf), **facts)
                continue
            live = live_weights(layer, image)
            if 2 * live[0] * live[1] < layer.kernel[0] * layer.kernel[1]:
                facts = {"kernel": layer.kernel, "live": live, "height": image.height, "width": image.width}
                yield diagnose("window-mostly-in-padding", leaf.span, flow.calls_to(leaf), **facts)
        elif isinstance(layer, Pool | AvgPool) and not layer.ceil:
            seen = seen_by_pool(layer, image)
            if 3 * seen[0] * seen[1] < 2 * image[1] * image[2]:  # type: ignore[operator]
                ceil = type(layer)(**{**layer.__dict__, "ceil": True}).gives(image)
                facts = {
                    "word": layer.word,
                    "seen": seen,
                    "height": image.height,
                    "width": image.width,
                    "ceil": str(ceil),
                }
                yield diagnose("pool-drops-pixels", leaf.span, flow.calls_to(leaf), **facts)


_SINGLE = frozenset((Conv, ConvTranspose, Pool, AvgPool, DropPath))


def unseen_between(layer: Conv | ConvTranspose | Pool | AvgPool, leaf: Leaf) -> tuple[int, int] | None:
    """The axis in which windows leave pixels out between them, and how many; None where none does.

    A window of one pixel with a stride is a plain subsampling, as in the shortcuts of residual networks.
    """
    transposed = isinstance(layer, ConvTranspose)
    counted = leaf.input if transposed else leaf.output
    for axis in (0, 1):
        dilation = 1 if isinstance(layer, AvgPool) else layer.dilation[axis]
        reach = window_span(layer.kernel[axis], dilation)
        count = counted[axis + 1]
        assert reach is not None
        assert count is not None
        if layer.stride[axis] > reach and count > 1 and (transposed or layer.kernel[axis] > 1):
            return axis, layer.stride[axis] - reach
    return None


_THREE_NUMBERS = re.compile(r"\w+\s*\(\s*\d+\s*,\s*(\d+)\s*,\s*(\d+)\s*[,)]")


def in_torch_order(leaf: Leaf) -> tuple[int, int] | None:
    """The output channels and the kernel that were meant, where the input channels seem to stand before them.

    `Conv2d(1, 6, 5)` in torch takes one channel and has a kernel of 5. Here the same numbers are one output channel, a
    kernel of 6 and a stride of 5, which hardly anyone means: a large even kernel with a stride of more than 2 that is
    not its own size.
    """
    match = _THREE_NUMBERS.match(leaf.span.text)
    if match is None or leaf.output[0] != leaf.input[0]:
        return None
    kernel, stride = int(match[1]), int(match[2])
    return (kernel, stride) if stride > 2 and kernel > 5 and kernel % 2 == 0 and kernel != stride else None


def live_weights(layer: Conv, image: Image) -> tuple[int, int]:
    """How many of a window's taps, in each direction, lie on the picture for at least one place of the window."""
    result = []
    for axis in (0, 1):
        size = image[axis + 1]
        kernel, stride, pad, dilation = layer.kernel[axis], layer.stride[axis], layer.pad[axis], layer.dilation[axis]
        assert size is not None
        if layer.same:
            pad = dilation * (kernel - 1) // 2
            count: int | None = size
        else:
            count = windows(size, kernel, stride, pad, dilation)
        assert count is not None
        # Tap t of window i lies on pixel stride i + dilation t - pad.
        first = max(0, -(((count - 1) * stride - pad) // dilation))
        last = min(kernel - 1, (size - 1 + pad) // dilation)
        result.append(max(0, last - first + 1))
    return result[0], result[1]


def seen_by_pool(layer: Pool | AvgPool, image: Image) -> tuple[int, int]:
    """How many rows and columns, from the first, lie before the end of the last window."""
    result = []
    for axis in (0, 1):
        size = image[axis + 1]
        dilation = layer.dilation[axis] if isinstance(layer, Pool) else 1
        kernel, stride, pad = layer.kernel[axis], layer.stride[axis], layer.pad[axis]
        count = windows(size, kernel, stride, pad, dilation)
        reach = window_span(kernel, dilation)
        assert size is not None
        assert count is not None
        assert reach is not None
        # A window of one pixel with a stride is a plain subsampling.
        result.append(size if kernel == 1 else min(size, (count - 1) * stride + reach - pad))
    return result[0], result[1]


# Branches


def _of_branches(flow: Flow) -> Iterator[Diagnostic]:
    sameness = _Sameness()
    for join in flow.joins:
        if isinstance(join.layer, Mul):
            # The product of a branch with itself is its square.
            continue
        first: dict[int, Node] = {}
        for _, branch in join.children:
            number = sameness.number(branch)
            if number is None:
                continue
            earlier = first.setdefault(number, branch)
            place = place_of(branch)
            if earlier is not branch and place.source is flow.source:
                related = (Label(place_of(earlier), "the same"), *flow.calls_to(branch))
                yield diagnose("equal-branches", place, related, join=join.layer.word)


class _Sameness:
    """Numbers for parts without weights and chance: equal parts have equal numbers. Each node is looked at once."""

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}
        self._of_node: dict[int, int | None] = {}
        self.identity = self._numbered(())

    def _numbered(self, form: object) -> int:
        return self._numbers.setdefault(form, len(self._numbers))

    def number(self, node: Node) -> int | None:
        """The number of a part; None where it has weights, or works by chance while training."""
        if node.cost.parameters:
            return None
        if id(node) not in self._of_node:
            self._of_node[id(node)] = self._read(node)
        return self._of_node[id(node)]

    def _read(self, node: Node) -> int | None:
        if isinstance(node, Leaf):
            if isinstance(node.layer, Identity):
                return self.identity
            return None if isinstance(node.layer, Dropout | Dropout2d | DropPath) else self._numbered((node.layer,))
        numbers = []
        for _, child in node.children:
            number = self.number(child)
            if number is None:
                return None
            numbers.append(number)
        if not isinstance(node, Sequence):
            return self._numbered((type(node), node.layer, *numbers))
        numbers = [number for number in numbers if number != self.identity]
        return numbers[0] if len(numbers) == 1 else self.identity if not numbers else self._numbered((*numbers,))


def place_of(node: Node) -> Span:
    """Where a part is written: that of a block is its call."""
    return node.span if isinstance(node, Leaf) or node.call is None else node.call.span


# The whole


def _of_the_whole(flow: Flow, network: Network) -> Iterator[Diagnostic]:
    for leaf, what in flow.ends:
        if isinstance(leaf.layer, Softmax | LogSoftmax) and leaf.span.source is flow.source:
            yield diagnose("softmax-at-end", leaf.span, flow.calls_to(leaf), word=leaf.layer.word, what=what)
    largest = max(flow.leaves, key=lambda leaf: leaf.cost.parameters, default=None)
    if largest is None:
        return
    parameters = largest.cost.parameters
    if parameters >= LARGE_LAYER and largest.span.source is flow.source:
        total = network.cost.parameters + network.head_cost.parameters
        if 20 * parameters > 19 * total and sum(leaf.cost.macs > 0 for leaf in flow.leaves) >= FEW_LAYERS:
            facts = {"word": largest.layer.word, "parameters": parameters, "total": total, "input": largest.input[0]}
            yield diagnose("parameters-in-one-layer", largest.span, flow.calls_to(largest), **facts)
