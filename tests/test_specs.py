"""Each network of `specs/` against an independent model of it: numbers, outputs, gradients, and the table's rows.

A spec without a case here fails `test_every_spec_has_a_case`.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import torchvision
from reference_models import (
    VGG11,
    AlexNet,
    AlexNetOfThePaper,
    ConvMixer,
    Darknet19,
    Darknet53,
    GoogLeNet,
    GoogLeNetOfThePaper,
    LeNet,
    NetworkInNetwork,
    Small,
    UNet,
    WideResNet,
)
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.regnet import BlockParams

import archdsl
from archdsl.backends.pytorch import auxiliary_outputs
from archdsl.commands.check import check as check_command
from archdsl.network import Leaf, Network
from archdsl.settings import written
from archdsl.specs_page import VARIANTS, files_table, specs_page

SPECS = Path(__file__).parent.parent / "specs"
BATCH = 2

INCEPTION_KEYS = ["0.0", "1.0", "1.2", "2.0", "2.2", "3.1"]
HEAD_KEYS = ["0.1", "0.4", "0.7"]


class Case(NamedTuple):
    """A spec, with the settings that it is checked with, beside a model of it.

    parameters: the trainable parameters, without auxiliary heads.
    keys: those of the layers with weights, in order; None where the state dict is aligned with that of the
        reference, as torchvision's model.
    small: a smaller picture, and the reference's arguments for it; None where the spec's own is small.
    head_parameters, head_weights: the parameters of the auxiliary heads, and what the loss of each counts with.
    normalizes: whether it has response normalization, which needs loud pictures to have something to do.
    double: whether it takes double precision to see that they are the same, because they compute in another order.
    quick: whether the quick tests have it, one variant of each spec; what is computed with the numbers of more than 20
        million weights is for the slow ones in any case.
    computed: whether outputs are compared too; of the largest networks keys, shapes and numbers are, and the outputs of
        smaller variants.
    """

    spec: str
    settings: dict[str, Any]
    reference: Callable[..., nn.Module]
    parameters: int
    keys: list[str] | None = None
    small: tuple[str, dict[str, int]] | None = None
    head_parameters: int = 0
    head_weights: tuple[float, ...] = ()
    normalizes: bool = False
    double: bool = False
    quick: bool = True
    computed: bool = True

    @property
    def is_large(self) -> bool:
        return self.parameters + self.head_parameters > 20_000_000

    @property
    def path(self) -> Path:
        return SPECS / f"{self.spec}.arch"

    def network(self, input: str | None = None) -> Network:
        return archdsl.load(self.path, input=input, set=self.settings)


@contextmanager
def plans_with_numbers() -> Iterator[None]:
    """torchvision plans a RegNet with tensors and reads them, and on the meta device they have no numbers to read."""
    plan = BlockParams.from_init_params

    def plan_on_cpu(**sizes: Any) -> BlockParams:
        with torch.device("cpu"):
            return plan(**sizes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BlockParams, "from_init_params", plan_on_cpu)
        yield


def torchvision_case(
    spec: str,
    model: str,
    small: str | None,
    settings: dict[str, Any] | None = None,
    *,
    parameters: int | None = None,
    head_parameters: int = 0,
    head_weights: tuple[float, ...] = (),
    double: bool = False,
    quick: bool = False,
    computed: bool = True,
    **options: Any,
) -> Case:
    """A spec that builds what torchvision calls `model`.

    small: a smaller picture that the network accepts; None where its own is small.
    parameters: their number, without heads, where it is not what torchvision publishes beside its weights.
    options: what torchvision's function for the model is called with.
    """

    def reference() -> nn.Module:
        with plans_with_numbers():
            built = torchvision.models.get_model(model, weights=None, **options)
        # Where there are heads, training gives their outputs too: the network's own first, then the last head's.
        built.register_forward_hook(lambda module, x, y: (y[0], *y[:0:-1]) if isinstance(y, tuple) else y)
        return built

    if parameters is None:
        parameters = torchvision.models.get_model_weights(model).DEFAULT.meta["num_params"]
    return Case(
        spec,
        settings or {},
        reference,
        parameters,
        small=None if small is None else (small, {}),
        head_parameters=head_parameters,
        head_weights=head_weights,
        double=double,
        quick=quick,
        computed=computed,
    )


def alexnet_in_groups(last_map: int = 6) -> nn.Module:
    return AlexNetOfThePaper(groups=2, last_map=last_map)


def inceptions(*names: str) -> list[str]:
    return [f"inception_{name}.{key}" for name in names for key in INCEPTION_KEYS]


def convmixer_of_large_patches() -> nn.Module:
    return ConvMixer(channels=1024, patch=14)


def small_convmixer() -> nn.Module:
    return ConvMixer(channels=32, depth=2)


def wide_resnet_40_4() -> nn.Module:
    return WideResNet(depth=40, width=4)


def small_wide_resnet() -> nn.Module:
    return WideResNet(depth=16, width=2)


REGNETS = [("400mf", 0.4), ("800mf", 0.8), ("1_6gf", 1.6), ("3_2gf", 3.2), ("8gf", 8), ("16gf", 16), ("32gf", 32)]

NETWORK_IN_NETWORK_KEYS = [f"{mlp}.{conv}" for mlp in (0, 3, 6) for conv in (0, 2, 4)]

ALEXNET_KEYS = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]

CASES = [
    Case("lenet", {}, LeNet, 61_706, ["0", "3", "7", "9", "11"]),
    Case("small", {}, Small, 104_426),
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
    torchvision_case("alexnet_torchvision", "alexnet", "3x95x95", quick=True),
    Case(
        "vgg11",
        {},
        VGG11,
        128_806_154,
        ["0.0", "1.0", "2.0", "2.2", "3.0", "3.2", "4.0", "4.2", "6", "9", "12"],
        ("1x64x64", {"last_map": 2}),
    ),
    torchvision_case("vgg", "vgg11", "3x64x64", {"depth": 11}),
    torchvision_case("vgg", "vgg13", "3x64x64", {"depth": 13}),
    torchvision_case("vgg", "vgg16", "3x64x64", {"depth": 16}, quick=True),
    torchvision_case("vgg", "vgg19", "3x64x64", {"depth": 19}),
    torchvision_case("vgg", "vgg11_bn", "3x64x64", {"depth": 11, "normalize": True}),
    torchvision_case("vgg", "vgg13_bn", "3x64x64", {"depth": 13, "normalize": True}),
    torchvision_case("vgg", "vgg16_bn", "3x64x64", {"depth": 16, "normalize": True}),
    torchvision_case("vgg", "vgg19_bn", "3x64x64", {"depth": 19, "normalize": True}),
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
        head_weights=(0.3, 0.3),
        normalizes=True,
    ),
    torchvision_case(
        "googlenet_torchvision",
        "googlenet",
        "3x64x64",
        head_parameters=6_379_984,
        head_weights=(0.3, 0.3),
        quick=True,
        init_weights=False,
    ),
    torchvision_case(
        "googlenet_torchvision", "googlenet", "3x64x64", {"heads": False}, aux_logits=False, init_weights=False
    ),
    # The published number counts the head. Of 331 pixels, enough are left for the normalization of the head.
    torchvision_case(
        "inception_v3",
        "inception_v3",
        "3x331x331",
        parameters=27_161_264 - 3_326_696,
        head_parameters=3_326_696,
        head_weights=(0.4,),
        init_weights=False,
    ),
    torchvision_case(
        "inception_v3",
        "inception_v3",
        "3x107x107",
        {"heads": False},
        parameters=27_161_264 - 3_326_696,
        quick=True,
        aux_logits=False,
        init_weights=False,
    ),
    torchvision_case("squeezenet", "squeezenet1_0", "3x64x64", {"version": 1.0}),
    torchvision_case("squeezenet", "squeezenet1_1", "3x64x64", quick=True),
    torchvision_case("resnet", "resnet18", "3x64x64", {"depth": 18}, quick=True),
    torchvision_case("resnet", "resnet34", "3x64x64", {"depth": 34}),
    torchvision_case("resnet", "resnet50", "3x64x64"),
    torchvision_case("resnet", "resnet101", "3x64x64", {"depth": 101}),
    torchvision_case("resnet", "resnet152", "3x64x64", {"depth": 152}),
    torchvision_case("resnet", "wide_resnet50_2", "3x64x64", {"width": 128}),
    torchvision_case("resnet", "wide_resnet101_2", "3x64x64", {"depth": 101, "width": 128}),
    torchvision_case("resnet", "resnext50_32x4d", "3x64x64", {"groups": 32, "width": 4}),
    torchvision_case("resnet", "resnext101_32x8d", "3x64x64", {"depth": 101, "groups": 32, "width": 8}),
    torchvision_case("resnet", "resnext101_64x4d", "3x64x64", {"depth": 101, "groups": 64, "width": 4}),
    torchvision_case("densenet", "densenet121", "3x64x64", quick=True),
    torchvision_case("densenet", "densenet161", "3x64x64", {"depth": 161}),
    torchvision_case("densenet", "densenet169", "3x64x64", {"depth": 169}),
    torchvision_case("densenet", "densenet201", "3x64x64", {"depth": 201}),
    torchvision_case("mobilenet_v2", "mobilenet_v2", "3x32x32", quick=True),
    torchvision_case("mobilenet_v3", "mobilenet_v3_large", "3x32x32"),
    torchvision_case("mobilenet_v3", "mobilenet_v3_small", "3x32x32", {"small": True}),
    torchvision_case("shufflenet_v2", "shufflenet_v2_x0_5", "3x64x64", {"width": 0.5}),
    torchvision_case("shufflenet_v2", "shufflenet_v2_x1_0", "3x64x64"),
    torchvision_case("shufflenet_v2", "shufflenet_v2_x1_5", "3x64x64", {"width": 1.5}),
    torchvision_case("shufflenet_v2", "shufflenet_v2_x2_0", "3x64x64", {"width": 2.0}),
    torchvision_case("mnasnet", "mnasnet0_5", "3x64x64", {"width": 0.5}),
    torchvision_case("mnasnet", "mnasnet0_75", "3x64x64", {"width": 0.75}),
    torchvision_case("mnasnet", "mnasnet1_0", "3x64x64"),
    torchvision_case("mnasnet", "mnasnet1_3", "3x64x64", {"width": 1.3}),
    torchvision_case("efficientnet", "efficientnet_b0", "3x32x32"),
    torchvision_case("efficientnet", "efficientnet_b1", "3x32x32", {"variant": 1}),
    torchvision_case("efficientnet", "efficientnet_b2", "3x32x32", {"variant": 2}),
    torchvision_case("efficientnet", "efficientnet_b3", "3x32x32", {"variant": 3}),
    torchvision_case("efficientnet", "efficientnet_b4", "3x32x32", {"variant": 4}),
    torchvision_case("efficientnet", "efficientnet_b5", "3x32x32", {"variant": 5}),
    torchvision_case("efficientnet", "efficientnet_b6", "3x32x32", {"variant": 6}),
    torchvision_case("efficientnet", "efficientnet_b7", "3x32x32", {"variant": 7}),
    torchvision_case("efficientnet_v2", "efficientnet_v2_s", "3x64x64"),
    torchvision_case("efficientnet_v2", "efficientnet_v2_m", "3x64x64", {"variant": 2}),
    torchvision_case("efficientnet_v2", "efficientnet_v2_l", "3x64x64", {"variant": 3}),
    *(
        torchvision_case("regnet", f"regnet_x_{name}", "3x64x64", {"gigaflops": size}, computed=size < 64)
        for name, size in REGNETS
    ),
    *(
        torchvision_case("regnet", f"regnet_y_{name}", "3x64x64", {"gigaflops": size, "y": True}, computed=size < 64)
        for name, size in [*REGNETS, ("128gf", 128)]
    ),
    torchvision_case("convnext", "convnext_tiny", "3x32x32"),
    torchvision_case("convnext", "convnext_small", "3x32x32", {"depth": 27}),
    torchvision_case("convnext", "convnext_base", "3x32x32", {"depth": 27, "channels": 128}),
    torchvision_case("convnext", "convnext_large", "3x32x32", {"depth": 27, "channels": 192}),
    Case("network_in_network", {}, NetworkInNetwork, 966_986, NETWORK_IN_NETWORK_KEYS),
    Case("darknet19", {}, Darknet19, 20_842_376, small=("3x32x32", {}), quick=False),
    Case("darknet53", {}, Darknet53, 41_609_928, small=("3x32x32", {}), quick=False),
    Case("convmixer", {"channels": 32, "depth": 2}, small_convmixer, 45_416, small=("3x28x28", {})),
    Case("convmixer", {}, ConvMixer, 51_625_960, small=("3x28x28", {}), quick=False),
    Case(
        "convmixer",
        {"channels": 1024, "patch": 14},
        convmixer_of_large_patches,
        24_383_464,
        small=("3x56x56", {}),
        quick=False,
    ),
    Case("wide_resnet", {"depth": 16, "width": 2}, small_wide_resnet, 691674, small=("3x16x16", {})),
    Case("wide_resnet", {"depth": 40, "width": 4}, wide_resnet_40_4, 8_949_210, small=("3x16x16", {}), quick=False),
    Case("wide_resnet", {}, WideResNet, 36_479_194, small=("3x16x16", {}), quick=False),
    Case("unet", {}, UNet, 31_030_658, small=("1x32x32", {}), quick=False),
]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Two threads on small pictures wait for each other more than they compute, above all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def name_of(case: Case) -> str:
    return "-".join([case.spec, *(f"{name}={written(value)}" for name, value in case.settings.items())])


def each(quick: Callable[[Case], bool], cases: list[Case] = CASES) -> pytest.MarkDecorator:
    """One test for each case, in the quick suite those that are `quick`."""
    return pytest.mark.parametrize(
        "case",
        [pytest.param(case, id=name_of(case), marks=() if quick(case) else pytest.mark.slow) for case in cases],
    )


each_case = each(lambda case: case.quick)

ONE_OF_EACH_SPEC = list({case.spec: case for case in sorted(CASES, key=lambda case: case.quick)}.values())


def test_every_spec_has_a_case() -> None:
    assert {path.stem for path in SPECS.glob("*.arch")} == {case.spec for case in CASES} == set(VARIANTS)


README = SPECS / "README.md"
AGAIN = "run `make reference`, which is `python -m archdsl.reference`"


def test_the_page_on_the_specs_tells_their_lines_and_sources() -> None:
    assert "\n".join(files_table(SPECS)) in README.read_text(encoding="utf-8"), AGAIN


@pytest.mark.slow
def test_the_page_on_the_specs_is_up_to_date_and_each_network_of_it_has_a_case() -> None:
    page = README.read_text(encoding="utf-8")
    assert page == specs_page(SPECS), AGAIN
    rows = re.findall(r"^\|[^|]*\| \[(\w+)\.arch\][^|]*\|[^|]*\|[^|]*\| ([\d,]+) \|", page, re.MULTILINE)
    assert len(rows) == sum(map(len, VARIANTS.values()))
    assert set(rows) <= {(case.spec, f"{case.parameters:,}") for case in CASES}


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
        if case.head_parameters:
            assert macs_of(model.train(), network) == network.cost.macs + network.head_cost.macs


@pytest.mark.parametrize(
    ("spec", "settings", "message"),
    [
        ("vgg", {"depth": 12}, "`depth` is 12, and can only be 11, 13, 16 or 19"),
        ("squeezenet", {"version": 2.0}, "`version` is 2.0, and can only be 1.0 or 1.1"),
        ("resnet", {"depth": 51}, "`depth` is 51, and can only be 18, 34, 50, 101 or 152"),
        ("resnet", {"depth": 18, "groups": 32}, "`groups` is 32, and can only be 1"),
        ("resnet", {"depth": 34, "width": 128}, "`width` is 128, and can only be 64"),
        ("efficientnet", {"variant": 8}, "`variant` is 8, and can only be 0, 1, 2, 3, 4, 5, 6 or 7"),
        ("efficientnet_v2", {"variant": 0}, "`variant` is 0, and can only be 1, 2 or 3"),
        ("regnet", {"gigaflops": 128.0}, "`gigaflops` is 128.0, and can only be 0.4, 0.8, 1.6, 3.2, 8, 16 or 32"),
        ("shufflenet_v2", {"width": 1.25}, "`width` is 1.25, and can only be 0.5, 1, 1.5 or 2"),
        ("densenet", {"depth": 264}, "`depth` is 264, and can only be 121, 161, 169 or 201"),
    ],
)
def test_a_variant_that_there_is_not_is_refused(spec: str, settings: dict[str, Any], message: str) -> None:
    errors = archdsl.check(SPECS / f"{spec}.arch", set=settings).errors
    assert [error.message for error in errors] == [message]


def test_the_counts_that_the_spec_of_alexnet_tells_are_those_here() -> None:
    text = (SPECS / "alexnet_paper.arch").read_text(encoding="utf-8")
    for case in CASES:
        if case.spec == "alexnet_paper":
            assert f"{case.parameters:,}" in text


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.arch")), ids=lambda path: path.stem)
def test_classes_can_be_set(path: Path) -> None:
    network = archdsl.load(path, set={"classes": 7})
    assert network.output[0] == 7


def has_state(module: nn.Module) -> bool:
    return next(iter(module.state_dict()), None) is not None


class Held(NamedTuple):
    """What one entry of a state dict holds: its key, and its tensor."""

    key: str
    tensor: Tensor

    @property
    def kind(self) -> str:
        """What it is to its layer, as "weight" or "running_mean"; a factor of each channel has any name."""
        return "factor" if self.is_factor else self.key.rpartition(".")[2]

    @property
    def is_factor(self) -> bool:
        """Whether it is a layer scale, of C x 1 x 1."""
        return self.tensor.dim() == 3 and self.tensor.shape[1:] == (1, 1)


def aligned(ours: nn.Module, theirs: nn.Module, above: tuple[str, str] = ("", "")) -> Iterator[tuple[Held, Held]]:
    """The entries of two state dicts that are the same weights.

    They are found by name where a level of both has the same names, and else by their order from there on down. Factors
    of channels stand behind the others there: torchvision's ConvNeXt has them before its layers, though they come last.
    """
    levels = [{name: child for name, child in model.named_children() if has_state(child)} for model in (ours, theirs)]
    if levels[0] and levels[0].keys() == levels[1].keys():
        for name, child in levels[0].items():
            yield from aligned(child, levels[1][name], (f"{above[0]}{name}.", f"{above[1]}{name}."))
        return
    entries = [
        sorted(
            (Held(prefix + key, tensor) for key, tensor in model.state_dict(keep_vars=True).items()),
            key=lambda held: held.is_factor,
        )
        for model, prefix in zip((ours, theirs), above, strict=True)
    ]
    assert len(entries[0]) == len(entries[1]), f"{len(entries[0])} tensors beside {len(entries[1])} at {above}"
    yield from zip(*entries, strict=True)


def without_ones(tensor: Tensor) -> list[int]:
    """A shape as it counts: a convolution of 1x1 may be a linear layer there."""
    return [size for size in tensor.shape if size > 1]


@each_case
def test_keys(case: Case) -> None:
    ours = on_meta(archdsl.build, case.network())
    if case.keys is not None:
        assert list(ours.state_dict()) == [f"{key}.{kind}" for key in case.keys for kind in ("weight", "bias")]
        return
    theirs = on_meta(case.reference)
    for mine, its in aligned(ours, theirs):
        assert (mine.kind, without_ones(mine.tensor)) == (its.kind, without_ones(its.tensor)), (mine.key, its.key)


# Outputs and gradients.


def fill(model: nn.Module) -> None:
    """He initialization, and everything else so that it matters: biases, factors of a normalization, what it has seen.

    With torch's own, the picture fades on its way through a deep net.
    """
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            kind = key.rpartition(".")[2]
            if not tensor.is_floating_point():
                tensor.zero_()
            elif tensor.dim() > 1:
                bound = (6 / tensor[0].numel()) ** 0.5
                tensor.uniform_(-bound, bound)
            elif kind in ("bias", "running_mean"):
                tensor.uniform_(-0.1, 0.1)
            else:
                tensor.uniform_(0.5, 1.5)


def copy_aligned(source: nn.Module, target: nn.Module) -> None:
    with torch.no_grad():
        for mine, its in aligned(source, target):
            its.tensor.copy_(mine.tensor.view(its.tensor.shape))


def assert_same(ours: Tensor | None, theirs: Tensor | None, least: float = 0) -> None:
    """Equal up to the rounding of sums in another order, measured by the largest number, or `least` if that is more."""
    assert ours is not None
    assert theirs is not None
    assert without_ones(ours) == without_ones(theirs)
    ours = ours.view(theirs.shape)
    largest = torch.linalg.vector_norm(theirs, float("inf")).item()
    difference = torch.linalg.vector_norm(ours - theirs, float("inf")).item()
    assert max(largest, least) > 0
    allowed = 100 * torch.finfo(ours.dtype).eps * max(largest, least)
    assert difference <= allowed, f"{difference} beside {largest}"


def trained_outputs(model: nn.Module, x: Tensor) -> list[tuple[float, Tensor]]:
    """The outputs of training with their weights in the loss: the network's own first, then those of the heads.

    Of a reference, which knows no such weights, all are 1.
    """
    torch.manual_seed(1)  # Both models draw the same dropout.
    y = model.train()(x)
    if isinstance(y, tuple):
        return [(1.0, each) for each in y]
    return [(1.0, y), *auxiliary_outputs(model)]


def assert_same_model(case: Case, input: str | None, arguments: dict[str, int], batch: int) -> None:
    """Outputs in evaluation and training, gradients of all parameters and buffers are those of the reference."""
    torch.manual_seed(0)
    network = case.network(input)
    with torch.device("meta"):
        ours, theirs = archdsl.build(network), case.reference(**arguments)
    # Where the same is computed in two ways, single precision lets a relu or a pool choose differently now and then.
    dtype = torch.float64 if case.normalizes or case.double else torch.float32
    ours, theirs = (model.to(dtype).to_empty(device="cpu") for model in (ours, theirs))
    fill(ours)
    copy_aligned(ours, theirs)
    x = (100 if case.normalizes else 1) * torch.randn(batch, *network.input, dtype=dtype)

    with torch.no_grad():
        y = ours.eval()(x)
        assert y.shape == (batch, *network.output)
        assert_same(y, theirs.eval()(x))
        assert auxiliary_outputs(ours) == []
        other = ours(x.flip(-1))
        assert (y - other).abs().max() > 1e-3 * y.abs().max(), "the output hardly depends on the picture"

    outputs = [trained_outputs(model, x) for model in (ours, theirs)]
    weights = [weight for weight, _ in outputs[0]]
    assert weights == [1.0, *case.head_weights]
    direction = torch.randn(network.output, dtype=dtype)
    for (_, y), (_, expected) in zip(*outputs, strict=True):
        assert_same(y, expected)
    for each in outputs:
        sum(weight * (y * direction).sum() for weight, (_, y) in zip(weights, each, strict=True)).backward()
    # A bias that a normalization takes off again has no gradient but what rounding leaves of the others.
    slopes = [parameter.grad.abs().max().item() for parameter in theirs.parameters()]
    largest = max(slopes)
    # Stochastic depth may skip a block in every sample, and then the block has none.
    assert sum(slope > 0 for slope in slopes) > len(slopes) / 2
    for mine, its in aligned(ours, theirs):
        if isinstance(its.tensor, nn.Parameter):
            assert_same(mine.tensor.grad, its.tensor.grad, 0.01 * largest)
        elif its.tensor.is_floating_point():
            assert_same(mine.tensor, its.tensor)
        else:
            assert torch.equal(mine.tensor, its.tensor)


@each(lambda case: case.quick and not case.is_large, [case for case in CASES if case.computed])
def test_same_as_the_reference(case: Case) -> None:
    input, arguments = case.small or (None, {})
    assert_same_model(case, input, arguments, BATCH)


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case.small and case.small[1]], ids=name_of)
def test_same_as_the_reference_in_full_size(case: Case) -> None:
    """Where the reference is another for a smaller picture, the one for the full size too."""
    assert_same_model(case, None, {}, batch=1)


def test_the_comparison_notices_a_constant_of_the_normalization() -> None:
    [case] = [case for case in CASES if case.spec == "alexnet_paper" and not case.settings]

    def as_if_the_paper_divided_by_n(last_map: int) -> nn.Module:
        return AlexNetOfThePaper(last_map=last_map, alpha=1e-4 / 5)

    assert case.small is not None
    with pytest.raises(AssertionError, match="beside"):
        assert_same_model(case._replace(reference=as_if_the_paper_divided_by_n), *case.small, BATCH)


def test_the_comparison_notices_a_dropout_of_another_rate() -> None:
    [case] = [case for case in CASES if case.spec == "googlenet_torchvision" and case.quick]
    other = torchvision_case(
        case.spec, "googlenet", None, head_weights=case.head_weights, init_weights=False, dropout_aux=0.6
    )
    with pytest.raises(AssertionError, match="beside"):
        assert_same_model(other, "3x32x32", {}, BATCH)


def test_weights_are_aligned_by_the_names_of_a_level_and_else_in_order() -> None:
    def chain(**children: nn.Module) -> nn.Sequential:
        return nn.Sequential(OrderedDict(children))

    def pairs(ours: nn.Module, theirs: nn.Module) -> list[tuple[str, str]]:
        return [(mine.key, its.key) for mine, its in aligned(ours, theirs)]

    ours = chain(first=nn.PReLU(), relu=nn.ReLU(), second=chain(a=nn.PReLU(), b=nn.PReLU()))
    same_names = chain(second=chain(c=nn.PReLU(), b=nn.PReLU()), first=nn.PReLU())
    expected = [("first.weight", "first.weight"), ("second.a.weight", "second.c.weight")]
    assert pairs(ours, same_names) == [*expected, ("second.b.weight", "second.b.weight")]
    others = chain(second=nn.PReLU(), third=chain(b=nn.PReLU(), a=nn.PReLU()))
    expected = [("first.weight", "second.weight"), ("second.a.weight", "third.b.weight")]
    assert pairs(ours, others) == [*expected, ("second.b.weight", "third.a.weight")]
    with pytest.raises(AssertionError, match="3 tensors beside 1"):
        pairs(ours, chain(first=nn.PReLU()))


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


@each(lambda case: case.quick, ONE_OF_EACH_SPEC)
def test_the_table(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    settings = [f"{name}={written(value)}" for name, value in case.settings.items()]
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
