"""Rules on a layer and the one that follows it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label
from archdsl.layers.activation import (
    Elu,
    Hardsigmoid,
    LeakyRelu,
    LogSoftmax,
    Prelu,
    Relu,
    Relu6,
    Sigmoid,
    Softmax,
)
from archdsl.layers.base import Layer
from archdsl.layers.convolution import Conv, ConvTranspose
from archdsl.layers.linear import Fc
from archdsl.layers.normalization import BatchNorm, GroupNorm, InstanceNorm
from archdsl.layers.pooling import AdaptiveAvgPool, AvgPool, GlobalAvgPool
from archdsl.layers.regularization import Dropout, Dropout2d
from archdsl.layers.reshaping import ZeroPad
from archdsl.lint.flow import UNCHANGED, Flow, Follow, follows_over
from archdsl.network import Leaf
from archdsl.source import Span

LINEAR_PASSAGES: frozenset[type[Layer]] = UNCHANGED | {
    Dropout,
    Dropout2d,
    AvgPool,
    AdaptiveAvgPool,
    GlobalAvgPool,
    ZeroPad,
}
"""Layers without weights through which two linear layers are still one linear map once trained."""


def neighbour_warnings(flow: Flow) -> list[Diagnostic]:
    """What is wrong between two layers; one finding of a code for a place, however many ways lead there."""
    found: dict[tuple[str, Span], Diagnostic] = {}
    for each in _found(flow):
        found.setdefault((each.code, each.primary.span), each)
    return list(found.values())


def _found(flow: Flow) -> Iterator[Diagnostic]:
    yield from _cancelled_biases(flow)
    yield from _idle_activations(flow)
    for first, second in follows_over(flow.root, LINEAR_PASSAGES):
        if first is not None and second is not None and second.span.source is flow.source and make_one(first, second):
            yield _at_second("linear-after-linear", flow, first, second)
    for first, second in flow.follows:
        if first is None or second is None or second.layer.__class__ not in _SENSITIVE:
            continue
        if isinstance(second.layer, BatchNorm):
            if isinstance(first.layer, Dropout | Dropout2d) and first.layer.p > 0 and first.span.source is flow.source:
                yield _at_first("dropout-before-batchnorm", flow, first, second)
        elif second.span.source is flow.source:
            if is_one_of(second, Sigmoid, Hardsigmoid):
                if is_one_of(first, *_NEVER_NEGATIVE):
                    yield _at_second("sigmoid-of-non-negative", flow, first, second)
            elif is_one_of(first, Softmax, Sigmoid, Hardsigmoid):
                yield _at_second("softmax-of-probabilities", flow, first, second)


_SENSITIVE: frozenset[type[Layer]] = frozenset((BatchNorm, Sigmoid, Hardsigmoid, Softmax, LogSoftmax))
"""Layers that some others should not stand right before."""


# A bias before a normalization


def _cancelled_biases(flow: Flow) -> Iterator[Diagnostic]:
    """Biases that the normalization behind takes off, wherever the layer stands."""
    places: dict[Span, list[Follow]] = {}
    for follow in flow.follows:
        leaf = follow[0]
        if leaf is not None and leaf.layer.__class__ in _WITH_BIAS and leaf.span.source is flow.source:
            places.setdefault(leaf.span, []).append(follow)
    for span, follows in places.items():
        pairs = [(first, second) for first, second in follows if first and second and is_cancelled(first, second)]
        if len(pairs) == len(follows):
            found = _at_first("bias-before-normalization", flow, *pairs[0])
            side_by_side = all(stands_next(span, second.span) for _, second in pairs)
            yield found._replace(fix=say_nobias(span) if side_by_side else None)


_WITH_BIAS: frozenset[type[Layer]] = frozenset((Conv, ConvTranspose, Fc))


def is_cancelled(first: Leaf, second: Leaf) -> bool:
    """Whether a layer has a bias, and the next takes its mean off each channel by itself."""
    layer, norm = first.layer, second.layer
    assert isinstance(layer, Conv | ConvTranspose | Fc)
    if layer.nobias:
        return False
    if isinstance(norm, GroupNorm):
        return norm.groups == second.input[0]
    return isinstance(norm, BatchNorm | InstanceNorm)


# Patterns are compiled where they are needed first: most specs have no warnings.
_SPACE = r"(?:[ \t\r\n]|#[^\r\n]*|[A-Za-z_]\w*[ \t\r\n]*:)*"
"""What may stand between two items that follow each other in any case: no brace, no `if`; a label may."""


def stands_next(first: Span, second: Span) -> bool:
    """Whether two items stand side by side in one chain, so that one is never there without the other."""
    between = first.source.text[first.end : second.start]
    return first.source is second.source and first.end <= second.start and re.fullmatch(_SPACE, between) is not None


_WORD = r"#[^\r\n]*|[ \t\r\n]+|([A-Za-z_]\w*|.)"


def say_nobias(item: Span) -> Fix | None:
    """The flag, behind the arguments of a layer that has some; None where they already say something of the bias."""
    words = [(match.group(1), item.start + match.end()) for match in re.finditer(_WORD, item.text) if match.group(1)]
    if words[-1][0] != ")" or any(word == "nobias" for word, _ in words):
        return None
    last, end = words[-2]
    return Fix("write `nobias`", (Edit(Span(item.source, end, end), " nobias" if last == "," else ", nobias"),))


# Linear layers


def make_one(first: Leaf, second: Leaf) -> bool:
    """Whether two layers are one linear map that is as well written as one layer.

    Not where the two are a way to save weights: a depthwise or grouped convolution beside a pointwise one (Chollet
    2017), a tall window beside a wide one (Szegedy et al. 2016), or fewer channels between them than on both sides.
    """
    for leaf in (first, second):
        layer = leaf.layer
        if isinstance(layer, Conv):
            if layer.groups > 1 or layer.kernel[0] != layer.kernel[1]:
                return False
        elif not isinstance(layer, Fc):
            return False
    between, before, behind = first.output[0], first.input[0], second.output[0]
    assert between is not None
    assert before is not None
    assert behind is not None
    return between >= min(before, behind)


# Activations

_NEVER_NEGATIVE = (Relu, Relu6, Sigmoid, Hardsigmoid, Softmax)
_AT_MOST_SIX = (Relu6, Sigmoid, Hardsigmoid, Softmax)
_SAME_ABOVE_ZERO = (Relu, LeakyRelu, Prelu, Elu)
_MAY_BE_IDLE: frozenset[type[Layer]] = frozenset((*_SAME_ABOVE_ZERO, Relu6, LogSoftmax))


def _idle_activations(flow: Flow) -> Iterator[Diagnostic]:
    """Activations that change nothing, wherever they stand, for what stands before them or behind them."""
    before: dict[Span, list[Follow]] = {}
    behind: dict[Span, list[Follow]] = {}
    for follow in flow.follows:
        first, second = follow
        if second is not None and second.layer.__class__ in _MAY_BE_IDLE and second.span.source is flow.source:
            before.setdefault(second.span, []).append(follow)
        if first is not None and first.layer.__class__ in _MAY_BE_IDLE and first.span.source is flow.source:
            behind.setdefault(first.span, []).append(follow)
    for span, follows in before.items():
        if all(first and second and is_idle_after(first, second) for first, second in follows):
            first, second = follows[0]
            assert first is not None
            assert second is not None
            yield _at_second("activation-without-effect", flow, first, second, where="after")
            behind.pop(span, None)
    for follows in behind.values():
        if all(first and second and is_idle_before(first, second) for first, second in follows):
            first, second = follows[0]
            assert first is not None
            assert second is not None
            yield _at_first("activation-without-effect", flow, first, second, where="before")


def is_one_of(leaf: Leaf, *classes: type[Layer]) -> bool:
    return leaf.layer.__class__ in classes


def is_idle_after(first: Leaf, second: Leaf) -> bool:
    """Whether the second activation hands on whatever the first gives."""
    if is_one_of(second, *_SAME_ABOVE_ZERO):
        return is_one_of(first, *_NEVER_NEGATIVE)
    if is_one_of(second, Relu6):
        return is_one_of(first, *_AT_MOST_SIX)
    return is_one_of(second, LogSoftmax) and is_one_of(first, LogSoftmax) and first.output == second.input


def is_idle_before(first: Leaf, second: Leaf) -> bool:
    """Whether the second activation gives the same without the first."""
    if is_one_of(second, Relu, Relu6):
        if isinstance(first.layer, LeakyRelu):
            return first.layer.slope >= 0
        return is_one_of(first, Elu) or (is_one_of(first, Relu) and is_one_of(second, Relu6))
    return is_one_of(second, Softmax) and is_one_of(first, LogSoftmax) and first.output == second.input


# Small helpers


def _at_first(code: str, flow: Flow, first: Leaf, second: Leaf, **facts: object) -> Diagnostic:
    """A finding at the first layer, beside the second."""
    return diagnose(
        code, first.span, _beside(flow, second, first), word=first.layer.word, by=second.layer.word, **facts
    )


def _at_second(code: str, flow: Flow, first: Leaf, second: Leaf, **facts: object) -> Diagnostic:
    """A finding at the second layer, beside the first."""
    return diagnose(
        code, second.span, _beside(flow, first, second), word=second.layer.word, by=first.layer.word, **facts
    )


def _beside(flow: Flow, other: Leaf, layer: Leaf) -> tuple[Label, ...]:
    """The other layer as a place, and the block calls that lead to the layer at fault."""
    return (Label(other.span, f"`{other.layer.word}` here"), *flow.calls_to(layer))
