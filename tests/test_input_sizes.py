"""Which input sizes a network accepts: told from one expansion, and held against a check of every size."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from test_random_specs import Draw, written

import archdsl
from archdsl.backends.table import accepted_lines, open_summary
from archdsl.input_sizes import InputSizes, TooManySizes
from archdsl.network import Leaf
from archdsl.shapes import Image

SPECS = Path(__file__).parent.parent / "specs"

DOUBLE = "block double(c) { conv(c, 3, p1) relu conv(c, 3, p1) relu }\n"
NETWORKS = {
    "alexnet": "conv(96, 11, s4) relu pool(3, 2) conv(256, 5, p2) relu pool(3, 2) flatten fc(10)",
    "halves": "conv(8, 7, s2, p3) pool(3, 2, p1) conv(8, 3, s2, p1) global_avgpool flatten fc(10)",
    "ceil": "pool(3, 2, ceil) pool(3, 2, p1, ceil) pool(2, 3, ceil) conv(4, 2)",
    "u-net": DOUBLE + "concat { identity | pool(2) double(8) concat { identity | pool(2) conv_transpose(4, 2, s2) } "
    "conv_transpose(4, 2, s2) } double(8)",
    "squeeze": "conv(8, 3, s2) mul { identity | global_avgpool conv(8, 1) sigmoid } instancenorm conv(4, 2, s2)",
    "spread": "conv(8, 3, s2) mul { conv(8, 3) | conv(8, 5) } instancenorm",
    "one pixel": "pool(4) instancenorm",
    "upsample": "upsample(3) pool(2) upsample(3) pool(2) add { pool(2, ceil) | avgpool(2) }",
    "exact": "add { conv(4, 3, s2) | adaptive_avgpool(5) conv(4, 1) }",
    "head": "conv(8, 3, s2) aux(0.3) { pool(2) flatten fc(4) } global_avgpool flatten fc(4)",
    "dilated": "pool(3, 1, p1, d4) conv(4, 3, d3)",
    "product": "add { pool(2) flatten | pool(2) flatten }",
    "mixed": "add { pool(2) flatten | pool((1, 4)) flatten }",
    "features": "seq { pool(2) flatten let f = in_features fc(f // 2) if f > 40 { relu } else { fc(f / 9) } }",
}

MANY_CHECKS = ("u-net", "upsample", "mixed", "features")
"""Those that take seconds."""


MIXED = "4*H*floor(W/4) and 4*floor(H/2)*floor(W/2) must agree"


def sizes_of(text: str) -> InputSizes:
    # Sizes of which one network below takes no other.
    sizes = archdsl.accepted_sizes(f"input(4, 11, 12)\n{text}\n")
    assert sizes is not None
    return sizes


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in MANY_CHECKS)) for name in NETWORKS]
)
def test_what_is_accepted_is_what_a_check_accepts(name: str) -> None:
    sizes = sizes_of(NETWORKS[name])
    text = f"input(4, 1, 1)\n{NETWORKS[name]}\n"
    most = 16 if name != "alexnet" else 50
    rows = range(1, most) if name != "alexnet" else (1, 34, 35, 49)
    accepted = set()
    for height in rows:
        for width in range(1, most):
            network = archdsl.check(text, input=(4, height, width)).network
            assert sizes.accepts({"H": height, "W": width}) == (network is not None), (height, width)
            if network is None:
                continue
            accepted.add((height, width))
            again = sizes.at({"H": height, "W": width})
            assert again is not None
            assert [(place.keys, place.node.output, place.node.cost) for place in again.walk()] == [
                (place.keys, place.node.output, place.node.cost) for place in network.walk()
            ]
    least = sizes.least()
    assert least is not None
    assert (least["H"], least["W"]) in accepted or name == "alexnet"
    assert not any(h <= least["H"] and w <= least["W"] and (h, w) != (least["H"], least["W"]) for h, w in accepted)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("alexnet", ["H: 35 or more", "W: 35 or more"]),
        ("halves", ["H: 1 or more", "W: 1 or more"]),
        ("u-net", ["H: 4 or more, in steps of 4", "W: 4 or more, in steps of 4"]),
        ("exact", ["H: 11 or more, and not every size", "W: 11 or more, and not every size"]),
        ("product", ["H: 2 or more", "W: 2 or more"]),
        ("mixed", ["H: 2 or more, in steps of 2", "W: 4 or more, and not every size", MIXED]),
    ],
)
def test_accepted_sizes_in_words(name: str, lines: list[str]) -> None:
    assert accepted_lines(sizes_of(NETWORKS[name]))[: len(lines)] == lines


@pytest.mark.parametrize("seed", range(80))
def test_random_networks_at_every_size(seed: int) -> None:
    draw = Draw(seed)
    shape, chain = draw.spec()
    if len(shape) == 1:
        return
    text = written(draw.blocks, shape, chain)
    sizes = archdsl.accepted_sizes(text)
    pick = random.Random(seed)
    for _ in range(25):
        height, width = (pick.choice((1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 31, 32)) for _ in range(2))
        network = archdsl.check(text, input=(shape[0], height, width)).network
        if sizes is None:
            continue
        try:
            assert sizes.accepts({"H": height, "W": width}) == (network is not None), text
        except TooManySizes:
            return
        if network is not None:
            least = sizes.least()
            again = sizes.at({"H": height, "W": width})
            assert again is not None
            assert again.output == network.output
            assert again.cost == network.cost
            assert least is None or height >= least["H"] or width >= least["W"]


@pytest.mark.parametrize("name", ["lenet", "alexnet", "alexnet_paper", "vgg11", "googlenet", "googlenet_paper"])
def test_the_least_input_of_the_specs_is_the_least(name: str) -> None:
    path = SPECS / f"{name}.arch"
    network = archdsl.load(path)
    sizes = archdsl.accepted_sizes(path)
    assert sizes is not None
    least = sizes.least()
    assert least is not None
    channels, (height, width) = network.input[0], least.values()
    assert archdsl.check(path, input=(channels, height, width)).network is not None
    for smaller in ((height - 1, width), (height, width - 1)):
        assert 0 in smaller or archdsl.check(path, input=(channels, *smaller)).errors


def test_alexnet_of_the_textbook_with_names() -> None:
    text = (SPECS / "alexnet.arch").read_text().replace("input(1, 224, 224)", "input(1, H, W)")
    checked = archdsl.check(text)
    assert checked.network is None
    assert not checked.diagnostics
    assert checked.sizes is not None
    table = open_summary(checked.sizes)
    assert "96 x floor((H - 11)/4) + 1 x floor((W - 11)/4) + 1" in table
    assert "H: 67 or more" in table
    assert "1 x H x W gives 10" in table
    with pytest.raises(archdsl.ArchitectureError, match="input-not-given"):
        archdsl.load(written_to(text))


def written_to(text: str) -> Path:
    path = Path("spec.arch")
    path.write_text(text)
    return path


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_formulas_are_those_of_every_size() -> None:
    text = NETWORKS["u-net"]
    sizes = sizes_of(text)
    assert sizes.with_formulas is not None
    from archdsl.formula import evaluate, formula_of

    for height, width in ((4, 8), (64, 12), (128, 256)):
        network = archdsl.check(f"input(4, {height}, {width})\n{text}\n").network
        assert network is not None
        for place, formulas in zip(network.walk(), sizes.with_formulas.walk(), strict=True):
            values = {"H": height, "W": width}
            assert tuple(evaluate(formula_of(size), values) for size in formulas.node.output) == place.node.output


def test_one_name_for_both_is_a_square() -> None:
    checked = archdsl.check("input(3, S, S)\nconv(8, 5, s2) flatten fc(2)\n")
    assert checked.sizes is not None
    assert checked.sizes.least() == {"S": 5}
    assert "8*(floor((S - 5)/2) + 1)*(floor((S - 5)/2) + 1)" in open_summary(checked.sizes)


def test_a_deep_network_of_small_windows_is_told_too() -> None:
    """3,000 windows take 6,000 pixels: more than the first trial has."""
    sizes = archdsl.accepted_sizes("input(1, 9, 9)\nrepeat(3000) { conv(1, 3) }\n")
    assert sizes is not None
    assert sizes.least() == {"H": 6_001, "W": 6_001}


def test_sizes_that_no_formula_tells_are_still_decided() -> None:
    text = "repeat(40) { upsample(3) pool(2) conv(1, 2, p1) pool(2) }\n"
    sizes = archdsl.accepted_sizes(f"input(1, 9, 9)\n{text}")
    assert sizes is not None
    assert sizes.with_formulas is None
    for size in range(1, 12):
        network = archdsl.check(f"input(1, {size}, 9)\n{text}").network
        assert sizes.accepts({"H": size, "W": 9}) == (network is not None)


def test_no_size_is_told_where_there_is_another_mistake() -> None:
    assert archdsl.accepted_sizes("input(3, 32, 32)\ncnov(3, 3)\n") is None
    assert archdsl.accepted_sizes("input(3, 32, 32)\nadd { conv(4, 3) | identity }\n") is None
    assert archdsl.accepted_sizes("input(30)\nfc(3)\n") is None


def test_shapes_of_the_formulas_are_images() -> None:
    sizes = sizes_of(NETWORKS["halves"])
    assert sizes.with_formulas is not None
    first = next(place.node for place in sizes.with_formulas.walk() if isinstance(place.node, Leaf))
    assert isinstance(first.output, Image)
