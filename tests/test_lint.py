"""Warnings: what they claim is so in torch, and networks that are known to be good have none. Cases: cases/lint.md."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import torch

import archdsl
from archdsl.backends.pytorch import build
from archdsl.checker.check import check_source
from archdsl.checker.modules import LIBRARY
from archdsl.diagnostics.catalog import CATALOG, diagnose
from archdsl.diagnostics.diagnostic import Edit, Fix
from archdsl.diagnostics.render import render
from archdsl.fixes import compatible, edited, fixed
from archdsl.layers.convolution import Conv
from archdsl.layers.pooling import AvgPool
from archdsl.lint.flow import read_flow
from archdsl.lint.layers import live_weights, seen_by_pool, unseen_between
from archdsl.lint.lint import MAX_WARNINGS, lint
from archdsl.lint.neighbours import is_cancelled, is_idle_after, is_idle_before
from archdsl.network import Leaf, Network
from archdsl.reader import read_source
from archdsl.shapes import Image
from archdsl.source import Source, Span

ROOT = Path(__file__).parent.parent
WELL_KNOWN = sorted((ROOT / "tests" / "well_known").glob("*.arch"))


def warnings_of(text: str | Path) -> list[str]:
    return [each.code for each in archdsl.check(text).diagnostics if each.severity == "warning"]


def network_of(text: str) -> Network:
    checked = archdsl.check(text)
    assert checked.network is not None, render(checked.diagnostics)
    return checked.network


def leaves(network: Network) -> list[Leaf]:
    return [place.node for place in network.walk() if isinstance(place.node, Leaf)]


# Networks that are known to be good


@pytest.mark.parametrize("path", [*WELL_KNOWN, *sorted((ROOT / "specs").glob("*.arch"))], ids=lambda path: path.name)
def test_good_networks_have_no_warnings(path: Path) -> None:
    checked = archdsl.check(path)
    assert not checked.diagnostics, render(checked.diagnostics)
    assert checked.network is not None


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.arch")), ids=lambda path: path.name)
def test_the_blocks_of_the_library_have_no_warnings(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    examples = re.findall(r"^# Example: (\d+)x(\d+)x(\d+): (.*)$", text, re.MULTILINE)
    assert examples
    for channels, height, width, calls in examples:
        assert warnings_of(f"{text}\ninput({channels}, {height}, {width}) {calls}") == []


# What is claimed, in torch

ACTIVATIONS = ("relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "mish", "sigmoid", "tanh", "hardswish")
ACTIVATIONS += ("hardsigmoid", "prelu", "softmax", "log_softmax", "leaky_relu(-0.5)")


@pytest.mark.parametrize("first", ACTIVATIONS)
@pytest.mark.parametrize("second", ACTIVATIONS)
def test_activations_without_effect_are_just_those(first: str, second: str) -> None:
    network = network_of(f"input(5) {first} {second}")
    one, other = leaves(network)
    model = build(network)
    x = 4 * torch.randn(400, 5, generator=torch.Generator().manual_seed(1))
    after_first = model[0](x)
    idle_after = torch.allclose(model[1](after_first), after_first, atol=1e-6)
    idle_before = torch.allclose(model[1](after_first), model[1](x), atol=1e-6)
    assert idle_after or not is_idle_after(one, other)
    assert idle_before or not is_idle_before(one, other)
    if first not in ("prelu", "leaky_relu(-0.5)"):
        # A slope that is learned may become negative, and a negative one is too rare to reckon with.
        assert is_idle_after(one, other) or is_idle_before(one, other) or not (idle_after or idle_before)


@pytest.mark.parametrize(
    "norm",
    ["batchnorm", "instancenorm", "groupnorm(8)", "groupnorm(4)", "groupnorm(1)", "layernorm", "lrn", "scale", "relu"],
)
@pytest.mark.parametrize("linear", ["conv(8, 3)", "conv_transpose(8, 2, s2)", "conv(8, 3, nobias)"])
def test_a_bias_is_called_useless_where_torch_gives_the_same_without_it(linear: str, norm: str) -> None:
    network = network_of(f"input(3, 9, 9) {linear} {norm}")
    first, second = leaves(network)
    model = build(network)
    x = torch.randn(4, 3, 9, 9, generator=torch.Generator().manual_seed(1))
    before = model(x)
    if model[0].bias is None:
        assert not is_cancelled(first, second)
        return
    with torch.no_grad():
        model[0].bias += torch.linspace(-2, 2, 8)
    assert is_cancelled(first, second) == torch.allclose(model(x), before, atol=1e-4)


def test_weights_in_the_padding_get_no_gradient() -> None:
    chance = random.Random(1)
    tried = 0
    while tried < 150:
        kernel, stride, pad, dilation = ((chance.randint(low, 5), chance.randint(low, 5)) for low in (1, 1, 0, 1))
        size = (chance.randint(1, 6), chance.randint(1, 6))
        same = chance.random() < 0.2
        conv = torch.nn.Conv2d(1, 1, kernel, 1 if same else stride, "same" if same else pad, dilation)
        try:
            output = conv(torch.ones(1, 1, *size))
        except RuntimeError:
            continue
        output.sum().backward()
        alive = conv.weight.grad[0, 0] != 0
        layer = Conv(
            out=1,
            kernel=kernel,
            stride=(1, 1) if same else stride,
            pad=(0, 0) if same else pad,
            dilation=dilation,
            same=same,
        )
        counted = live_weights(layer, Image(1, *size))
        exact = (int(alive.any(1).sum()), int(alive.any(0).sum()))
        if max(layer.stride[0] - size[0], layer.stride[1] - size[1]) <= 0:
            assert counted == exact or 0 == counted[0] * counted[1] == exact[0] * exact[1], layer
        else:
            # A stride that steps over the whole picture may skip more than is counted.
            assert counted[0] * counted[1] >= exact[0] * exact[1], layer
        tried += 1


def test_what_a_pool_leaves_out_gets_no_gradient() -> None:
    chance = random.Random(1)
    for _ in range(100):
        kernel = chance.randint(2, 5)
        stride, pad = chance.randint(1, kernel), chance.randint(0, kernel // 2)
        size = chance.randint(kernel, 12)
        x = torch.ones(1, 1, size, size, requires_grad=True)
        torch.nn.functional.avg_pool2d(x, kernel, stride, pad).sum().backward()
        assert x.grad is not None
        seen = int((x.grad[0, 0] != 0).any(1).sum())
        layer = AvgPool(kernel=(kernel, kernel), stride=(stride, stride), pad=(pad, pad))
        assert seen_by_pool(layer, Image(1, size, size)) == (seen, seen)


@pytest.mark.parametrize("word", ["conv(1, {}, s{})", "avgpool({}, s{})", "conv_transpose(1, {}, s{})"])
@pytest.mark.parametrize("kernel", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_pixels_between_windows_are_not_seen_or_written(word: str, kernel: int, stride: int) -> None:
    network = network_of(f"input(1, 16, 16) {word.format(kernel, stride)}")
    (leaf,) = leaves(network)
    model = build(network)
    x = torch.ones(1, 1, 16, 16, requires_grad=True)
    output = model(x)
    if word.startswith("conv_transpose"):
        untouched = (output[0, 0] == model[0].bias).all(1)
    else:
        output.sum().backward()
        assert x.grad is not None
        untouched = (x.grad[0, 0] == 0).all(1)
    # What lies behind the last window is another matter.
    touched = (~untouched).nonzero()
    gaps = int(untouched[: int(touched.max())].sum())
    found = unseen_between(leaf.layer, leaf)  # type: ignore[arg-type]
    if kernel == 1 and not word.startswith("conv_transpose"):
        assert found is None
    else:
        assert (found is not None) == (gaps > 0)


def test_what_is_never_negative_gives_a_sigmoid_of_a_half_or_more() -> None:
    for first in ACTIVATIONS[:-1]:
        for second in ("sigmoid", "hardsigmoid"):
            network = network_of(f"input(5) {first} {second}")
            x = 4 * torch.randn(400, 5, generator=torch.Generator().manual_seed(1))
            least = float(build(network)(x).detach().min())
            found = "sigmoid-of-non-negative" in warnings_of(f"input(5) {first} {second}")
            assert found == (least >= 0.5), (first, second)


# Costs and limits


def test_blocks_that_double_themselves_are_looked_at_once() -> None:
    blocks = "\n".join(f"block b{n} {{ b{n - 1} b{n - 1} }}" for n in range(1, 15))
    text = f"block b0 {{ conv(3, 1) batchnorm relu }}\n{blocks}\ninput(3, 8, 8) b14 repeat(1000) {{ conv(3, 1) relu }}"
    checked = archdsl.check(text)
    assert checked.network is not None
    assert warnings_of(text) == ["bias-before-normalization"]
    flow = read_flow(checked.network.root, checked.source)
    assert len(flow.leaves) == 5
    assert len(flow.follows) < 3_000


def test_no_more_warnings_than_are_read() -> None:
    text = "input(3, 8, 8)\n" + "conv(3, 1) relu relu\n" * 1_500
    codes = warnings_of(text)
    assert codes == ["activation-without-effect"] * MAX_WARNINGS + ["too-many-warnings"]


def test_a_long_text_of_any_kind_is_linted() -> None:
    assert warnings_of(f"let x = {'-' * 50_000}1\ninput(3)\nfc({'(' * 90}3{')' * 90})") == ["unused-name"]


def test_every_warning_is_in_the_page_on_warnings() -> None:
    page = (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")
    for code, entry in CATALOG.items():
        assert (f"(errors.md#{code})" in page) == (entry.severity == "warning"), code


# Fixes

FIXES = [
    ("conv(8, 3) batchnorm relu", "conv(8, 3, nobias) batchnorm relu"),
    ("conv(8, 3,) batchnorm relu", "conv(8, 3, nobias) batchnorm relu"),
    ("conv(8, (3), p=(1)) batchnorm", "conv(8, (3), p=(1), nobias) batchnorm"),
    ("conv(8, 3 # )\n # , \n ) # a\nlabel: batchnorm", "conv(8, 3, nobias # )\n # , \n ) # a\nlabel: batchnorm"),
    ("conv_transpose(8, 2, s2) identity batchnorm", "conv_transpose(8, 2, s2) identity batchnorm"),
    ("conv(8, 3, nobias=false) batchnorm", "conv(8, 3, nobias=false) batchnorm"),
    ("conv(8, 3) if true { batchnorm } relu", "conv(8, 3) if true { batchnorm } relu"),
    ("stem: { conv(8, 3) } batchnorm relu", "stem: { conv(8, 3) } batchnorm relu"),
    ("repeat(2) { conv(8, 3) batchnorm relu }", "repeat(2) { conv(8, 3, nobias) batchnorm relu }"),
    ("conv(8, 3) relu # allow: linear-after-linear  why", "conv(8, 3) relu"),
    ("conv(8, 3) relu # A note. # allow: linear-after-linear", "conv(8, 3) relu # A note."),
    (
        "conv(8, 3) relu relu # allow: linear-after-linear, activation-without-effect,softmax-at-end  why",
        "conv(8, 3) relu relu # allow: activation-without-effect  why",
    ),
    ("flatten fc(9) softmax # allow: softmax_at_end", "flatten fc(9) softmax # allow: softmax-at-end"),
    ("conv(8, 3) relu # allow: softmax_at_end", "conv(8, 3) relu # allow: softmax_at_end"),
    ("conv(8, 3) batchnorm relu # allow: linear-after-linear", "conv(8, 3, nobias) batchnorm relu"),
]


@pytest.mark.parametrize(("before", "after"), FIXES)
def test_a_fixed_text_has_the_same_shapes_and_nothing_that_could_be_fixed(before: str, after: str) -> None:
    source = Source("<text>", f"input(3, 20, 20)\n{before}\n")
    result = fixed(archdsl.check(source), archdsl.check)
    assert result.checked.source.text == f"input(3, 20, 20)\n{after}\n"
    assert (result.mended > 0) == (before != after)
    assert not compatible(result.checked)
    old, new = archdsl.check(source.text).network, result.checked.network
    assert old is not None
    assert new is not None
    assert [leaf.output for leaf in leaves(old)] == [leaf.output for leaf in leaves(new)]


def test_imports_that_nothing_uses_are_deleted_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "a.arch").write_text("let width = 3\n")
    (tmp_path / "b.arch").write_text("let depth = 3\n")
    text = 'import "a.arch"\nimport "b.arch"  # Why?\nimport "a.arch" import "b.arch"\ninput(3) fc(width)\n'
    (tmp_path / "spec.arch").write_text(text)
    source, _ = read_source(tmp_path / "spec.arch")
    result = fixed(check_and_lint(source), check_and_lint)
    assert result.checked.source.text == 'import "a.arch"\n  # Why?\n \ninput(3) fc(width)\n'
    assert result.mended == 3
    assert not result.checked.diagnostics


def check_and_lint(source: Source) -> archdsl.Checked:
    checked = check_source(source)
    return checked._replace(diagnostics=(*checked.diagnostics, *lint(checked, as_written=True)))


def test_a_fix_that_makes_errors_is_taken_back() -> None:
    """Deleting what stands between two words may join them: no rule does so, but whatever is wrong is not kept."""
    source = Source("<text>", "input(3) fc(4) relu fc(5)")

    def check(source: Source) -> archdsl.Checked:
        checked = archdsl.check(source.text)
        at = source.text.find("fc(4)")
        if at < 0:
            return checked
        found = diagnose("unused-name", Span(source, at, at + 5), name="x", kind="let")
        mend = Fix("break it", (Edit(found.primary.span, broken),))
        return checked._replace(source=source, diagnostics=(*checked.diagnostics, found._replace(fix=mend)))

    for broken in ("fc(", "fc(4) fc(0)", "flatten fc(4)[", ""):
        expected = source.text if broken else "input(3)  relu fc(5)"
        assert fixed(check(source), check).checked.source.text == expected


def test_fixes_that_touch_each_other_are_applied_in_turn() -> None:
    source = Source("<text>", "abcd")

    def mend(start: int, end: int, text: str) -> Fix:
        return Fix("", (Edit(Span(source, start, end), text),))

    fixes = [mend(2, 3, "C"), mend(0, 2, "AB"), mend(1, 2, "X"), mend(3, 3, "!")]
    found = [diagnose("unused-name", Span(source, 0, 1), name="x", kind="let")._replace(fix=fix) for fix in fixes]
    taken = compatible(archdsl.Checked(source, None, tuple(found)))
    assert [each.fix for each in taken] == [fixes[1], fixes[3]]
    assert edited(source.text, [fixes[1], fixes[3]]) == "ABc!d"


def test_a_fix_that_does_not_mend_is_not_applied_again_and_again() -> None:
    def check(source: Source) -> archdsl.Checked:
        found = [
            diagnose("unused-name", Span(source, at, at + 1), name="x", kind="let")._replace(
                fix=Fix(message, (Edit(Span(source, at, at + 1), text),))
            )
            for sign, message, text in (("?", "useless", "?0"), ("!", "useful", ""))
            for at, character in enumerate(source.text)
            if character == sign
        ]
        return archdsl.Checked(source, None, tuple(found))

    result = fixed(check(Source("<text>", "a! ? b!")), check)
    assert result.checked.source.text == "a ? b"
    assert result.mended == 2


def test_more_than_are_shown_are_fixed_in_rounds() -> None:
    source = Source("<text>", "input(3, 8, 8)\n" + "conv(3, 1) batchnorm relu\n" * 2_500)
    result = fixed(archdsl.check(source), archdsl.check)
    assert result.mended == 2_500
    assert not result.checked.diagnostics
