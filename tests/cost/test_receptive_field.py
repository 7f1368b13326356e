"""Receptive fields against torch: which pixels of the input have a gradient, where all weights are positive."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import archdsl
from archdsl.backends.pytorch import build
from archdsl.cost.receptive_field import Field, receptive_field, receptive_fields
from archdsl.network import Network

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")

SPECS = Path(__file__).parent.parent.parent / "specs"
SIDE = 96
"""The input is so large that no field of a pixel in the middle meets its border."""


class WindowSum(nn.Module):
    """Stands for a max pool: each pixel of its window has a gradient, not the largest alone."""

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        pool, channels = self.pool, x.shape[1]
        pair = pool.kernel_size if isinstance(pool.kernel_size, tuple) else (pool.kernel_size, pool.kernel_size)
        kernel = torch.ones(channels, 1, *pair, dtype=x.dtype)
        return functional.conv2d(x, kernel, None, pool.stride, pool.padding, pool.dilation, channels)


def measured(network: Network) -> list[tuple[int, int]]:
    """Height and width of what has a gradient, for pixels in the middle of the output that differ in their phase."""
    model = build(network).eval().double()
    for name, module in model.named_modules():
        if isinstance(module, nn.MaxPool2d):
            parent = model.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], WindowSum(module))
    for parameter in model.parameters():
        nn.init.ones_(parameter)
    x = torch.ones(1, *network.input, dtype=torch.double, requires_grad=True)  # type: ignore[arg-type]
    y = model(x)
    sizes = []
    middle = [size // 2 for size in y.shape[2:]]
    for shift in range(4):
        (gradient,) = torch.autograd.grad(y[0, :, middle[0] + shift, middle[1] + shift].sum(), x, retain_graph=True)
        met = gradient[0].sum(0) != 0
        down, across = (met.any(axis).nonzero().flatten() for axis in (1, 0))
        ends = [int(each[end]) for each in (down, across) for end in (0, -1)]
        assert min(ends) > 0, "the field is cut off at the border"
        assert max(ends) < SIDE - 1, "the field is cut off at the border"
        sizes.append((ends[1] - ends[0] + 1, ends[3] - ends[2] + 1))
    return sizes


def network_of(body: str) -> Network:
    checked = archdsl.check(f"input(1, {SIDE}, {SIDE})\n{body}")
    assert checked.network is not None, checked.errors
    return checked.network


def drawn(seed: int) -> str:
    """A chain of windows with branches, whose fields stay small."""
    pick = random.Random(seed).choice

    def window() -> str:
        kernel, dilation = (pick((1, 2, 3, 5)), pick((1, 3))), pick((1, 1, 2))
        stride = pick((1, 1, 2))
        return pick(
            (
                f"conv(2, {kernel}, {stride}, pad={pick((0, 1, 3))}, dilation={dilation})",
                f"pool({pick((2, 3))}, {stride}, p1)",
                f"avgpool(({pick((2, 3))}, 2), {stride}, nopadcount)",
                "conv(2, (4, 2), same)",
                f"zero_pad({pick((0, 1))}, 2, 0, 1)",
                "batchnorm",
            )
        )

    def branches() -> str:
        ends = [
            "identity",
            "conv(4, 1)",
            "conv(4, 3, p1)",
            "conv(4, (1, 5), same) conv(4, (4, 1), same)",
            "conv(4, 3, pad=2, dilation=2)",
            "zero_pad(1, 0, 1, 0) avgpool(2, 1)",
            "zero_pad(0, 3, 0, 0) conv(4, (1, 4))",
        ]
        return f"conv(4, 1)\n{pick(('add', 'concat', 'mul'))} {{ {pick(ends)} | {pick(ends)} }}"

    return "\n".join(pick((window, window, branches))() for _ in range(pick((1, 2, 3, 4))))


@pytest.mark.parametrize("seed", range(30))
def test_a_window_is_where_torch_has_a_gradient(seed: int) -> None:
    network = network_of(drawn(seed))
    assert set(measured(network)) == {receptive_field(network).size}


@pytest.mark.parametrize(
    "body",
    [
        "upsample(2) conv(2, 3, p1)",
        "conv(2, 3, s2) upsample(2) conv(2, 3)",
        "conv(2, 3, s2) upsample(2) conv(2, 2)",
        "conv(2, 3, s2) upsample(3) conv(2, 5) conv(2, 3)",
        "conv(2, 3, s2) upsample(2, bilinear) conv(2, 3, p1)",
        "conv(2, 3, s2) conv_transpose(2, 4, s2, p1) conv(2, 3)",
        "conv(2, 3, s2, p1) conv_transpose(2, 3, s2, p1, output_pad=1)",
        "conv(2, 3, s2) conv_transpose(2, 4, s3) conv(2, 2)",
        "conv(2, 3, s2) conv(2, 3, s2) upsample(2) conv(2, 4, p1) upsample(2) conv(2, 3)",
        "conv(2, 3, s2) upsample(3, bilinear) conv(2, 2)",
        "conv(4, 3, s2) pixel_shuffle(2) conv(2, 3)",
        "add { conv(1, 3, p1) | conv(1, 3, s2, p1) conv(1, 3, p1) upsample(2) }",
        "adaptive_avgpool(36) conv(2, 3)",
    ],
)
def test_where_a_picture_is_made_larger_it_is_the_largest(body: str) -> None:
    network = network_of(body)
    sizes = measured(network)
    assert receptive_field(network).size == (max(size[0] for size in sizes), max(size[1] for size in sizes))


@pytest.mark.parametrize(
    ("spec", "size", "step"),
    [
        # Araujo, Norris and Sim 2019, the table of section 3: AlexNet 195 and 32, VGG-16 212 and 32.
        ("alexnet_paper", 195, 32),
        ("vgg", 212, 32),
        ("lenet", 16, 4),
    ],
)
def test_well_known_networks(spec: str, size: int, step: int) -> None:
    field = receptive_field(archdsl.load(SPECS / f"{spec}.arch"))
    assert (field.size, field.step) == ((size, size), (step, step))
    assert (str(field), field.step_text) == ("all", "")


def fields_of(body: str) -> dict[tuple[str, ...], Field]:
    return receptive_fields(network_of(body))


def test_a_gate_sees_all_and_leaves_the_window() -> None:
    fields = fields_of("conv(4, 3, s2)\nmul { identity | global_avgpool conv(4, 1) sigmoid }\nconv(4, 3)")
    assert str(fields["0",]) == "3x3"
    assert str(fields["1", "0"]) == "3x3"
    assert str(fields["1", "1"]) == "all"
    assert (str(fields["2",]), fields["2",].step_text) == ("7x7 + all", "2")


def test_a_head_passes_its_input_on() -> None:
    fields = fields_of("conv(4, 3)\naux(0.3) { conv(4, 5) flatten fc(10) }\nconv(4, 3) flatten fc(10)")
    assert [str(fields[keys]) for keys in (("0",), ("1",), ("1", "0"), ("1", "2"), ("2",))] == [
        "3x3",
        "3x3",
        "7x7",
        "all",
        "5x5",
    ]


def test_steps_of_a_picture_made_larger_are_fractions() -> None:
    field = receptive_field(network_of("conv(4, 3, (2, 1)) upsample(4)"))
    assert field.step == (Fraction(1, 2), Fraction(1, 4))
    assert field.step_text == "1/2x1/4"


def test_the_field_before_the_first_layer_that_sees_all_is_kept() -> None:
    field = receptive_field(network_of("conv(4, 3, s2) global_avgpool conv(8, 1) flatten"))
    assert (str(field), field.size) == ("all", (3, 3))
