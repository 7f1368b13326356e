"""Diagrams: every layer is drawn once, nothing lies on anything else, and each edge leads from a part to a part."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from test_random_specs import Draw, written

import archdsl
from archdsl.commands.diagram import MOST_DRAWN, MOST_OPEN, diagram, open_depth_of
from archdsl.diagram.dot import dot
from archdsl.diagram.html import html
from archdsl.diagram.layout import HEADER, LABEL_SIZE, PAD, Layout, Part, Row, depth_of, drawn_count, layout_of
from archdsl.diagram.mermaid import mermaid
from archdsl.diagram.picture import Box, Fork, Picture, picture_of
from archdsl.diagram.style import DARK, LIGHT, Palette
from archdsl.diagram.svg import svg
from archdsl.diagram.text_width import text_width
from archdsl.diagram.words import call_of, short_number
from archdsl.network import Leaf, Network

ROOT = Path(__file__).parent.parent
SPECS = sorted([*(ROOT / "specs").glob("*.arch"), *(ROOT / "tests/well_known").glob("*.arch")])

RESIDUAL = """
block bottleneck(channels, s=1) {
  add {
      conv(channels, 1, nobias) batchnorm relu
      conv(channels, 3, p1, s=s, nobias) batchnorm relu
      conv(4 * channels, 1, nobias) batchnorm
    | if s == 1 and in_channels == 4 * channels { identity }
      else { conv(4 * channels, 1, s=s, nobias) batchnorm }
  }
  relu
}
input(64, 56, 56)
stage1: { bottleneck(64) repeat(3) { bottleneck(64) } }
stage2: { bottleneck(128, s=2) repeat(36) { bottleneck(128) } }
global_avgpool flatten fc(10)
"""


def network_of(text: str) -> Network:
    network = archdsl.check(text).network
    assert network is not None
    return network


def drawn(text: str, depth: int = 9) -> Layout:
    return layout_of(picture_of(network_of(text)), depth)


# Geometry


class Rectangle(NamedTuple):
    x: float
    y: float
    width: float
    height: float

    def meets(self, other: Rectangle) -> bool:
        """Whether the insides of both have a point in common."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )

    def holds(self, other: Rectangle) -> bool:
        return (
            self.x <= other.x
            and self.y <= other.y
            and other.x + other.width <= self.x + self.width
            and other.y + other.height <= self.y + self.height
        )

    def has_on_its_border(self, x: int, y: int) -> bool:
        on_a_side = x in (self.x, self.x + self.width) and self.y <= y <= self.y + self.height
        return on_a_side or (y in (self.y, self.y + self.height) and self.x <= x <= self.x + self.width)


def rectangle(part: Part) -> Rectangle:
    return Rectangle(part.x, part.y, part.width, part.height)


def segments(row: Row) -> Iterator[Rectangle]:
    """The straight pieces of a chain's edges, each as a thin rectangle."""
    for edge in row.edges:
        for a, b in pairwise(edge.points):
            assert a.x == b.x or a.y == b.y, edge
            yield Rectangle(min(a.x, b.x), min(a.y, b.y), abs(a.x - b.x), abs(a.y - b.y))


def assert_sound(layout: Layout) -> None:
    """Hold what makes a drawing legible."""
    whole = Rectangle(0, 0, layout.width, layout.height)
    parts = list(layout.parts())
    solid = [rectangle(part) for part in parts if part.kind != "fork" and not part.is_open]
    joins = [Rectangle(*part.join) for part in parts if part.kind == "fork"]
    strips = [Rectangle(part.x, part.y, part.width, HEADER) for part in parts if part.is_open]
    labels = []
    for row in layout.rows():
        for edge in row.edges:
            if edge.label:
                x, y = edge.label_at
                labels.append(Rectangle(x, y - 9, text_width(edge.label, LABEL_SIZE), 11))
    assert_apart([*solid, *joins, *strips, *labels])
    for each in [*solid, *joins, *strips, *labels]:
        assert whole.holds(each), each
    for part in parts:
        for row in part.chains:
            for inner in row.parts:
                assert rectangle(part).holds(rectangle(inner)), (part.kind, inner.kind)
    lines = [piece for row in layout.rows() for piece in segments(row)]
    assert_apart([*solid, *joins], lines)
    assert_edges_lead_to_parts(layout, solid, joins)
    for part in parts:
        assert_texts_fit(part)


