"""Each network of `specs/` against an independent model of it: numbers, outputs, gradients, and the table's rows.

A spec without a case here fails `test_every_spec_has_a_case`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from reference_models import VGG, AlexNet, AlexNetOfThePaper, GoogLeNet, GoogLeNetOfThePaper, LeNet
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import archdsl
from archdsl.backends.pytorch import auxiliary_outputs
from archdsl.commands.check import check as check_command
from archdsl.network import Leaf, Network

SPECS = Path(__file__).parent.parent / "specs"
BATCH = 2

INCEPTION_KEYS = ["0.0", "1.0", "1.2", "2.0", "2.2", "3.1"]
HEAD_KEYS = ["0.1", "0.4", "0.7"]


class Case(NamedTuple):
    """A spec, with the settings that it is checked with, beside a model of it.

    parameters: the trainable parameters, without auxiliary heads.
    keys: those of the layers with weights, in order.
    small: a smaller picture, and the reference's arguments for it; None where the spec's own is small.
    normalizes: whether it has response normalization, which needs loud pictures to have something to do.
    """

    spec: str
    settings: dict[str, int]
    reference: Callable[..., nn.Module]
    parameters: int
    keys: list[str]
    small: tuple[str, dict[str, int]] | None = None
    head_parameters: int = 0
    normalizes: bool = False

    @property
    def path(self) -> Path:
        return SPECS / f"{self.spec}.arch"

    def network(self, input: str | None = None) -> Network:
        return archdsl.load(self.path, input=input, set=self.settings)


def vgg(depth: int, parameters: int, blocks: list[int]) -> Case:
    keys = [f"features.{block}.{2 * conv}" for block, convs in enumerate(blocks) for conv in range(convs)]

    def reference(last_map: int = 7) -> nn.Module:
        return VGG(depth, last_map=last_map)

    keys += ["classifier.1", "classifier.4", "classifier.7"]
    return Case("vgg", {"depth": depth}, reference, parameters, keys, ("3x64x64", {"last_map": 2}))


def alexnet_in_groups(last_map: int = 6) -> nn.Module:
    return AlexNetOfThePaper(groups=2, last_map=last_map)


def vgg11(last_map: int = 7) -> nn.Module:
    return VGG(11, channels=1, classes=10, last_map=last_map)


def inceptions(*names: str) -> list[str]:
    return [f"inception_{name}.{key}" for name in names for key in INCEPTION_KEYS]


ALEXNET_KEYS = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]

CASES = [
    Case("lenet", {}, LeNet, 61_706, ["0", "3", "7", "9", "11"]),
    Case(
        "alexnet",
        {},
        AlexNet,
        46_764_746,
        ["0", "3", "6", "8", "10", "14", "17", "20"],
        ("1x99x99", {"last_map": 2}),
    ),
    Case(
        "alexnet_paper",
        {},
        AlexNetOfThePaper,
        62_378_344,
        ALEXNET_KEYS,
        ("3x95x95", {"last_map": 2}),
        normalizes=True,
    ),
    Case(
        "alexnet_paper",
        {"towers": 2},
        alexnet_in_groups,
        60_965_224,
        ALEXNET_KEYS,
        ("3x95x95", {"last_map": 2}),
        normalizes=True,
    ),
    Case(
        "vgg11",
        {},
        vgg11,
        128_806_154,
        ["0.0", "1.0", "2.0", "2.2", "3.0", "3.2", "4.0", "4.2", "6", "9", "12"],
        ("1x64x64", {"last_map": 2}),
    ),
    vgg(11, 132_863_336, [1, 1, 2, 2, 2]),
    vgg(13, 133_047_848, [2, 2, 2, 2, 2]),
    vgg(16, 138_357_544, [2, 2, 3, 3, 3]),
    vgg(19, 143_667_240, [2, 2, 4, 4, 4]),
    Case(
        "googlenet",
        {},
        GoogLeNet,
        5_977_530,
        ["stage1.0", "stage2.0", "stage2.2"]
        + [
            f"stage{stage}.{index}.{key}"
            for stage, count in ((3, 2), (4, 5), (5, 2))
            for index in range(count)
            for key in INCEPTION_KEYS
        ]
        + ["5"],
    ),
    Case(
        "googlenet_paper",
        {},
        GoogLeNetOfThePaper,
        6_998_552,
        ["conv1", "conv2_reduce", "conv2"]
        + inceptions("3a", "3b", "4a")
        + [f"aux_4a.{key}" for key in HEAD_KEYS]
        + inceptions("4b", "4c", "4d")
        + [f"aux_4d.{key}" for key in HEAD_KEYS]
        + inceptions("4e", "5a", "5b")
        + ["classifier"],
        # This leaves a map of 5x5 to the heads, whose pool takes no smaller one.
        ("3x80x80", {"head_map": 1}),
        head_parameters=6_379_728,
        normalizes=True,
    ),
]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Two threads on small pictures wait for each other more than they compute, above all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def name_of(case: Case) -> str:
    return "-".join([case.spec, *(f"{name}={value}" for name, value in case.settings.items())])


each_case = pytest.mark.parametrize("case", CASES, ids=name_of)


def test_every_spec_has_a_case() -> None:
    assert {path.stem for path in SPECS.glob("*.arch")} == {case.spec for case in CASES}


# Numbers.


def on_meta(make: Callable[..., nn.Module], *arguments: Any) -> nn.Module:
    """A model without memory, which has shapes alone."""
    with torch.device("meta"):
        return make(*arguments)


def macs_of(model: nn.Module, network: Network) -> int:
    """The multiply-adds of one sample, as torch counts them."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.empty(BATCH, *network.input, device="meta"))
    return counter.get_total_flops() // 2 // BATCH


