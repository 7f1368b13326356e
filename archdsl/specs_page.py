"""specs/README.md: what networks there are, in which sizes, and what these cost, counted when the page is made."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from archdsl.api import load
from archdsl.cost.receptive_field import receptive_field
from archdsl.reader import read_source


class Variant(NamedTuple):
    """A network of a spec: what it is called, and what `--set` makes it."""

    name: str
    settings: str = ""


VARIANTS: dict[str, tuple[Variant, ...]] = {
    "lenet": (Variant("LeNet-5"),),
    "small": (Variant("A small network"),),
    "alexnet": (Variant("AlexNet, of the book"),),
    "alexnet_paper": (Variant("AlexNet"), Variant("AlexNet, in two towers", "towers=2")),
    "alexnet_torchvision": (Variant("AlexNet, of torchvision"),),
    "vgg11": (Variant("VGG-11, of the book"),),
    "vgg": (
        *(Variant(f"VGG-{depth}", f"depth={depth}") for depth in (11, 13, 16, 19)),
        *(Variant(f"VGG-{depth} with normalization", f"depth={depth} normalize=true") for depth in (11, 13, 16, 19)),
    ),
    "network_in_network": (Variant("Network in Network"),),
    "googlenet": (Variant("GoogLeNet, of the book"),),
    "googlenet_paper": (Variant("GoogLeNet"),),
    "googlenet_torchvision": (Variant("GoogLeNet, of torchvision"),),
    "inception_v3": (Variant("Inception v3"),),
    "resnet": (
        *(Variant(f"ResNet-{depth}", f"depth={depth}") for depth in (18, 34, 50, 101, 152)),
        Variant("Wide ResNet-50-2", "width=128"),
        Variant("Wide ResNet-101-2", "depth=101 width=128"),
        Variant("ResNeXt-50 32x4d", "groups=32 width=4"),
        Variant("ResNeXt-101 32x8d", "depth=101 groups=32 width=8"),
        Variant("ResNeXt-101 64x4d", "depth=101 groups=64 width=4"),
    ),
    "wide_resnet": (Variant("WRN-28-10"), Variant("WRN-40-4", "depth=40 width=4")),
    "squeezenet": (Variant("SqueezeNet 1.0", "version=1.0"), Variant("SqueezeNet 1.1", "version=1.1")),
    "densenet": tuple(Variant(f"DenseNet-{depth}", f"depth={depth}") for depth in (121, 161, 169, 201)),
    "darknet19": (Variant("Darknet-19"),),
    "darknet53": (Variant("Darknet-53"),),
    "mobilenet_v2": (Variant("MobileNetV2"),),
    "mobilenet_v3": (Variant("MobileNetV3 large"), Variant("MobileNetV3 small", "small=true")),
    "shufflenet_v2": tuple(Variant(f"ShuffleNetV2 x{width}", f"width={width}") for width in (0.5, 1.0, 1.5, 2.0)),
    "mnasnet": tuple(Variant(f"MNASNet-B1 x{width}", f"width={width}") for width in (0.5, 0.75, 1.0, 1.3)),
    "efficientnet": tuple(Variant(f"EfficientNet-B{variant}", f"variant={variant}") for variant in range(8)),
    "efficientnet_v2": (
        Variant("EfficientNetV2-S", "variant=1"),
        Variant("EfficientNetV2-M", "variant=2"),
        Variant("EfficientNetV2-L", "variant=3"),
    ),
    "regnet": (
        *(Variant(f"RegNetX-{size}GF", f"gigaflops={size}") for size in (0.4, 0.8, 1.6, 3.2, 8, 16, 32)),
        *(Variant(f"RegNetY-{size}GF", f"gigaflops={size} y=true") for size in (0.4, 0.8, 1.6, 3.2, 8, 16, 32, 128)),
    ),
    "convnext": (
        Variant("ConvNeXt-T"),
        Variant("ConvNeXt-S", "depth=27"),
        Variant("ConvNeXt-B", "depth=27 channels=128"),
        Variant("ConvNeXt-L", "depth=27 channels=192"),
    ),
    "convmixer": (Variant("ConvMixer-1536/20"), Variant("ConvMixer-1024/20", "channels=1024 patch=14")),
    "unet": (Variant("U-Net"),),
}
"""The variants of each spec, the specs by their age. tests/test_specs.py holds each against a model in torch."""


HEAD = """\
# Networks

<!-- Made by `make reference`; a test holds that it is current. -->

Each is held against a model in torch that has the same weights: torchvision's own where there is one, else one written
out from the paper. Parameters, multiply-adds, outputs in evaluation and in training, and gradients are the same.
`tests/test_specs.py` holds it; of some of the largest variants it leaves out outputs and gradients, which it compares
for smaller ones of the same file.

`archdsl check specs/resnet.arch --set depth=18` shows the layers of one, and `archdsl weights load` takes the weights
that torchvision publishes.
"""

NOTES = """
- Parameters and multiply-adds are those of the network, without auxiliary heads; multiply-adds are for one picture.
- The receptive field is the window of the input that one pixel sees before the first layer that sees all: a global
  pooling, or `fc`. Gates on channels, as squeeze and excitation, see all besides.

What they are, and how many lines each file takes, without comments and empty lines:
"""


def specs_page(folder: Path) -> str:
    """The page on the specs of a folder, in Markdown."""
    return "\n".join([HEAD, *networks_table(folder), NOTES, *files_table(folder), ""])


def networks_table(folder: Path) -> list[str]:
    """Each variant with what it costs."""
    rows = [row(folder, spec, variant) for spec, variants in VARIANTS.items() for variant in variants]
    return [
        "| network | file | `--set` | input | parameters | multiply-adds | receptive field |",
        "|---|---|---|---|--:|--:|--:|",
        *rows,
    ]


def files_table(folder: Path) -> list[str]:
    """Each file with its length and its source."""
    lines = ["| file | lines | what it is |", "|---|--:|---|"]
    for spec in VARIANTS:
        source, _ = read_source(folder / f"{spec}.arch")
        lines.append(f"| [{spec}.arch]({spec}.arch) | {lines_of_code(source.text)} | {reference_of(source.text)} |")
    return lines


def row(folder: Path, spec: str, variant: Variant) -> str:
    """A variant with what it costs."""
    settings = variant.settings.split()
    network = load(folder / f"{spec}.arch", set=dict(setting.split("=") for setting in settings))
    height, width = receptive_field(network).size
    cells = [
        variant.name,
        f"[{spec}.arch]({spec}.arch)",
        " ".join(f"`{setting}`" for setting in settings),
        str(network.input),
        f"{network.cost.parameters:,}",
        f"{network.cost.macs:,}",
        f"{height}x{width}",
    ]
    return f"| {' | '.join(cells)} |"


def lines_of_code(text: str) -> int:
    """How many lines are neither empty nor comments."""
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in text.splitlines())


def reference_of(text: str) -> str:
    """The network and its source: the comment at the top of a spec as far as the end of the source's title."""
    comment = re.match(r"(?:#.*\n)+", text)
    assert comment is not None
    words = re.sub(r"\s*\n# ?", " ", comment[0][2:])
    title = re.match(r'[^"]*"[^"]*"', words)
    assert title is not None, words
    return title[0]