def assert_apart(things: list[Rectangle], others: list[Rectangle] | None = None) -> None:
    """No two of the things meet, or none of the things any of the others."""
    marked = [(each, 0) for each in things] + [(each, 1) for each in others or []]
    marked.sort(key=lambda pair: pair[0].y)
    active: list[tuple[Rectangle, int]] = []
    for each, kind in marked:
        active = [other for other in active if other[0].y + other[0].height > each.y]
        for other, other_kind in active:
            if kind != other_kind or (others is None):
                assert not each.meets(other), (each, other)
        active.append((each, kind))


def assert_edges_lead_to_parts(layout: Layout, solid: list[Rectangle], joins: list[Rectangle]) -> None:
    edges = [edge for row in layout.rows() for edge in row.edges]
    frames = [part for part in layout.parts() if part.is_open]
    borders = [*solid, *joins, *map(rectangle, frames)]
    borders += [Rectangle(part.x, part.y, part.width, HEADER) for part in frames]
    corners = {point for edge in edges for point in edge.points}
    between = {(point.x, point.y) for point in corners}

    def on_a_border(x: int, y: int) -> bool:
        return any(each.has_on_its_border(x, y) for each in borders)

    for edge in edges:
        start, end = edge.points[0], edge.points[-1]
        if edge.has_arrow:
            assert on_a_border(*end), edge
        # Where branches part, and where a head leaves, an edge goes on from another.
        for point in (start, end):
            assert on_a_border(*point) or (point.x, point.y) in between, edge
        assert start != end


def assert_texts_fit(part: Part) -> None:
    face = part.face
    if face is None:
        return
    room = face.width - 2 * PAD
    bold = part.kind in ("frame", "side")
    first = text_width(face.title, 13, bold) + (PAD + text_width(face.times, 13, True) if face.times else 0)
    assert first <= room, face
    for index, line in enumerate(face.lines):
        cost = max(text_width(face.parameters, 11), text_width(face.macs, 11)) if index + 1 == len(face.lines) else 0
        assert text_width(line, 11) + cost <= room, face
    if part.is_open:
        assert part.header_width <= part.width


def layers_drawn(layout: Layout) -> int:
    """The layers that stand in boxes, in closed frames and as lines, repeats counted."""
    total = 0
    stack: list[tuple[Row, int]] = [(layout.row, 1)]
    while stack:
        row, repeats = stack.pop()
        if not row.parts:
            total += repeats * row.chain.layers
        for part in row.parts:
            item = part.item
            if isinstance(item, Box):
                assert part.repeats == repeats * item.times
                total += part.repeats * len(item.texts)
            elif part.chains:
                stack += [(each, part.repeats) for each in part.chains]
            elif item is not None:
                assert not isinstance(item, Fork)
                total += part.repeats * item.layers
    return total


def cost_drawn(layout: Layout) -> tuple[int, int]:
    """What the boxes and closed frames cost together."""
    leaves = [part for part in layout.parts() if part.kind != "fork" and not part.is_open]
    return sum(part.cost.parameters for part in leaves), sum(part.cost.macs for part in leaves)


def layers_of(network: Network) -> int:
    return sum(isinstance(place.node, Leaf) for place in network.walk())


def assert_drawn_well(network: Network) -> None:
    picture = picture_of(network)
    deepest = depth_of(picture)
    chosen = open_depth_of(picture, None)[0]
    for depth in {0, min(1, deepest), chosen or 0}:
        for down in (True, False):
            layout = layout_of(picture, depth, down)
            assert_sound(layout)
            assert layers_drawn(layout) == layers_of(network)
            assert cost_drawn(layout) == tuple(map(sum, zip(network.cost, network.head_cost, strict=True)))
            boxes = [part for part in layout.parts() if part.kind == "box" or (part.kind != "fork" and part.face)]
            assert len([part for part in boxes if not part.is_open]) - 2 == drawn_count(picture, depth)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_specs_are_drawn_well(path: Path) -> None:
    checked = archdsl.check(path)
    if checked.network is None:
        pytest.skip("has no network without settings")
    assert_drawn_well(checked.network)