def parameters_of(model: nn.Module) -> int:
    assert all(parameter.requires_grad for parameter in model.parameters())
    return sum(parameter.numel() for parameter in model.parameters())


@each_case
def test_parameters_and_multiply_adds(case: Case) -> None:
    checked = archdsl.check(case.path, set=case.settings)
    assert checked.diagnostics == ()
    network = checked.network
    assert network is not None
    assert network.cost.parameters == case.parameters
    assert network.head_cost.parameters == case.head_parameters
    for model in (on_meta(archdsl.build, network), on_meta(case.reference)):
        assert parameters_of(model) == case.parameters + case.head_parameters
        assert macs_of(model.eval(), network) == network.cost.macs
        assert macs_of(model.train(), network) == network.cost.macs + network.head_cost.macs


def test_the_vgg_of_the_file_is_that_of_16_layers() -> None:
    assert archdsl.load(SPECS / "vgg.arch").cost.parameters == 138_357_544


@pytest.mark.parametrize("depth", [0, 12, 15, 22])
def test_a_vgg_of_a_depth_that_the_paper_does_not_have_is_refused(depth: int) -> None:
    checked = archdsl.check(SPECS / "vgg.arch", set={"depth": depth})
    assert checked.network is None
    [error] = checked.errors
    line, _ = checked.source.position(error.primary.span.start)
    assert "the depth is 11, 13, 16 or 19" in checked.source.text.split("\n")[line - 1]


def test_the_counts_that_the_spec_of_alexnet_tells_are_those_here() -> None:
    text = (SPECS / "alexnet_paper.arch").read_text(encoding="utf-8")
    for case in CASES:
        if case.spec == "alexnet_paper":
            assert f"{case.parameters:,}" in text


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.arch")), ids=lambda path: path.stem)
def test_classes_can_be_set(path: Path) -> None:
    network = archdsl.load(path, set={"classes": 7})
    assert network.output == (7,)


@each_case
def test_keys(case: Case) -> None:
    keys = list(on_meta(archdsl.build, case.network()).state_dict())
    assert keys == [f"{key}.{kind}" for key in case.keys for kind in ("weight", "bias")]


# Outputs and gradients.


def fill(model: nn.Module) -> None:
    """He initialization, and biases that matter; torch's own lets the picture fade on its way through a deep net."""
    with torch.no_grad():
        for parameter in model.parameters():
            bound = 0.1 if parameter.dim() == 1 else (6 / parameter[0].numel()) ** 0.5
            parameter.uniform_(-bound, bound)


def copy_in_order(source: nn.Module, target: nn.Module) -> None:
    with torch.no_grad():
        for ours, theirs in zip(source.parameters(), target.parameters(), strict=True):
            assert ours.shape == theirs.shape
            theirs.copy_(ours)


def assert_same(ours: Tensor | None, theirs: Tensor | None) -> None:
    """Equal up to the rounding of sums in another order, measured by the largest number."""
    assert ours is not None
    assert theirs is not None
    assert ours.shape == theirs.shape
    largest = torch.linalg.vector_norm(theirs, float("inf")).item()
    difference = torch.linalg.vector_norm(ours - theirs, float("inf")).item()
    assert largest > 0
    assert difference <= 100 * torch.finfo(ours.dtype).eps * largest, f"{difference} beside {largest}"


def trained_outputs(model: nn.Module, x: Tensor) -> list[tuple[float, Tensor]]:
    """The outputs of training with their weights in the loss: the network's own first, then those of the heads."""
    torch.manual_seed(1)  # Both models draw the same dropout.
    y = model.train()(x)
    if isinstance(y, tuple):
        return [(weight, each) for weight, each in zip((1.0, 0.3, 0.3), y, strict=True)]
    return [(1.0, y), *auxiliary_outputs(model)]


