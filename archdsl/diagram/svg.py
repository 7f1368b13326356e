"""A layout as SVG: text as text, in fonts that every system has, and nothing that is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Items
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from archdsl.diagnostics.render import visible
from archdsl.diagram.layout import (
    HEADER,
    PAD,
    ROW,
    SMALL_SIZE,
    TITLE_SIZE,
    Edge,
    Face,
    Layout,
    Part,
    Row,
    times_text,
)
from archdsl.diagram.picture import Box, Fork, Frame, Side
from archdsl.diagram.style import style_sheet
from archdsl.diagram.text_width import text_width
from archdsl.diagram.words import plural_of_layers, shape_text
from archdsl.layers.base import Cost
from archdsl.source import Span

BY = ("parameters", "multiply-adds")
"""What boxes may be colored by."""

SHARES = (0.01, 0.03, 0.1, 0.3)
"""Where a box takes the next color, as a share of what the network costs."""

LEVEL_TEXTS = ("none", "under 1%", "1 to 3%", "3 to 10%", "10 to 30%", "over 30%")

LONGEST_LINE = 90
"""Of a line of the spec, more characters than that are not told."""

LONGEST_METER = 100
"""The meter of the box that costs most, in pixels."""

MARGIN = 24
BARE_MARGIN = 6
LEAST_WIDTH = 480
"""Room for the heading and the legend."""

BEND = 7
"""The radius of an edge's corners."""