def random_networks(count: int) -> Iterator[Network]:
    for seed in range(count):
        draw = Draw(seed)
        shape, chain = draw.spec()
        network = archdsl.check(written(draw.blocks, shape, chain)).network
        if network is not None:
            yield network


def test_random_networks_are_drawn_well() -> None:
    networks = list(random_networks(120))
    assert len(networks) > 20
    for network in networks:
        assert_drawn_well(network)


@pytest.mark.slow
def test_many_random_networks_are_drawn_well() -> None:
    for network in random_networks(3000):
        assert_drawn_well(network)


def test_heads_stand_beside_the_chain() -> None:
    heads = "".join(f"aux(0.3) {{ conv(8, 3) relu global_avgpool flatten fc(10) }} conv({8 + i}, 3)" for i in range(3))
    layout = drawn(f"input(3, 64, 64) stage: {{ {heads} aux(1) {{ flatten fc(10) }} }} flatten fc(10)")
    assert_sound(layout)
    sides = [part for part in layout.parts() if part.kind == "side"]
    assert len(sides) == 4
    boxes = [part for part in layout.row.parts[1].chains[0].parts if part.kind == "box"]
    assert all(side.x > box.x + box.width for side in sides for box in boxes)


# What is drawn


def titles(layout: Layout) -> list[str]:
    return [
        f"{part.face.title} {part.face.times}".strip() for part in layout.parts() if part.face and part.item is not None
    ]


def test_what_repeats_is_drawn_once_and_counted() -> None:
    layout = drawn(RESIDUAL)
    assert titles(layout)[:3] == ["stage1", "bottleneck(64)", "conv(64, 1)"]
    assert "bottleneck(128) × 36" in titles(layout)
    repeated = next(part for part in layout.parts() if part.repeats == 36)
    assert repeated.item
    assert repeated.cost.parameters == 36 * repeated.item.cost.parameters > 2_000_000
    skips = [row for row in layout.rows() if not row.parts]
    assert [row.chain.skip is not None for row in skips] == [True, True]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv(8, 3, p1) relu conv(8, 3, p1) relu conv(8, 3, p1) relu", ["conv(8, 3, p1)", "conv(8, 3, p1) × 2"]),
        ("conv(3, 3, p1) relu conv(3, 3, p1)", ["conv(3, 3, p1)", "conv(3, 3, p1)"]),
        ("repeat(2) { conv(3, 3, p1) pool(3, 1, p1) }", ["2 layers × 2", "conv(3, 3, p1)", "pool(3, s1, p1)"]),
        ("repeat(3) { add { relu | conv(3, 1) } }", ["2 layers × 3", "relu", "conv(3, 1)"]),
        ("repeat(3) { a: { conv(3, 1) pool(1) } }", ["a1 to a3 × 3", "conv(3, 1)", "pool(1)"]),
        ("a: { conv(3, 1) relu } b: { conv(3, 1) relu }", ["conv(3, 1) × 2"]),
        ("conv(8, (1, 7), p=(0, 3), s=(2, 1), nobias)", ["conv(8, (1, 7), s=(2, 1), p=(0, 3))"]),
        ("conv(8, 3, same) batchnorm(eps=0.1) dropout(0.3)", ["conv(8, 3, same)"]),
        ("batchnorm relu conv(8, 1)", ["batchnorm", "conv(8, 1)"]),
        ("add { identity | seq { identity } | relu } tanh", ["relu", "tanh"]),
        ("pool(2, ceil) leaky_relu(0.3)", ["pool(2, ceil)"]),
    ],
)
def test_boxes_are_what_belongs_together(text: str, expected: list[str]) -> None:
    assert titles(drawn(f"input(3, 32, 32)\n{text}")) == expected


