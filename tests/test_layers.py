"""Each word against torch: what we accept runs and has the shape and cost that we say; what torch refuses, we refuse.

Everything is drawn from the declarations in `archdsl.layers`, so that a new word is tested the moment it exists.
"""

from __future__ import annotations

import copy
import gc
import itertools
import math
import re
import weakref
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from archdsl.backends import pytorch_modules
from archdsl.backends.pytorch import auxiliary_outputs, build, build_layer, module_class
from archdsl.checker.check import check_source
from archdsl.diagnostics.catalog import CATALOG
from archdsl.layers import LAYERS
from archdsl.layers.base import (
    ANY,
    IMAGE,
    LARGEST_SINGLE,
    LARGEST_WINDOW,
    VECTOR,
    Cost,
    Field,
    Join,
    Layer,
    Misfit,
    ModuleCall,
    Pair,
    refuse_too_many_values,
)
from archdsl.network import Branches, Head, Leaf, Network, Sequence
from archdsl.shapes import UNKNOWN_IMAGE, Image, Shape, Vector, may_be_equal
from archdsl.source import Source, Span

BATCH = 2

# Torch on layers that it takes only in part, which is what is asked here.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'", "ignore:Initializing zero-element tensors")

STRICTER: list[tuple[str, str, dict[str, Any], Shape, str]] = [
    ("zero_pad", "left", {"left": -1}, Image(1, 3, 3), "negative padding crops"),
    ("zero_pad", "right", {"left": 0, "right": -1}, Image(1, 3, 3), "negative padding crops"),
    ("zero_pad", "top", {"left": 0, "top": -1}, Image(1, 3, 3), "negative padding crops"),
    ("zero_pad", "bottom", {"left": 0, "bottom": -1}, Image(1, 3, 3), "negative padding crops"),
    ("batchnorm", "momentum", {"momentum": 1.5}, Image(1, 3, 3), "a running mean that runs away"),
    ("batchnorm", "eps", {"eps": 64.0}, Image(64, 3, 3), "the channels, which torch has first"),
    ("layernorm", "eps", {"eps": 64.0}, Image(64, 3, 3), "the channels, which torch has first"),
    ("groupnorm", "eps", {"groups": 32, "eps": 64.0}, Image(64, 3, 3), "the channels, which torch has second"),
    ("instancenorm", "eps", {"eps": 64.0}, Image(64, 3, 3), "the channels, which torch has first"),
    ("layernorm", "eps", {"eps": 0.0}, Image(1, 3, 3), "a division by zero where all channels are equal"),
    ("groupnorm", "eps", {"groups": 1, "eps": 0.0}, Image(1, 3, 3), "a division by zero where all pixels are equal"),
    ("instancenorm", "eps", {"eps": 0.0}, Image(1, 3, 3), "a division by zero where all pixels are equal"),
    ("lrn", "alpha", {"alpha": -0.1}, Image(1, 3, 3), "a root of a negative number"),
    ("lrn", "beta", {"beta": -0.1}, Image(1, 3, 3), "a division that multiplies"),
    ("lrn", "k", {"k": 0.0}, Image(1, 3, 3), "a division by zero where all channels are zero"),
    ("aux", "weight", {"weight": -0.3}, Vector(10), "a head that is trained to be wrong"),
    ("take_channels", "start", {"start": -2, "end": 4}, Image(4, 3, 3), "a slice that counts from the end"),
    ("take_channels", "end", {"start": 0, "end": 5}, Image(4, 3, 3), "a slice that ends behind the last channel"),
    ("upsample", "nearest", {"scale": 2, "nearest": True, "bilinear": True}, Image(1, 3, 3), "two modes at once"),
    ("conv", "pad", {"out": 1, "kernel": (3, 3), "pad": (1, 1), "same": True}, Image(1, 3, 3), "two paddings at once"),
    (
        "pool",
        "pad",
        {"kernel": (2, 2), "stride": (1, 1), "pad": (1, 1), "dilation": (3, 3)},
        Image(1, 2, 2),
        "a window that meets no pixel, of which torch gives minus infinity",
    ),
]
"""What we refuse and torch does not: the word, the argument at fault, an example, and what it would be."""

STRICTER_AT = {(word, field) for word, field, _, _, _ in STRICTER}