def assert_same_model(case: Case, input: str | None, arguments: dict[str, int], batch: int) -> None:
    """Output in evaluation, outputs in training and the gradients of all parameters are those of the reference."""
    torch.manual_seed(0)
    network = case.network(input)
    # Where the same is computed in two ways, single precision lets a relu or a pool choose differently now and then.
    dtype = torch.float64 if case.normalizes else torch.float32
    ours = on_meta(archdsl.build, network).to(dtype).to_empty(device="cpu")
    theirs = on_meta(lambda: case.reference(**arguments)).to(dtype).to_empty(device="cpu")
    fill(ours)
    copy_in_order(ours, theirs)
    x = (100 if case.normalizes else 1) * torch.randn(batch, *network.input, dtype=dtype)

    with torch.no_grad():
        y = ours.eval()(x)
        assert y.shape == (batch, *network.output)
        assert_same(y, theirs.eval()(x))
        assert auxiliary_outputs(ours) == []
        other = ours(x.flip(-1))
        assert (y - other).abs().max() > 1e-3 * y.abs().max(), "the output hardly depends on the picture"

    outputs = [trained_outputs(model, x) for model in (ours, theirs)]
    direction = torch.randn(network.output, dtype=dtype)
    for (weight, y), (expected_weight, expected) in zip(*outputs, strict=True):
        assert weight == expected_weight
        assert_same(y, expected)
    for each in outputs:
        sum(weight * (y @ direction).sum() for weight, y in each).backward()
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert_same(mine.grad, its.grad)


@each_case
def test_same_as_the_reference(case: Case) -> None:
    input, arguments = case.small or (None, {})
    assert_same_model(case, input, arguments, BATCH)


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case.small], ids=name_of)
def test_same_as_the_reference_in_full_size(case: Case) -> None:
    assert_same_model(case, None, {}, batch=1)


def test_the_comparison_notices_a_constant_of_the_normalization() -> None:
    [case] = [case for case in CASES if case.spec == "alexnet_paper" and not case.settings]

    def as_if_the_paper_divided_by_n(last_map: int) -> nn.Module:
        return AlexNetOfThePaper(last_map=last_map, alpha=1e-4 / 5)

    assert case.small is not None
    with pytest.raises(AssertionError, match="beside"):
        assert_same_model(case._replace(reference=as_if_the_paper_divided_by_n), *case.small, BATCH)


# The table that `archdsl check` prints.


class PrintedRow(NamedTuple):
    text: str
    output: str
    parameters: int
    macs: int


def printed_layers(table: str) -> list[PrintedRow]:
    """The rows of layers: those with numbers, between the two rules."""
    header, _, *lines = table.split("\n")[1:]
    layer, output = header.index("layer"), header.index("output")
    rows = []
    for line in lines[: next(index for index, line in enumerate(lines) if set(line) == {"-"})]:
        shape, *numbers = line[output:].split()
        if numbers:
            rows.append(
                PrintedRow(line[layer:output].strip(), shape, *(int(each.replace(",", "")) for each in numbers))
            )
    return rows


class Measured(NamedTuple):
    output: str
    parameters: int
    macs: int


def measured_layers(model: nn.Module, network: Network) -> list[Measured]:
    """What torch says of each layer, heads included, in the order of their modules."""
    layers = {name: module for name, module in model.named_modules() if not list(module.children())}
    shapes: dict[nn.Module, str] = {}
    for module in layers.values():
        module.register_forward_hook(lambda module, _, y: shapes.update({module: "x".join(map(str, y.shape[1:]))}))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.train()(torch.empty(BATCH, *network.input, device="meta"))
    flops = counter.get_flop_counts()
    return [
        Measured(shapes[module], parameters_of(module), sum(flops.get(f"Sequential.{name}", {}).values()) // 2 // BATCH)
        for name, module in layers.items()
    ]


@each_case
def test_the_table(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    settings = [f"{name}={value}" for name, value in case.settings.items()]
    assert check_command([str(case.path)], settings=settings) == 0
    table = capsys.readouterr().out
    network = case.network()

    rows = printed_layers(table)
    assert [Measured(*row[1:]) for row in rows] == measured_layers(on_meta(archdsl.build, network), network)

    leaves = [place for place in network.walk() if isinstance(place.node, Leaf)]
    own = [row for row, place in zip(rows, leaves, strict=True) if not place.in_head]
    heads = [row for row, place in zip(rows, leaves, strict=True) if place.in_head]
    assert len(own) == network.layer_count
    totals = table.rpartition("---\n")[2]
    assert f"\n{sum(row.parameters for row in own):,} parameters\n" in totals
    assert f"\n{sum(row.macs for row in own):,} multiply-adds" in totals
    if heads:
        of_heads = (
            f"{sum(row.parameters for row in heads):,} parameters, {sum(row.macs for row in heads):,} multiply-adds"
        )
        assert of_heads in totals