def test_blocks_that_are_alike_are_drawn_as_the_first() -> None:
    dense = "block dense(growth) { concat { identity | batchnorm relu conv(growth, 3, p1) } }"
    layout = drawn(f"{dense} input(8, 16, 16) stage: {{ for i in range(5) {{ layer: dense(4) }} }} dense(4) dense(4)")
    first, _ = "layer1 to layer5: dense(4) × 5 alike", assert_sound(layout)
    assert titles(layout) == [
        "stage",
        first,
        *["batchnorm", "conv(4, 3, p1)", "dense(4)"] * 2,
        "batchnorm",
        "conv(4, 3, p1)",
    ]
    boxes = [part for part in layout.parts() if part.kind == "box"]
    assert [part.cost.parameters for part in boxes[:2]] == [
        sum(2 * channels for channels in range(8, 28, 4)),
        sum(4 * channels * 9 + 4 for channels in range(8, 28, 4)),
    ]
    assert "the first of 5 that are alike but for channels or decimals" in svg(layout, "parameters")


def test_blocks_that_differ_in_a_decimal_are_alike() -> None:
    block = "block b(c, rate) { add { identity | conv(c, 1) relu conv(c, 1) drop_path(rate) } }"
    layout = drawn(
        f"{block} input(8, 9, 9) for i in range(4) {{ b(8, i / 30.0) }} b(8, 0.5) seq {{ b(8, s) }}".replace(
            "s)", "0.1)"
        )
    )
    assert titles(layout)[0] == "b(8, 0) to b(8, 0.1) × 6 alike"
    assert layers_drawn(layout) == 30
    several = drawn("input(8, 9, 9) for i in range(3) { add { identity | relu drop_path(i / 10.0) } }")
    assert titles(several) == ["3 layers × 3", "relu"]


def test_arguments_are_told_by_their_values() -> None:
    layout = drawn(
        "let n = 4 block b(c, (d, e), s=1, t=2) { conv(c + d + e, s) pool(t) } input(3, 9, 9) b(n, (1, n), t=3)"
    )
    assert titles(layout)[0] == "b(4, (1, 4), t=3)"
    layer = next(place.node for place in network_of("input(3, 9, 9) groupnorm(3, 1e-3)").walk())
    assert isinstance(layer, Leaf)
    assert call_of(layer.layer) == "groupnorm(3)"


def test_depth_closes_what_is_deeper() -> None:
    assert titles(drawn(RESIDUAL, 0)) == ["stage1", "stage2", "global_avgpool", "fc(10)"]
    assert titles(drawn(RESIDUAL, 1))[:3] == ["stage1", "bottleneck(64)", "bottleneck(64) × 3"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (1000, "1.00K"), (9995, "9.99K"), (9996, "10.0K"), (999_499, "999K"), (999_500, "1.00M")],
)
def test_numbers_have_three_digits(value: int, text: str) -> None:
    assert short_number(value) == text


# The texts


def elements(text: str) -> list[ET.Element]:
    return list(ET.fromstring(text).iter())