def svg(layout: Layout, by: str, bare: bool = False) -> str:
    """The drawing as a file of its own.

    Args:
        by: what boxes are colored by, and tell: "parameters" or "multiply-adds".
        bare: without heading and legend, for a figure that has its own caption.
    """
    marks = Marks(layout, (by,))
    heading = list(heading_lines(layout))
    if bare:
        size = layout.width + 2 * BARE_MARGIN, layout.height + 2 * BARE_MARGIN
        return framed(heading, size, by, [], (BARE_MARGIN, BARE_MARGIN), marks.row(layout.row, 0))
    legend_width = max(layout.width, LEAST_WIDTH)
    legend, legend_height = legend_of(layout, by, legend_width)
    needed = [text_width(heading[0], 18, bold=True), *(text_width(line, TITLE_SIZE) for line in heading[1:])]
    width = max(layout.width, legend_width, *needed) + 2 * MARGIN
    top = MARGIN + 22 + 18 * (len(heading) - 1) + 14
    drawing_top = top + legend_height + 20
    height = drawing_top + layout.height + MARGIN
    above = [f'<text class="bold" x="{MARGIN}" y="{MARGIN + 16}" style="font-size: 18px">{written(heading[0])}</text>']
    for index, line in enumerate(heading[1:]):
        above.append(f'<text x="{MARGIN}" y="{MARGIN + 40 + 18 * index}">{written(line)}</text>')
    above += [f'<g transform="translate({MARGIN} {top})">', *legend, "</g>"]
    corner = ((width - layout.width) // 2, drawing_top)
    return framed(heading, (width, height), by, above, corner, marks.row(layout.row, 0))


def framed(
    heading: Items[str],
    size: tuple[int, int],
    by: str,
    above: Items[str],
    corner: tuple[int, int],
    drawing: Iterable[str],
) -> str:
    """The file: what is above the drawing, and the drawing with its corner there."""
    width, height = size
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-labelledby="archdsl-title archdsl-description" data-by="{by}">',
        f'<title id="archdsl-title">{written(heading[0])}</title>',
        f'<desc id="archdsl-description">{written("; ".join(heading[1:]))}</desc>',
        f"<style>\n{style_sheet()}</style>",
        ARROW,
        f'<rect class="paper" width="{width}" height="{height}"/>',
        *above,
        f'<g transform="translate({corner[0]} {corner[1]})">',
        *drawing,
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


ARROW = (
    '<defs><marker id="archdsl-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
    'markerUnits="userSpaceOnUse" orient="auto"><path class="arrow" d="M0 0.5 L8 4 L0 7.5 Z"/></marker></defs>'
)


def written(text: str) -> str:
    """A text between tags."""
    return escape(visible(text))


def attribute(text: str) -> str:
    """A text as the value of an attribute, with its quotes; line ends stay."""
    return quoteattr("\n".join(visible(line) for line in text.split("\n")), {"\n": "&#10;"})


def heading_lines(layout: Layout) -> Iterator[str]:
    """What stands above a drawing: the name, then what goes in and out, then what it costs."""
    picture = layout.picture
    layers = plural_of_layers(picture.layers)
    yield picture.name
    yield f"{shape_text(picture.chain.input)} gives {shape_text(picture.chain.output)}, in {layers}"
    yield cost_text(picture.cost)
    if any(part.kind == "side" for part in layout.parts()):
        yield f"auxiliary heads, there in training alone and not counted: {cost_text(picture.head_cost)}"


def cost_text(cost: Cost) -> str:
    return f"{cost.parameters:,} parameters, {cost.macs:,} multiply-adds"


# What costs how much


class Scale(NamedTuple):
    """What the network costs, and its most expensive box."""

    total: Cost
    most: Cost

    def level(self, part: Part, index: int) -> int:
        """The color of a part by its share of the network's cost, repeats counted: 0 where it costs nothing."""
        value = part.cost[index]
        if not value or not self.total[index]:
            return 0
        return 1 + sum(value >= share * self.total[index] for share in SHARES)

    def meter(self, part: Part, index: int) -> int:
        """The length of a box's meter in pixels."""
        value = part.cost[index]
        return round(LONGEST_METER * value / self.most[index]) if value else 0


def scale_of(layout: Layout) -> Scale:
    boxes = [part.cost for part in layout.parts() if part.kind == "box"] or [Cost()]
    return Scale(layout.picture.cost, Cost(max(each[0] for each in boxes), max(each[1] for each in boxes)))


# The marks of the drawing


class Marks:
    """Writes the parts of a layout.

    kinds: what each box tells of its cost; of several, the page shows one at a time.
    is_tree: for the page: parts carry names and roles for screen readers, and closed frames what is in them.
    """

    def __init__(self, layout: Layout, kinds: tuple[str, ...] = BY, is_tree: bool = False) -> None:
        self.layout = layout
        self.kinds = kinds
        self.is_tree = is_tree
        # What the name of a part says already is not read again.
        self.unread = ' aria-hidden="true"' if is_tree else ""
        self.scale = scale_of(layout)
        self.main_source = layout.picture.span.source

    def row(self, row: Row, level: int) -> Iterator[str]:
        """A chain: its edges, their shapes, and its parts."""
        for index, edge in enumerate(row.edges):
            yield from self.edge(edge, f"e{row.number}-{index}")
        for part in row.parts:
            yield from self.part(part, level)

    def edge(self, edge: Edge, name: str) -> Iterator[str]:
        arrow = ' marker-end="url(#archdsl-arrow)"' if edge.has_arrow else ""
        dashed = " dashed" if edge.is_dashed else ""
        yield f'<path{self.named(name)} class="edge{dashed}" d="{path_of(edge)}"{arrow}/>'
        if edge.label:
            x, y = edge.label_at
            yield f'<text{self.named(f"{name}-shape")} class="shape" x="{x}" y="{y}"{self.unread}>{edge.label}</text>'

    def named(self, name: str) -> str:
        """An id, by which the page moves what has it."""
        return f' id="{name}"' if self.is_tree else ""

    def part(self, part: Part, level: int) -> Iterator[str]:
        levels = f"p{self.scale.level(part, 0)} m{self.scale.level(part, 1)}"
        if part.kind == "fork":
            yield from self.fork(part, level)
            return
        classes = part.kind if part.kind == "terminal" else f"{part.kind} {levels}"
        if part.is_open:
            classes += " odd open" if level % 2 else " open"
        yield f'<g class="{classes}"{self.role(part)}>'
        if part.kind != "terminal" and not self.is_tree:
            yield f"<title>{written_lines(self.told(part))}</title>"
        if part.is_open:
            yield from self.opened(part, level)
        if not part.is_open or self.is_tree:
            assert part.face
            at = f"translate({part.x} {part.y})"
            yield f'<g class="closed" transform="{at}"{self.unread}>'
            yield from self.face(part, part.face)
            yield "</g>"
        yield "</g>"

    def role(self, part: Part) -> str:
        if not self.is_tree:
            return ""
        expanded = ' aria-expanded="true"' if part.is_open else ""
        told = self.told(part)
        name = attribute(told.replace("\n", ". "))
        about = f"aria-label={name} data-told={attribute(told)}"
        return f' id="n{part.number}" role="treeitem" tabindex="-1"{expanded} {about}'

    def opened(self, part: Part, level: int) -> Iterator[str]:
        """An open frame: its area, the strip with its title, and what is in it."""
        assert isinstance(part.item, Frame | Side)
        x, y, width, height = part.x, part.y, part.width, part.height
        yield f'<rect class="area" x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>'
        yield f'<g class="header" transform="translate({x} {y})"{self.unread}>'
        yield f'<path class="strip" d="{strip_path(width)}"/>'
        at = PAD
        if self.is_tree:
            yield f'<path class="mark" d="M{PAD} 11 h9 l-4.5 6 z"/>'
            at += 16
        if part.item.title:
            yield f'<text class="bold" x="{at}" y="18">{written(part.item.title)}</text>'
        if part.item.times > 1:
            yield f'<text class="bold end times" x="{width - PAD}" y="18">{times_text(part.item)}</text>'
        yield "</g>"
        if self.is_tree:
            yield '<g class="body" role="group">'
        yield from self.row(part.chains[0], level + 1)
        if self.is_tree:
            yield "</g>"

    def face(self, part: Part, face: Face) -> Iterator[str]:
        """The box of a layer or a closed frame, in its own coordinates."""
        width, height = face.width, face.height
        is_frame = part.kind in ("frame", "side")
        if is_frame:
            # A second sheet behind the first: there is more in it.
            yield f'<rect class="behind" x="4" y="4" width="{width - 4}" height="{height - 1}" rx="5"/>'
            width, height = width - 4, height - 4
        round_corner = height / 2 if part.kind == "terminal" else 5
        yield f'<rect class="face" width="{width}" height="{height}" rx="{round_corner:g}"/>'
        at = PAD
        if is_frame and part.is_open:
            yield f'<path class="mark" d="M{PAD + 1} 9.5 v9 l6 -4.5 z"/>'
            at += 16
        if part.kind == "terminal":
            yield f'<text class="middle" x="{width // 2}" y="18">{written(face.title)}</text>'
            return
        bold = ' class="bold"' if is_frame else ""
        yield f'<text{bold} x="{at}" y="18">{written(face.title)}</text>'
        if face.times:
            yield f'<text class="bold end" x="{width - PAD}" y="18">{face.times}</text>'
        below = 18
        for line in face.lines:
            below += ROW
            if line:
                yield f'<text class="small" x="{PAD}" y="{below}">{written(line)}</text>'
        for kind in self.kinds:
            index = BY.index(kind)
            text = (face.parameters, face.macs)[index]
            if text:
                yield f'<text class="small end of-{kind}" x="{width - PAD}" y="{below}">{text}</text>'
            length = self.scale.meter(part, index) if part.kind == "box" else 0
            if length > 2:
                yield f'<rect class="meter of-{kind}" x="{PAD}" y="{height - 5}" width="{length}" height="3"/>'

    def fork(self, part: Part, level: int) -> Iterator[str]:
        """Branches, and what joins them."""
        assert isinstance(part.item, Fork)
        role = f' role="group" aria-label="{part.item.join} of {len(part.chains)} branches"' if self.is_tree else ""
        yield f'<g{self.named(f"n{part.number}")} class="fork"{role}>'
        for number, row in enumerate(part.chains, 1):
            if self.is_tree:
                yield f'<g role="group" aria-label="branch {number} of {len(part.chains)}">'
            if not row.parts and self.is_tree:
                yield self.skip(row)
            yield from self.row(row, level)
            if self.is_tree:
                yield "</g>"
        x, y, width, height = part.join
        yield f'<g class="join" transform="translate({x} {y})"{self.unread}>'
        if not self.is_tree:
            yield f"<title>{written_lines(self.told_of_join(part))}</title>"
        if part.item.join == "concat":
            yield f'<rect class="bar" width="{width}" height="{height}" rx="4"/>'
            turned = "" if self.layout.down else f' transform="rotate(-90 {width // 2} {height // 2})"'
            yield (f'<text class="small middle bar-text" x="{width // 2}" y="{height // 2 + 4}"{turned}>concat</text>')
        else:
            yield f'<circle class="disc" cx="{width // 2}" cy="{height // 2}" r="{width // 2 - 1}"/>'
            sign = "M5 10 H15 M10 5 V15" if part.item.join == "add" else "M6.5 6.5 L13.5 13.5 M13.5 6.5 L6.5 13.5"
            yield f'<path class="sign" d="{sign}"/>'
        yield "</g>"
        yield "</g>"

    def skip(self, row: Row) -> str:
        """What is told of a branch that is a line alone: nothing is drawn but its edge."""
        assert row.chain.skip
        told = f"identity\n{self.where([row.chain.skip])}\n{shape_text(row.chain.input)} passes on"
        name = attribute(told.replace("\n", ". "))
        about = f"aria-label={name} data-told={attribute(told)}"
        return f'<g id="s{row.number}" class="skip" role="treeitem" tabindex="-1" {about}/>'

    # What is told of a part

    def told(self, part: Part) -> str:
        """What a part is, where it is written, what goes in and out, and what it costs, a line each."""
        item = part.item
        if item is None:
            assert part.face
            return part.face.title
        if isinstance(item, Box):
            named = [f"{name}: {text}" if name else text for name, text in zip(item.names, item.texts, strict=True)]
            lines = [", ".join(named), self.where(item.spans)]
        else:
            assert not isinstance(item, Fork)
            lines = [item.title or "a group that repeats", self.where((item.span,))]
        gives = item.gives if isinstance(item, Side) else item.output
        layers = "" if isinstance(item, Box) else f", in {plural_of_layers(item.layers)}"
        lines.append(f"{shape_text(item.input)} gives {shape_text(gives)}{layers}")
        lines.append(cost_text(item.cost))
        if isinstance(item, Frame) and item.alike:
            lines.append(f"the first of {item.times} that are alike but for channels or decimals")
        if part.repeats > 1 and not any(part.cost):
            lines.append(f"there {part.repeats:,} times")
        elif part.repeats > 1:
            lines.append(f"there {part.repeats:,} times, together {cost_text(part.cost)}")
        if part.kind == "side":
            lines.append("an auxiliary head, there in training alone")
        return "\n".join(lines)

    def told_of_join(self, part: Part) -> str:
        item = part.item
        assert isinstance(item, Fork)
        return (
            f"{item.join} of {len(item.branches)} branches\n{self.where((item.span,))}\ngives {shape_text(item.output)}"
        )

    def where(self, spans: Items[Span]) -> str:
        """The lines of the spec on which something is written, and the text of that where it begins."""
        first = spans[0]
        numbers = sorted({span.line for span in spans if span.source is first.source})
        lines = f"line{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
        file = "" if first.source is self.main_source else f" of {first.source.name}"
        text = " ".join(first.source.line(first.line).split())
        return f"{lines}{file}: {text if len(text) <= LONGEST_LINE else text[:LONGEST_LINE] + '…'}"


def written_lines(text: str) -> str:
    return "\n".join(written(line) for line in text.split("\n"))


def strip_path(width: int) -> str:
    """The strip with a frame's title: round above, straight below."""
    return f"M0.5 {HEADER} V6 a5.5 5.5 0 0 1 5.5 -5.5 H{width - 6} a5.5 5.5 0 0 1 5.5 5.5 V{HEADER} Z"


def path_of(edge: Edge) -> str:
    """The edge as path data, its corners rounded."""
    points = edge.points
    parts = [f"M{points[0].x} {points[0].y}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        a, b = towards(corner, before), towards(corner, after)
        parts.append(f"L{a[0]} {a[1]} Q{corner.x} {corner.y} {b[0]} {b[1]}")
    parts.append(f"L{points[-1].x} {points[-1].y}")
    return " ".join(parts)


def towards(corner: tuple[int, int], end: tuple[int, int]) -> tuple[int, int]:
    """The point on a straight piece where the bend at its corner begins."""
    dx, dy = end[0] - corner[0], end[1] - corner[1]
    reach = min(BEND, (abs(dx) + abs(dy)) // 2)
    return corner[0] + reach * sign(dx), corner[1] + reach * sign(dy)


def sign(value: int) -> int:
    return (value > 0) - (value < 0)


# The legend


def legend_of(layout: Layout, by: str, width: int, is_page: bool = False) -> tuple[list[str], int]:
    """What the marks mean, as far as they are there, in rows of this width; with its height.

    In a page, where frames are closed, there is the mark of those in any case.
    """
    letter = by[0]
    scale = scale_of(layout)
    index = BY.index(by)
    parts = [part for part in layout.parts() if part.kind != "fork"]
    present = sorted({scale.level(part, index) for part in parts if part.item is not None})
    entries: list[tuple[str, str]] = [("", f"color: share of the {by}")]
    entries += [
        (f'<rect class="swatch {letter}{level}" y="-11" width="18" height="12" rx="2"/>', LEVEL_TEXTS[level])
        for level in present
    ]
    entries.append(('<rect class="meter" y="-5" width="18" height="3"/>', f"{by} against the largest box"))
    joins = {part.item.join for part in layout.parts() if isinstance(part.item, Fork)}
    if "add" in joins:
        entries.append((sign_of("M4.5 9 H13.5 M9 4.5 V13.5"), "sum"))
    if "mul" in joins:
        entries.append((sign_of("M6 6 L12 12 M12 6 L6 12"), "product"))
    if any(part.repeats > 1 for part in parts):
        entries.append(('<text class="small bold">× n</text>', "n times behind itself; color and bar count them all"))
    if any(isinstance(part.item, Frame) and part.item.alike for part in parts):
        entries.append(("", "alike: but for channels or decimals; the first is drawn"))
    if any(part.kind in ("frame", "side") and (is_page or not part.is_open) for part in parts):
        entries.append(
            (
                '<rect class="behind" x="3" y="-8" width="15" height="10" rx="2"/>'
                '<rect class="swatch p0" y="-11" width="15" height="10" rx="2"/>',
                "a block that is closed",
            )
        )
    if any(part.kind == "side" for part in parts):
        entries.append(('<path class="edge dashed" d="M0 -4 H18"/>', "auxiliary head, there in training alone"))
    lines = []
    x, y = 1, 12
    for mark, text in entries:
        needed = (24 if mark else 0) + text_width(text, SMALL_SIZE) + 14
        if x > 1 and x + needed > width:
            x, y = 1, y + 18
        lines.append(
            f'<g transform="translate({x} {y})">{mark}<text class="small" x="{24 if mark else 0}">{text}</text></g>'
        )
        x += needed
    return lines, y + 8


def sign_of(path: str) -> str:
    return (
        f'<g transform="translate(0 -13)"><circle class="disc" cx="9" cy="9" r="8"/><path class="sign" d="{path}"/></g>'
    )