oracle = settings(
    max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def examples(word: str) -> int:
    """How many to draw: a word without arguments has little that could differ."""
    return 40 if LAYERS[word].fields else 10


single_words = pytest.mark.parametrize("word", [word for word, cls in LAYERS.items() if not issubclass(cls, Join)])


# What is drawn: arguments within their limits and just outside, and small samples.


def wholes(field: Field) -> st.SearchStrategy[int]:
    least = -1 if field.at_least is None else int(field.at_least) - 1
    return st.integers(least, 6)


def decimals(field: Field) -> st.SearchStrategy[float]:
    values = [0.3, 0.5, 1.0]
    if field.at_least is not None:
        values += [field.at_least, field.at_least - 0.1]
    if field.at_most is not None:
        values += [field.at_most, field.at_most + 0.1]
    return st.sampled_from(values)


def values(field: Field) -> st.SearchStrategy[Any]:
    if field.kind == "flag":
        return st.booleans()
    if field.kind == "decimal":
        return decimals(field)
    if field.kind == "pair":
        return wholes(field).map(lambda n: (n, n)) | st.tuples(wholes(field), wholes(field))
    return wholes(field)


@st.composite
def layers(draw: st.DrawFn, word: str, daring: bool = False) -> Layer:
    """A layer with some of its optional arguments, all within their limits but for a daring one now and then."""
    cls = LAYERS[word]
    given_fields = [field for field in cls.fields if field.required or draw(st.booleans())]
    if cls.position_counts is not None and len(given_fields) not in cls.position_counts:
        given_fields = list(cls.fields[: cls.position_counts[-1]])
    arguments = {field.name: draw(values(field)) for field in given_fields}
    if not daring or draw(st.integers(0, 3)):
        for field in given_fields:
            arguments[field.name] = within(field, arguments[field.name])
    return cls(**arguments)


def within(field: Field, value: Any) -> Any:
    """The value, or the nearest within the field's limits."""
    if field.kind == "flag":
        return value
    if field.kind == "pair":
        return tuple(within(field._replace(kind="whole"), each) for each in value)
    if field.at_least is not None:
        value = max(value, type(value)(field.at_least))
    return value if field.at_most is None else min(value, type(value)(field.at_most))


images = st.builds(Image, st.sampled_from([1, 2, 3, 4, 6, 8, 16]), st.integers(1, 9), st.integers(1, 9))
square_images = st.builds(lambda c, n: Image(c, n, n), st.sampled_from([1, 2, 4, 6]), st.integers(1, 9))
vectors = st.builds(Vector, st.integers(1, 12))


def samples(cls: type[Layer]) -> st.SearchStrategy[Shape]:
    return {IMAGE: images | square_images, VECTOR: vectors, ANY: images | vectors}[cls.takes]


# The two that are held against each other.


def refusal(layer: Layer, shape: Shape) -> str | None:
    """The name of the argument for which we refuse the layer, "" where it is none of them, None if we accept."""
    for field in layer.fields:
        value = getattr(layer, field.name)
        for each in value if field.kind == "pair" else (value,):
            if field.kind != "flag" and (
                (field.at_least is not None and each < field.at_least)
                or (field.at_most is not None and each > field.at_most)
            ):
                return field.name
    try:
        layer.agrees()
        layer.gives(shape)
    except Misfit as misfit:
        assert_words(layer, misfit)
        return misfit.field or ""
    return None


def assert_words(layer: Layer, misfit: Misfit) -> None:
    """The catalog has words for the facts of a misfit, and its field is one of the layer's."""
    assert misfit.field is None or misfit.field in layer.fields_by_name
    words = CATALOG[misfit.code].words(**misfit.facts)
    assert words.message
    assert words.label
    assert "None" not in str(words)


def run(module: nn.Module, shape: Shape, device: str) -> torch.Tensor:
    module.train()
    output: torch.Tensor = module(torch.randn(BATCH, *shape, device=device, requires_grad=True))
    return output


def run_on(layer: Layer, shape: Shape, device: str) -> torch.Tensor:
    with torch.device(device):
        return run(build_layer(layer, shape), shape, device)


def torch_refuses(layer: Layer, shape: Shape) -> bool:
    """Whether torch refuses on the meta device or on the CPU: each lets some things pass that the other does not."""
    for device in ("meta", "cpu"):
        try:
            if 0 in run_on(layer, shape, device).shape:
                return True
        except Exception:
            return True
    return False


def assert_as_torch(layer: Layer, shape: Shape) -> None:
    """Torch runs the layer, and its output, parameters and multiply-adds are ours."""
    with torch.device("meta"):
        module = build_layer(layer, shape)
        with FlopCounterMode(display=False) as counter:
            output = run(module, shape, "meta")
    parameters = sum(parameter.numel() for parameter in module.parameters())
    assert tuple(output.shape) == (BATCH, *layer.gives(shape)), layer
    assert layer.cost(shape) == Cost(parameters, counter.get_total_flops() // 2 // BATCH), layer


# Words without branches.


@single_words
def test_agrees_with_torch(word: str) -> None:
    @settings(oracle, max_examples=examples(word))
    @given(layers(word, daring=True), samples(LAYERS[word]))
    def check(layer: Layer, shape: Shape) -> None:
        refused = refusal(layer, shape)
        if refused is None:
            assert_as_torch(layer, shape)
            assert not torch_refuses(layer, shape), f"torch refuses {layer} on {shape}"
        elif (word, refused) not in STRICTER_AT:
            assert torch_refuses(layer, shape), f"torch accepts {layer} on {shape}, refused for {refused!r}"

    check()


@pytest.mark.parametrize(("word", "field", "arguments", "shape", "reason"), STRICTER)
def test_stricter_than_torch(word: str, field: str, arguments: dict[str, Any], shape: Shape, reason: str) -> None:
    layer = LAYERS[word](**arguments)
    assert refusal(layer, shape) == field
    assert not torch_refuses(layer, shape), reason


def test_a_dilated_pool_is_refused_where_a_window_meets_no_pixel() -> None:
    choices = itertools.product(range(1, 5), range(1, 4), (1, 2, 5), (0, 1), range(1, 7), (False, True))
    for size, kernel, stride, pad, dilation, ceil in choices:
        layer = LAYERS["pool"](kernel=(kernel, 1), stride=(stride, 1), pad=(pad, 0), dilation=(dilation, 1), ceil=ceil)
        shape = Image(1, size, 1)
        try:
            runs = bool(build_layer(layer, shape)(torch.zeros(1, *shape)).isfinite().all())
        except RuntimeError:
            runs = False
        assert runs == (misfit_of(layer, shape) is None), (layer, shape)


@single_words
def test_trains_with_finite_numbers(word: str) -> None:
    @settings(oracle, max_examples=10)
    @given(layers(word), samples(LAYERS[word]))
    def check(layer: Layer, shape: Shape) -> None:
        enormous = any(abs(value) == LARGEST_SINGLE for value in vars(layer).values() if isinstance(value, float))
        if refusal(layer, shape) is not None or enormous:
            return
        torch.manual_seed(0)
        module = build_layer(layer, shape)
        x = torch.randn(BATCH, *shape, requires_grad=True)
        y = module.train()(x)
        y.square().sum().backward()
        tensors = [y, x.grad, *(parameter.grad for parameter in module.parameters())]
        if isinstance(module, pytorch_modules.Aux):
            assert auxiliary_outputs(module)
        assert all(tensor is not None and torch.isfinite(tensor).all() for tensor in tensors), layer
        assert module.eval()(x).shape == y.shape

    check()


@single_words
def test_what_is_not_known_satisfies_every_requirement(word: str) -> None:
    @settings(oracle, max_examples=examples(word))
    @given(layers(word), samples(LAYERS[word]), st.data())
    def check(layer: Layer, shape: Shape, data: st.DataObject) -> None:
        if refusal(layer, shape) is not None:
            return
        partial = type(layer)(**{field.name: veiled(data, getattr(layer, field.name)) for field in layer.fields})
        partial_shape = type(shape)(*veiled(data, tuple(shape)))
        partial.agrees()
        gives = partial.gives(partial_shape)
        assert type(gives) is type(layer.gives(shape))
        assert may_be_equal(gives, layer.gives(shape)), (partial, partial_shape)

    check()


def veiled(data: st.DataObject, value: Any) -> Any:
    """The value, or None in its place; of a tuple each part by itself."""
    if isinstance(value, tuple):
        return tuple(veiled(data, each) for each in value)
    return None if data.draw(st.booleans()) else value


@single_words
def test_after_a_misfit_what_is_known_goes_on(word: str) -> None:
    @settings(oracle, max_examples=examples(word))
    @given(layers(word), samples(LAYERS[word]), st.data())
    def check(layer: Layer, shape: Shape, data: st.DataObject) -> None:
        veil = type(layer)(**{field.name: veiled(data, getattr(layer, field.name)) for field in layer.fields})
        for attempt in (veil, veil.with_unknown(*(field.name for field in layer.fields))):
            given_shape = type(shape)(*veiled(data, tuple(shape)))
            try:
                attempt.agrees()
                attempt.gives(given_shape)
            except Misfit as misfit:
                assert_words(layer, misfit)
                gives = attempt.may_give(given_shape)
                assert gives is not None
                assert all(size is None or size > 0 for size in gives), (attempt, given_shape)

    check()


def test_conv_after_an_error_knows_its_channels() -> None:
    conv = LAYERS["conv"](out=64, kernel=(3, 3))
    assert conv.may_give(None) == Image(64, None, None)
    assert conv.may_give(Vector(10)) == Image(64, None, None)
    assert LAYERS["fc"](out=10).may_give(Image(3, 8, 8)) == Vector(10)
    assert LAYERS["relu"]().may_give(None) is None
    assert LAYERS["flatten"]().may_give(UNKNOWN_IMAGE) == Vector(None)


# What a refusal proposes.


@pytest.mark.parametrize("word", ["conv", "pool", "avgpool"])
def test_the_kernel_dilation_and_padding_proposed_fit(word: str) -> None:
    @settings(oracle, max_examples=200)
    @given(layers(word), samples(LAYERS[word]))
    def check(layer: Layer, shape: Shape) -> None:
        misfit = misfit_of(layer, shape)
        if misfit is None or misfit.code != "window-too-large":
            return
        [help_] = CATALOG[misfit.code].words(**misfit.facts).help
        field = misfit.field
        assert field in ("kernel", "dilation")
        assert f"use a {field} of at most" in help_
        most, *pad = map(pair, re.findall(r"\d+|\(\d+, \d+\)", help_))
        smaller = misfit_of(with_values(layer, **{field: most}), shape)
        assert smaller is None or smaller.code == "padding-too-large"
        assert misfit_of(with_values(layer, **{field: (most[0] + 1, most[1] + 1)}), shape) is not None
        for enough in pad:
            assert misfit_of(with_values(layer, pad=enough), shape) is None
            assert misfit_of(with_values(layer, pad=(enough[0] - 1, enough[1] - 1)), shape) is not None

    check()


@pytest.mark.parametrize("word", ["pool", "avgpool", "conv_transpose"])
def test_the_largest_padding_proposed_is_the_largest(word: str) -> None:
    @settings(oracle, max_examples=200)
    @given(layers(word), samples(LAYERS[word]))
    def check(layer: Layer, shape: Shape) -> None:
        misfit = misfit_of(layer, shape)
        if misfit is None or misfit.code != "padding-too-large":
            return
        [help_] = CATALOG[misfit.code].words(**misfit.facts).help
        [pad] = map(pair, re.findall(r"\d+|\(\d+, \d+\)", help_) or ["0"])

        def too_much(pad: Pair) -> bool:
            found = misfit_of(with_values(layer, pad=pad), shape)
            # What leaves no pixel depends on the picture, and is found after what is more than half the kernel.
            return found is not None and found.facts.get("because") == misfit.facts["because"]

        assert not too_much(pad)
        assert too_much((pad[0] + 1, pad[1] + 1))

    check()


def pair(text: str) -> Pair:
    """The two numbers of "3" or "(3, 5)"."""
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    return numbers[0], numbers[-1]


def with_values(layer: Layer, **changes: Any) -> Layer:
    return type(layer)(**{**{field.name: getattr(layer, field.name) for field in layer.fields}, **changes})


def misfit_of(layer: Layer, shape: Shape) -> Misfit | None:
    try:
        layer.agrees()
        layer.gives(shape)
    except Misfit as misfit:
        return misfit
    return None


@pytest.mark.parametrize(
    ("word", "arguments", "shape", "message", "help_"),
    [
        (
            "conv",
            {"out": 256, "kernel": (64, 64)},
            Image(96, 26, 26),
            "kernel 64 does not fit a 26x26 input",
            "use a kernel of at most 26, or pad: p19 is the least that fits",
        ),
        (
            "conv",
            {"out": 8, "kernel": (3, 3), "dilation": (4, 4), "pad": (1, 1)},
            Image(3, 5, 6),
            "kernel 3 with dilation 4 does not fit a 5x6 input padded by 1",
            "use a dilation of at most 3, or pad: p2 is the least that fits",
        ),
        (
            "conv",
            {"out": 96, "kernel": (1, 1), "groups": 6},
            Image(64, 8, 8),
            "6 groups do not divide 64 input channels",
            "use 4 or 8 groups, or let 60 or 66 channels come in",
        ),
        (
            "conv",
            {"out": 100, "kernel": (1, 1), "groups": 64},
            Image(64, 8, 8),
            "64 groups do not divide 100 output channels",
            "let 64 or 128 channels go out",
        ),
        (
            "pool",
            {"kernel": (3, 3), "pad": (2, 2)},
            Image(3, 8, 8),
            "padding 2 is more than half the kernel",
            "p1 is the most that works",
        ),
        (
            "conv_transpose",
            {"out": 8, "kernel": (1, 1), "pad": (4, 4)},
            Image(3, 8, 8),
            "padding 4 leaves nothing of the output",
            "p3 is the most that works",
        ),
        (
            "conv_transpose",
            {"out": 8, "kernel": (4, 4), "stride": (2, 2), "output_pad": (2, 2)},
            Image(3, 8, 8),
            "output padding 2 is too large for stride 2",
            "use at most 1",
        ),
        (
            "groupnorm",
            {"groups": 32},
            Image(48, 8, 8),
            "32 groups do not divide 48 input channels",
            "use 24 or 48 groups, or let 32 or 64 channels come in",
        ),
        (
            "pixel_shuffle",
            {"r": 3},
            Image(32, 8, 8),
            "pixel_shuffle(3) needs a multiple of 9 channels, and 32 come in",
            "let 27 or 36 channels come in",
        ),
        (
            "take_channels",
            {"start": 0, "end": 65},
            Image(64, 8, 8),
            "channels 0 to 64 are taken, and only 64 come in",
            "channels count from 0: the last is 63, so end is at most 64",
        ),
        (
            "take_channels",
            {"start": 8, "end": 8},
            Image(64, 8, 8),
            "there are no channels from 8 to below 8",
            "end is the channel behind the last one: at least 9",
        ),
        (
            "instancenorm",
            {},
            Image(64, 1, 1),
            "instancenorm has nothing to normalize in a 1x1 picture",
            "put it before the pooling that leaves one pixel, or use batchnorm or layernorm",
        ),
    ],
)
def test_words_of_a_misfit(word: str, arguments: dict[str, Any], shape: Shape, message: str, help_: str) -> None:
    misfit = misfit_of(LAYERS[word](**arguments), shape)
    assert misfit is not None
    words = CATALOG[misfit.code].words(**misfit.facts)
    assert (words.message, words.help) == (message, (help_,))


def test_a_window_never_passes_what_torch_counts_in_32_bits() -> None:
    for cls in LAYERS.values():
        for field in cls.fields:
            assert field.kind != "pair" or field.at_most == LARGEST_WINDOW
    huge = LAYERS["pool"](kernel=(1, 1), stride=(LARGEST_WINDOW, LARGEST_WINDOW))
    assert not torch_refuses(huge, Image(1, 2, 2))
    assert torch_refuses(with_values(huge, stride=(LARGEST_WINDOW + 1, 1)), Image(1, 2, 2))


def test_torch_can_count_the_values_of_what_is_not_refused() -> None:
    side = 2**20
    most = Image(2**13, side, side)
    refuse_too_many_values(most, Cost(2**53, 0))
    assert not torch_refuses_on_meta(LAYERS["relu"](), most)
    with pytest.raises(Misfit) as raised:
        refuse_too_many_values(Image(2**13 + 1, side, side), Cost())
    assert CATALOG[raised.value.code].words(**raised.value.facts).message
    with pytest.raises(Misfit) as raised:
        refuse_too_many_values(Vector(1), Cost(2**53 + 1, 0))
    assert CATALOG[raised.value.code].words(**raised.value.facts).message
    refuse_too_many_values(UNKNOWN_IMAGE, Cost())
    assert torch_refuses_on_meta(LAYERS["upsample"](scale=2**10), most)


def torch_refuses_on_meta(layer: Layer, shape: Shape) -> bool:
    try:
        with torch.device("meta"):
            build_layer(layer, shape)(torch.empty(BATCH, *shape))
    except Exception:
        return True
    return False


# Branches.


class Constant(nn.Module):
    """Gives a sample of its own shape, whatever comes in."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.new_ones((len(x), *self.shape))


close_images = st.builds(Image, st.sampled_from([1, 4, 8]), st.sampled_from([1, 2, 7]), st.sampled_from([1, 2, 7]))
one_shape = st.shared(close_images, key="one shape")
branch_shapes = st.lists(
    one_shape | one_shape | one_shape.map(lambda x: x._replace(height=1, width=1)) | close_images | vectors,
    min_size=2,
    max_size=4,
).map(tuple)

joins = pytest.mark.parametrize("word", [word for word, cls in LAYERS.items() if issubclass(cls, Join)])


def joined(word: str, shapes: tuple[Shape, ...]) -> Shape | None:
    layer = LAYERS[word]()
    assert isinstance(layer, Join)
    try:
        return layer.joins(shapes)
    except Misfit as raised:
        misfit = raised
    assert_words(layer, misfit)
    assert not may_be_equal(shapes[misfit.facts["branch"]], shapes[misfit.facts["against"]])
    return None


def joined_by_torch(word: str, shapes: tuple[Shape, ...]) -> tuple[int, ...] | None:
    module = module_class(LAYERS[word]().module(Vector(1)))(*(Constant(shape) for shape in shapes))
    try:
        return tuple(module(torch.ones(BATCH, 1)).shape[1:])
    except RuntimeError:
        return None


@joins
def test_joins_as_torch(word: str) -> None:
    @settings(oracle, max_examples=200)
    @given(branch_shapes)
    def check(shapes: tuple[Shape, ...]) -> None:
        ours, theirs = joined(word, shapes), joined_by_torch(word, shapes)
        if ours is not None:
            assert ours == theirs
        elif theirs is not None:
            # Torch spreads any size of 1, and we only one pixel over a picture, and that in `mul` alone.
            assert word != "concat"
            assert len(set(shapes)) > 1

    check()


@joins
def test_branches_that_are_not_known_agree(word: str) -> None:
    @settings(oracle, max_examples=200)
    @given(branch_shapes, st.data())
    def check(shapes: tuple[Shape, ...], data: st.DataObject) -> None:
        full = joined(word, shapes)
        partial = joined(word, tuple(type(shape)(*veiled(data, tuple(shape))) for shape in shapes))
        if full is not None:
            assert partial is not None
            assert may_be_equal(partial, full)

    check()


@pytest.mark.parametrize(
    ("word", "shapes", "branch", "help_"),
    [
        ("add", [Image(64, 8, 8), Image(64, 8, 8), Image(32, 8, 8)], 2, "end branch 3 with conv(64, 1)"),
        ("add", [Image(32, 8, 8), Image(64, 8, 8), Image(64, 8, 8)], 0, "end branch 1 with conv(64, 1)"),
        ("add", [Image(64, 4, 4), Image(32, 8, 8)], 1, "end branch 2 with conv(64, 1, s2)"),
        ("add", [Image(None, None, None), Image(64, 8, 8), Image(32, 8, 8)], 2, "end branch 3 with conv(64, 1)"),
        ("add", [Vector(10), Vector(20)], 1, "end branch 2 with fc(10)"),
        ("concat", [Image(64, 28, 28), Image(32, 26, 26)], 1, "pad a window of branch 2 by 1 more on each side"),
        ("concat", [Image(64, 14, 14), Image(32, 28, 28)], 1, "let branch 2 step by 2 in one of its windows: s2"),
        ("concat", [Image(64, 14, 14), Image(32, 15, 13)], 1, "let branch 2 give 14x14"),
        (
            "concat",
            [Image(64, 1, 1), Vector(64)],
            1,
            "let all branches give pictures, or all vectors: `flatten` makes a vector of a picture",
        ),
        ("mul", [Image(64, 8, 8), Image(32, 1, 1)], 1, "end branch 2 with conv(64, 1)"),
    ],
)
def test_the_branch_at_fault_and_its_mend(word: str, shapes: list[Shape], branch: int, help_: str) -> None:
    layer = LAYERS[word]()
    assert isinstance(layer, Join)
    with pytest.raises(Misfit) as raised:
        layer.joins(tuple(shapes))
    assert raised.value.code == "branches-disagree"
    assert raised.value.facts["branch"] == branch
    assert CATALOG[raised.value.code].words(**raised.value.facts).help == (help_,)


def test_many_branches_are_compared_in_linear_time() -> None:
    layer = LAYERS["add"]()
    assert isinstance(layer, Join)
    with pytest.raises(Misfit):
        layer.joins(tuple(Image(channels, 8, 8) for channels in range(1, 50_000)))


# The declarations.


def folded(name: str) -> str:
    return name.lower().replace("_", "")


def test_each_name_from_elsewhere_means_one_word() -> None:
    meanings: dict[str, str] = {}
    for word, cls in LAYERS.items():
        for name in (word, *cls.also_called):
            assert folded(name) not in meanings, f"{name} is {meanings.get(folded(name))} and {word}"
            meanings[folded(name)] = word
    for name in ("linear", "dense", "Conv2d", "MaxPool2d", "bn", "gap", "swish", "Conv2DTranspose", "layer_norm"):
        assert folded(name) in meanings


@pytest.mark.parametrize("word", LAYERS)
def test_example_runs(word: str) -> None:
    sample, _, call = LAYERS[word].example.partition(": ")
    network = check_source(Source("example", f"input({sample.replace('x', ', ')}) {call}")).network
    assert network is not None
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        model = build(network).eval()
        assert model(torch.ones(BATCH, *network.input)).shape == (BATCH, *network.output)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    assert network.cost == (parameters - network.head_cost.parameters, counter.get_total_flops() // 2 // BATCH)


@pytest.mark.parametrize("word", LAYERS)
def test_declaration_is_whole(word: str) -> None:
    cls = LAYERS[word]
    assert cls.__doc__
    assert cls.rule
    assert cls.torch
    sample, _, call = cls.example.partition(": ")
    assert re.fullmatch(r"\d+(x\d+x\d+)?", sample)
    assert re.match(rf"{word}\b", call)
    assert cls.takes in (ANY, IMAGE if "x" in sample else VECTOR)
    names = [name for field in cls.fields for name in (field.name, field.letter, *field.also_called) if name]
    assert len(names) == len({folded(name) for name in names})
    for field in cls.fields:
        assert field.doc
        assert not (field.kind == "flag" and field.positional)
        assert field.kind in ("whole", "pair", "decimal", "flag")


def test_layers_are_values() -> None:
    conv = LAYERS["conv"](out=64, kernel=(3, 3))
    assert conv == LAYERS["conv"](out=64, kernel=(3, 3), stride=(1, 1))
    assert hash(conv) == hash(LAYERS["conv"](out=64, kernel=(3, 3)))
    assert conv != LAYERS["conv"](out=64, kernel=(3, 5))
    assert LAYERS["pool"](kernel=(3, 2)).stride == (3, 2)  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        conv.out = 3


@pytest.mark.parametrize(
    ("word", "arguments", "shape", "printed"),
    [
        (
            "conv",
            {"out": 96, "kernel": (11, 11), "stride": (4, 4)},
            Image(3, 224, 224),
            "Conv2d(3, 96, kernel_size=11, stride=4)",
        ),
        (
            "conv",
            {"out": 8, "kernel": (1, 7), "pad": (0, 3), "nobias": True},
            Image(3, 9, 9),
            "Conv2d(3, 8, kernel_size=(1, 7), padding=(0, 3), bias=False)",
        ),
        ("pool", {"kernel": (3, 3)}, Image(3, 9, 9), "MaxPool2d(kernel_size=3)"),
        (
            "pool",
            {"kernel": (3, 3), "stride": (2, 2), "ceil": True},
            Image(3, 9, 9),
            "MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)",
        ),
        ("fc", {"out": 10}, Vector(84), "Linear(84, 10)"),
        ("batchnorm", {}, Image(64, 8, 8), "BatchNorm2d(64)"),
        ("batchnorm", {"eps": 1e-3}, Vector(64), "BatchNorm1d(64, eps=0.001)"),
        ("relu", {}, Vector(64), "ReLU()"),
        ("dropout", {}, Vector(64), "Dropout(0.5)"),
        ("lrn", {"k": 2}, Image(96, 27, 27), "LocalResponseNorm(5, k=2)"),
        ("scale", {"initial": 1e-6}, Image(96, 8, 8), "Scale((96, 1, 1), initial=1e-06)"),
        ("zero_pad", {"left": 1}, Image(3, 8, 8), "ZeroPad2d(1)"),
        (
            "zero_pad",
            {"left": 0, "right": 1, "top": 0, "bottom": 1},
            Image(3, 8, 8),
            "ZeroPad2d((0, 1, 0, 1))",
        ),
    ],
)
def test_modules_print_as_a_person_would_write_them(
    word: str, arguments: dict[str, Any], shape: Shape, printed: str
) -> None:
    assert str(LAYERS[word](**arguments).module(shape)) == printed


# Whole networks, put together by hand.

SPAN = Span(Source("net.arch", ""), 0, 0)


def leaf(word: str, x: Shape, **arguments: Any) -> Leaf:
    layer = LAYERS[word](**arguments)
    return Leaf(layer, x, layer.gives(x), layer.cost(x), SPAN)


def chain(x: Shape, **children: Any) -> Sequence:
    items = tuple((key.lstrip("_"), child) for key, child in children.items())
    cost = Cost(sum(child.cost.parameters for _, child in items), sum(child.cost.macs for _, child in items))
    return Sequence(items, x, items[-1][1].output, cost, SPAN)


def join(word: str, x: Shape, **branches: Any) -> Branches:
    layer = LAYERS[word]()
    assert isinstance(layer, Join)
    items = tuple((key.lstrip("_"), branch) for key, branch in branches.items())
    output = layer.joins(tuple(branch.output for _, branch in items))
    return Branches(layer, items, x, output, Cost(), SPAN)


def network_of(root: Sequence) -> Network:
    return Network("net", root.input, root)


def test_keys_are_those_of_the_tree() -> None:
    x = Image(3, 8, 8)
    two = Image(4, 8, 8)
    stem = chain(x, _0=leaf("conv", x, out=4, kernel=(3, 3), pad=(1, 1)), act=leaf("relu", two))
    block = join("add", two, _0=chain(two, conv=leaf("conv", two, out=4, kernel=(1, 1))), skip=leaf("identity", two))
    head = chain(two, _0=leaf("flatten", two), fc=leaf("fc", Vector(256), out=10))
    model = build(network_of(chain(x, stem=stem, _1=block, _2=head)))
    assert type(model) is nn.Sequential
    assert type(model.stem) is nn.Sequential
    assert isinstance(model[1], pytorch_modules.Add)
    assert list(dict(model.named_parameters())) == [
        "stem.0.weight",
        "stem.0.bias",
        "1.0.conv.weight",
        "1.0.conv.bias",
        "2.fc.weight",
        "2.fc.bias",
    ]
    assert [name for name, _ in model.named_modules()][-1] == "2.fc"
    assert model(torch.ones(2, *x)).shape == (2, 10)


def test_a_node_that_stands_in_two_places_becomes_two_modules() -> None:
    x = Image(4, 8, 8)
    body = chain(x, _0=leaf("conv", x, out=4, kernel=(3, 3), pad=(1, 1)))
    model = build(network_of(chain(x, _0=body, _1=body, _2=join("concat", x, _0=body, _1=body))))
    assert len(list(model.parameters())) == 8
    assert model[0][0] is not model[1][0]
    assert model(torch.ones(2, *x)).shape == (2, 8, 8, 8)


@pytest.mark.parametrize(
    ("word", "expected"), [("concat", [[1.0], [2.0]]), ("add", [[3.0], [3.0]]), ("mul", [[2.0], [2.0]])]
)
def test_joins_run_each_branch_on_the_input(word: str, expected: list[list[float]]) -> None:
    module = module_class(ModuleCall(LAYERS[word].__name__))(nn.Identity(), nn.Threshold(5.0, 2.0))
    got = module(torch.ones(1, 1, 1, 1)).flatten(2)[0]
    assert got.tolist() == expected[: len(got)]


def heads() -> nn.Sequential:
    """A network with an auxiliary head of weight 0.3 in its middle."""
    x = Vector(6)
    aux = LAYERS["aux"](weight=0.3)
    body = chain(x, _0=leaf("fc", x, out=3))
    head = Head(aux, body.children, x, x, body.cost, SPAN, body.output)
    return build(network_of(chain(x, _0=leaf("fc", x, out=6), _1=head, _2=leaf("fc", x, out=3))))


def test_an_auxiliary_head_is_there_while_training() -> None:
    model = heads()
    assert "1.0.weight" in model.state_dict()
    x = torch.randn(2, 6)
    y = model.train()(x)
    [(weight, output)] = auxiliary_outputs(model)
    assert weight == 0.3
    assert output.shape == y.shape == (2, 3)
    assert torch.equal(output, model[1][0](model[0](x)))
    (y.sum() + weight * output.sum()).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert auxiliary_outputs(model) == []


def test_an_auxiliary_head_is_not_there_in_evaluation() -> None:
    model = heads()
    x = torch.randn(2, 6)
    model.train()(x)
    y = model.eval()(x)
    assert auxiliary_outputs(model) == []
    assert torch.equal(y, model[2](model[0](x)))


def test_outputs_that_were_taken_are_not_kept_alive() -> None:
    model = heads()
    model.train()(torch.randn(2, 6))
    [(_, output)] = auxiliary_outputs(model)
    alive = weakref.ref(output)
    del output
    gc.collect()
    assert alive() is None


def test_a_network_with_heads_can_be_copied_at_any_time() -> None:
    model = heads()
    model.train()(torch.randn(2, 6))
    other = copy.deepcopy(model)
    assert auxiliary_outputs(other) == []
    assert len(auxiliary_outputs(model)) == 1
    assert copy.deepcopy(model).state_dict().keys() == model.state_dict().keys()


def test_the_names_that_our_modules_reserve() -> None:
    plain_names = set(dir(nn.Sequential()))
    assert set(dir(pytorch_modules.Aux())) - plain_names == {"aux_weight", "aux_output"}
    for cls in (pytorch_modules.Concat, pytorch_modules.Add, pytorch_modules.Mul):
        assert set(dir(cls())) == plain_names


def test_ten_thousand_layers_build() -> None:
    x = Vector(1)
    relu = leaf("relu", x)
    root = Sequence(tuple((str(i), relu) for i in range(10_000)), x, x, Cost(), SPAN)
    assert len(build(network_of(root))) == 10_000


def test_layer_norm_and_scale_are_what_they_say() -> None:
    x = torch.randn(2, 6, 3, 5)
    norm = build_layer(LAYERS["layernorm"](), Image(6, 3, 5))
    torch.testing.assert_close(norm(x).mean(dim=1), torch.zeros(2, 3, 5), atol=1e-5, rtol=0)
    torch.testing.assert_close(norm(x).var(dim=1, correction=0), torch.ones(2, 3, 5), atol=1e-3, rtol=0)
    from torchvision.models.convnext import LayerNorm2d

    torch.testing.assert_close(norm(x), LayerNorm2d(6, eps=1e-5)(x))
    scaled = build_layer(LAYERS["scale"](initial=0.5), Image(6, 3, 5))
    torch.testing.assert_close(scaled(x), x / 2)
    taken = build_layer(LAYERS["take_channels"](start=1, end=3), Image(6, 3, 5))
    assert torch.equal(taken(x), x[:, 1:3])


def test_softmax_is_over_channels() -> None:
    y = build_layer(LAYERS["softmax"](), Image(6, 3, 5))(torch.randn(2, 6, 3, 5))
    torch.testing.assert_close(y.sum(dim=1), torch.ones(2, 3, 5))
    assert math.isclose(float(y.sum()), 30.0, rel_tol=1e-4)