def test_an_svg_is_valid_and_loads_nothing() -> None:
    layout = drawn(RESIDUAL)
    text = svg(layout, "parameters")
    words = [each.text for each in elements(text) if each.tag.endswith("}text")]
    assert {"bottleneck(64)", "64×56×56", "× 36", "batchnorm, relu", "input 64×56×56", "output 10"} <= set(words)
    assert re.findall(r"https?://[^\"' ]+", text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<script|<image|<foreignObject|@import|href", text)
    titles = [each.text or "" for each in elements(text) if each.tag.endswith("}title")]
    assert any(
        "line 13: stage1: { bottleneck(64) repeat(3) { bottleneck(64) } }\n64×56×56 gives" in title for title in titles
    )


def test_colors_are_by_what_is_asked() -> None:
    layout = drawn("input(3, 32, 32) conv(8, 3, p1) global_avgpool flatten fc(9000)")
    assert "over 30%" in svg(layout, "parameters")
    for by, dark in (("parameters", "fc(9000)"), ("multiply-adds", "conv(8, 3, p1)")):
        found = [
            each
            for each in elements(svg(layout, by))
            if re.search(rf"\b{by[0]}5\b", each.get("class", "")) and len(each)
        ]
        assert dark in [
            "".join(text.text or "" for text in each.iter() if "}text" in text.tag)[: len(dark)] for each in found
        ]


@pytest.mark.parametrize("name", ["a<b>&\"c'.arch", "</script><b>.arch", 'x`]"|y\\.arch', "a\x1b[31m\u202eb.arch"])
def test_names_are_escaped(name: str, tmp_path: Path) -> None:
    path = tmp_path / name.replace("/", "_")
    path.write_text("input(3, 8, 8) a: { conv(8, 3) pool(2) }")
    layout = layout_of(picture_of(archdsl.load(path)), 1)
    ET.fromstring(svg(layout, "parameters"))
    page = html(layout, "parameters", 0)
    assert page.count("<script") == page.count("</script") == 2
    assert "<b>" not in page
    assert "\x1b" not in page + mermaid(layout, "parameters") + dot(layout, "parameters")


def test_a_page_is_one_file_that_loads_nothing() -> None:
    page = html(drawn(RESIDUAL), "multiply-adds", 1)
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=|@import|https?://|\bfetch\b|url\((?!#)", page)
    data = re.search(r'<script type="application/json" id="archdsl-data">(.*?)</script>', page)
    assert data
    assert json.loads(data[1])["depth"] == 1
    assert '<body data-by="multiply-adds">' in page
    assert page.count('aria-expanded="true"') == 6
    assert (
        'aria-label="identity. line 7: | if s == 1 and in_channels == 4 * channels { identity }. 256×56×56 passes on"'
        in page
    )


def test_mermaid_and_dot_have_the_same_graph() -> None:
    layout = drawn(RESIDUAL + "softmax")
    flow, graph = mermaid(layout, "parameters"), dot(layout, "parameters")
    edges = re.findall(r'n(\d+) -->(?:\|"(.*?)"\|)? n(\d+)', flow)
    assert edges == [
        (a, label.strip(), b) for a, b, label in re.findall(r'n(\d+) -> n(\d+)(?: \[label="(.*?)"\])?', graph)
    ]
    nodes = set(re.findall(r"^ *n(\d+)[\[(]", flow, re.MULTILINE))
    assert {end for a, _, b in edges for end in (a, b)} == nodes
    assert flow.count("subgraph") == flow.count("\n" + "  end") + flow.count("    end") == graph.count("subgraph")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
def test_graphviz_reads_what_is_written() -> None:
    for path in SPECS:
        network = archdsl.check(path).network
        if network is not None:
            text = dot(layout_of(picture_of(network), 2), "parameters")
            result = subprocess.run(["dot", "-Tcanon"], input=text, capture_output=True, text=True, timeout=60)
            assert result.returncode == 0, result.stderr


# Colors


def luminance(color: str) -> float:
    """As WCAG 2.2 defines it."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_colors_have_contrast(palette: Palette) -> None:
    backgrounds = [palette.paper, palette.strip, *palette.areas, *palette.levels]
    for ink in (palette.ink, palette.quiet_ink):
        assert min(contrast(ink, each) for each in backgrounds) >= 4.5
    assert contrast(palette.paper, palette.join) >= 4.5
    for background in (palette.paper, *palette.areas):
        for line in (palette.line, palette.join, palette.outline, palette.focus):
            assert contrast(line, background) >= 3, (line, background)
    assert min(contrast(palette.meter, each) for each in palette.levels) >= 3
    # Printed without color, a box that costs more is darker.
    steps = [luminance(each) for each in LIGHT.levels]
    assert steps == sorted(steps, reverse=True)


# The command


def run(capsys: pytest.CaptureFixture[str], *args: Any, **options: Any) -> tuple[int, str, str]:
    code = diagram(*args, **options)
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("ending", "start"),
    [
        (".svg", "<svg "),
        (".html", "<!DOCTYPE html>"),
        (".md", "```mermaid\nflowchart TB"),
        (".mmd", "flowchart"),
        (".dot", "digraph"),
    ],
)
def test_the_ending_says_the_format(
    ending: str, start: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / f"net{ending}"
    code, out, err = run(capsys, str(ROOT / "specs/lenet.arch"), output=str(output))
    assert (code, out, err) == (0, f"{output}: 7 boxes\n", "")
    assert output.read_text(encoding="utf-8").startswith(start)


def test_a_bare_drawing_is_the_drawing(capsys: pytest.CaptureFixture[str]) -> None:
    whole, bare = (run(capsys, str(ROOT / "specs/lenet.arch"), format="svg", bare=bare)[1] for bare in (False, True))
    texts = [[each.text for each in elements(text) if each.tag.endswith("}text")] for text in (whole, bare)]
    assert texts[0][-len(texts[1]) :] == texts[1]
    assert "input 1×28×28" in texts[1]
    assert "lenet" not in texts[1]


def test_a_format_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, str(ROOT / "specs/lenet.arch"), format="dot", direction="right", by="multiply-adds")
    assert code == 0
    assert "rankdir=LR" in out
    assert "multiply-adds" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "say where to draw: `-o net.svg` writes a file, `--format svg` prints"),
        ({"output": "net.png"}, "what to draw is not clear from `net.png`"),
        ({"output": "net.svg", "format": "dot"}, "`net.svg` is svg by its ending, and --format says dot"),
        (
            {"output": "net.dot", "bare": True},
            "--bare leaves out the heading and the legend of an SVG, and this is dot",
        ),
        ({"output": "no/such/folder/net.svg"}, "no/such/folder/net.svg: "),
        ({"output": "", "format": "svg"}, "-o names no file: its value is empty"),
        ({"output": "net.svg/"}, "-o net.svg/ names a folder, not a file"),
    ],
)
def test_wrong_use_is_told(options: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, str(ROOT / "specs/lenet.arch"), **options)
    assert (code, out) == (2, "")
    assert err.startswith(f"archdsl: {message}")


def test_no_drawing_takes_the_place_of_its_spec(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "net.arch"
    spec.write_text("input(3, 8, 8) conv(8, 3)")
    code, out, err = run(capsys, str(spec), output=str(spec), format="svg")
    assert (code, out) == (2, "")
    assert err == f"archdsl: -o {spec} would take the place of net.arch itself, which is read\n"
    assert spec.read_text() == "input(3, 8, 8) conv(8, 3)"


def test_what_is_printed_is_utf8_on_every_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="latin-1", newline="\r\n")
    monkeypatch.setattr(sys, "stdout", stdout)
    assert diagram(str(ROOT / "specs/lenet.arch"), format="svg") == 0
    assert "input 1×28×28" in stdout.buffer.getvalue().decode("utf-8")  # type: ignore[attr-defined]
    monkeypatch.setattr(sys, "stdout", None)  # What Python makes of `>&-`.
    assert diagram(str(ROOT / "specs/lenet.arch"), format="svg") == 0


def test_a_spec_with_errors_is_not_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, output = tmp_path / "wrong.arch", tmp_path / "net.svg"
    spec.write_text("input(3, 8, 8) conv(8, 9)")
    code, _, err = run(capsys, str(spec), output=str(output))
    assert code == 1
    assert "window-too-large" in err
    assert not output.exists()


FLAT = "input(3, 8, 8)\n" + "".join(f"conv({i % 2 + 1}, 1)\nconv({i % 97 + 1}, 1)\n" for i in range(MOST_DRAWN))


def test_what_nobody_could_read_is_not_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "flat.arch"
    spec.write_text(FLAT)
    code, _, err = run(capsys, str(spec), format="svg")
    assert code == 2
    assert re.search(
        r"flat.arch: there would be 4,000 boxes .* 2,000 are the most that are drawn; put what belongs", err
    )


def test_a_large_network_is_drawn_closed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layers = "".join(f"a{i}: {{ conv({i + 1}, 1) pool(1) }}\n" for i in range(MOST_OPEN))
    spec, output = tmp_path / "large.arch", tmp_path / "net.svg"
    spec.write_text(f"input(3, 8, 8) {layers}")
    code, out, _ = run(capsys, str(spec), output=str(output))
    assert (code, out) == (0, f"{output}: 300 boxes; all blocks are closed, and --depth opens more\n")
    assert run(capsys, str(spec), output=str(output), depth=1)[1] == f"{output}: 600 boxes\n"


@pytest.mark.slow
def test_the_largest_networks_are_drawn_or_refused_soon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doubling = "input(4, 8, 8)\nblock b0 { conv(4, 1) pool(1) }\n"
    doubling += "".join(f"block b{i} {{ b{i - 1} tanh b{i - 1} }}\n" for i in range(1, 14)) + "b13"
    for text, options, expected in (
        ("input(3, 8, 8) repeat(50000) { conv(3, 1) relu }", {}, 0),
        (doubling, {}, 0),
        (doubling, {"depth": 13}, 2),
        (FLAT + FLAT.partition("\n")[2] * 9, {}, 2),
    ):
        spec = tmp_path / "large.arch"
        spec.write_text(text)
        code, out, err = run(capsys, str(spec), format="html", **options)
        assert code == expected, err
        assert len(out) < 10_000_000


# In a browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


def in_browser(page: str, tmp_path: Path, script: str = "") -> str:
    """The page as it is after its scripts, and one more, have run in a browser."""
    assert CHROMIUM is not None
    if script:
        page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
        page = page.replace("</body>", f"<script>{script}</script></body>")
    path = tmp_path / "page.html"
    path.write_text(page, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile", "--dump-dom"]
    result = subprocess.run([CHROMIUM, *options, path.as_uri()], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout


class Shown(HTMLParser):
    """Collects the places of what a page or an SVG shows, in order, without what is in closed frames."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[tuple[str, str, bool]] = []
        self.places: list[tuple[str | None, ...]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = given.get("class") or ""
        hidden = bool(self.stack) and self.stack[-1][2]
        around = self.stack[-1][1].split() if self.stack else []
        if {"frame", "side"} & set(around):
            is_open = "open" in around
            hidden = hidden or ((classes == "closed") == is_open and classes in ("closed", "area", "header", "body"))
        self.stack.append((tag, classes, hidden))
        kinds = (
            "edge",
            "edge dashed",
            "shape",
            "area",
            "strip",
            "bar",
            "small middle bar-text",
            "closed",
            "join",
            "header",
        )
        if classes in kinds and not hidden and ("legend" not in given.get("id", "") if given.get("id") else True):
            names = ("d", "x", "y", "width", "height", "transform", "marker-end")
            self.places.append((classes, *(given.get(name) for name in names)))

    def handle_endtag(self, tag: str) -> None:
        while self.stack and self.stack.pop()[0] != tag:
            pass


def places(text: str) -> list[tuple[str | None, ...]]:
    shown = Shown()
    # Of the tags of SVG, those without content close themselves.
    shown.feed(re.sub(r"<(\w+)([^<>]*)/>", r"<\1\2></\1>", text))
    return [each for each in shown.places if not (each[0] == "edge dashed" and each[1] == "M0 -4 H18")]


BROWSER_SPECS = ["googlenet_paper", "unet", "mobilenet_v3", "shufflenet_v2", "densenet"]


@pytest.mark.slow
@in_a_browser
@pytest.mark.parametrize(("name", "down"), [*((name, True) for name in BROWSER_SPECS), ("shufflenet_v2", False)])
def test_the_page_lays_out_as_python_does(name: str, down: bool, tmp_path: Path) -> None:
    path = next(path for path in SPECS if path.stem == name)
    picture: Picture = picture_of(archdsl.load(path))
    deepest = depth_of(picture)
    for depth in range(deepest + 1):
        page = in_browser(html(layout_of(picture, deepest, down), "parameters", depth), tmp_path)
        expected = places(svg(layout_of(picture, depth, down), "parameters"))
        assert len(expected) > 10
        assert places(page) == expected, depth


MEASURE = """
const wrong = [];
document.querySelectorAll("#content text").forEach((text) => {
  const group = text.parentElement;
  const face = group.querySelector(":scope > .face, :scope > .strip, :scope > .bar");
  if (!face || !text.getComputedTextLength()) return;
  const [a, b] = [text.getBBox(), face.getBBox()];
  if (a.x < b.x || a.x + a.width > b.x + b.width || a.y < b.y || a.y + a.height > b.y + b.height) {
    wrong.push(text.textContent);
  }
});
document.title = `${document.querySelectorAll("#content text").length} texts, outside: ${wrong.join(" | ")}`;
"""

KEYS = """
const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
const now = () => {
  const item = document.activeElement;
  const height = document.getElementById("drawing").getAttribute("height");
  return `${item.id} ${item.getAttribute("aria-expanded")} ${height}`;
};
const log = [];
document.querySelector('[tabindex="0"]').focus();
const keys = "ArrowDown Enter ArrowDown ArrowDown ArrowLeft ArrowLeft Enter Enter End Home".split(" ");
for (const key of keys) {
  press(key);
  log.push(now());
}
document.querySelector("g.open > .header")?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
document.getElementById("open-all").click();
document.querySelector(".skip ~ .edge").dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
log.push(document.getElementById("told").innerText.split("\\n")[0]);
document.title = log.join(", ");
document.querySelector('input[value="multiply-adds"]').click();
document.getElementById("close-all").click();
"""


def title_of(page: str) -> str:
    match = re.search(r"<title>(.*?)</title>", page)
    assert match
    return match[1]


@pytest.mark.slow
@in_a_browser
def test_no_text_is_wider_than_its_box(tmp_path: Path) -> None:
    for name in ("googlenet_paper", "resnet", "densenet"):
        path = next(path for path in SPECS if path.stem == name)
        picture = picture_of(archdsl.load(path))
        deepest = depth_of(picture)
        for depth in (0, deepest):
            page = in_browser(html(layout_of(picture, deepest), "parameters", depth), tmp_path, MEASURE)
            assert re.fullmatch(r"\d{3,} texts, outside: ", title_of(page)), title_of(page)


@pytest.mark.slow
@in_a_browser
def test_the_keyboard_opens_and_closes(tmp_path: Path) -> None:
    page = in_browser(html(drawn(RESIDUAL), "parameters", 0), tmp_path, KEYS)
    *seen, told = [each.split() for each in title_of(page).split(", ")]
    assert told == ["identity"]
    expanded = [each[1] for each in seen]
    assert expanded == ["false", "true", "false", "false", "true", "false", "true", "false", "null", "null"]
    heights = [int(each[2]) for each in seen]
    assert heights[1] > heights[0] == heights[5] == heights[7]
    assert seen[0][0] == seen[1][0] == seen[4][0] != seen[2][0]
    assert '<body data-by="multiply-adds" class="live">' in page
    assert 'aria-expanded="true"' not in page.partition("<main>")[2].partition('class="body"')[0]


# The document

PAGE = ROOT / "docs" / "diagram.md"
PICTURE = ROOT / "docs" / "residual.svg"


def test_the_picture_of_the_document_is_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ARCHDSL_REWRITE=1` draws it anew."""
    match = re.search(r"\$ cat (residual\.arch)\n(.*?)^\$ ", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert match
    monkeypatch.chdir(tmp_path)
    Path(match[1]).write_text(match[2], encoding="utf-8")
    assert diagram(match[1], output="residual.svg") == 0
    text = Path("residual.svg").read_text(encoding="utf-8")
    if os.environ.get("ARCHDSL_REWRITE"):
        PICTURE.write_text(text, encoding="utf-8")
    assert PICTURE.read_text(encoding="utf-8") == text
