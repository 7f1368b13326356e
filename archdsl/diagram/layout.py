"""What is drawn, with its size and place: numbers alone, whole pixels.

Data flows along the main axis, from the top to the bottom or from the left to the right; branches stand side by side
on the other one, the cross axis. Each part has a line through it on which the data flows, its axis: the parts of a
chain are placed so that theirs are one straight line, with what is beside it left and right. So a layout needs no
search: sizes add up from the inside out, and places follow from the outside in.

The page of `html.py` lays out anew what is opened and closed; `script.py` has the same rules, and a test holds that
both give the same places.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from archdsl.diagram.picture import Box, Chain, Fork, Frame, Item, Picture, Side, cost_together
from archdsl.diagram.text_width import text_width
from archdsl.diagram.words import plural_of_layers, shape_text, short_number
from archdsl.layers.base import Cost

TITLE_SIZE, SMALL_SIZE, LABEL_SIZE = 13, 11, 11
"""The font sizes in pixels: of a box's first line and a frame's title, of its other lines, and of an edge's shape."""

PAD = 12
"""Between the sides of a box or frame and what is in it."""

ROW, FIRST_ROW, LAST_ROW = 16, 28, 8
"""Heights: of a further line in a box, of its first, and what is below its last where there are several."""

HEADER = 28
"""The height of the strip with a frame's title."""

GAP, LABELLED_GAP = 22, 34
"""The lengths of an edge between two parts, without and with a shape at it."""

TAP = 16
"""The length of the edge in front of, and behind, the place where a head leaves the chain."""

BRANCH_GAP = 20
"""Between two branches."""

RAIL = 16
"""The width of a branch that is a line alone."""

SIDE_GAP = 36
"""Between a chain and the heads beside it."""

FAN = 22
"""The length of the edges that lead into branches."""

BAR, DISC = 18, 20
"""What joins branches: the thickness of the bar of `concat`, the diameter of the circle of `add` and `mul`."""

LEAST_BAR = 60
"""No bar of a `concat` is shorter."""

LEAST_BOX = 124
"""No box is narrower: that is room for the longest meter."""

WIDEST_LINE = 150
"""The small lines of a box are wrapped at this width, or at that of its title."""


class Point(NamedTuple):
    x: int
    y: int


class Edge(NamedTuple):
    """A line of one or more straight pieces. `label` is the shape that flows, or "", and stands at `label_at`."""

    points: tuple[Point, ...]
    has_arrow: bool
    label: str = ""
    label_at: Point = Point(0, 0)
    is_dashed: bool = False


class Face(NamedTuple):
    """The texts of a box or of a closed frame, with its size.

    title: the first line; times: the count at its end, or "".
    lines: the small lines below.
    parameters, macs: at the end of the last line, or "" where there are none.
    """

    title: str
    times: str
    lines: tuple[str, ...]
    parameters: str
    macs: str
    width: int
    height: int


@dataclass
class Part:
    """Something that is drawn. Its place is filled in by the layout, and not changed afterwards.

    number: counts the parts in the order of the text.
    kind: "terminal", "box", "frame", "side" or "fork".
    face: the texts of a box, a terminal, or a frame that is closed; of a fork, None.
    chains: what is in it: of an open frame its body, of a fork its branches.
    repeats: how often it is there, all repeats around it counted.
    cost: what all of these cost together.
    header_width: what the title of a frame needs that is open.
    join: of a fork, x, y, width and height of what joins its branches.
    main, before, after: its length on the main axis, and how far it reaches on both sides of its line of data.
    """

    number: int
    kind: str
    item: Item | None
    face: Face | None
    repeats: int = 1
    cost: Cost = Cost()  # noqa: RUF009 - it is never changed.
    header_width: int = 0
    chains: list[Row] = field(default_factory=list)
    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0
    join: tuple[int, int, int, int] = (0, 0, 0, 0)
    main: int = 0
    before: int = 0
    after: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it is a frame that shows what is in it."""
        return bool(self.chains) and self.kind != "fork"


@dataclass
class Row:
    """A chain as it is drawn: its parts, and a label for the edge behind each. A branch without parts is a line.

    edges: those that lead in, those between the parts, those to heads, and those that lead out.
    """

    number: int
    chain: Chain
    parts: list[Part]
    labels: list[str]
    edges: list[Edge] = field(default_factory=list)
    main: int = 0
    before: int = 0
    after: int = 0


class Layout(NamedTuple):
    """A picture with all its places. `row` is the outermost chain, terminals included; the corner is (0, 0)."""

    picture: Picture
    down: bool
    row: Row
    width: int
    height: int

    def parts(self) -> Iterator[Part]:
        """Every part that is drawn, in the order of the text."""
        stack = list(reversed(self.row.parts))
        while stack:
            part = stack.pop()
            yield part
            stack += [each for row in reversed(part.chains) for each in reversed(row.parts)]

    def rows(self) -> Iterator[Row]:
        """Every chain that is drawn."""
        stack = [self.row]
        while stack:
            row = stack.pop()
            yield row
            stack += [each for part in row.parts for each in part.chains]


def layout_of(picture: Picture, depth: int, down: bool = True) -> Layout:
    """Place everything of a picture.

    Args:
        depth: so many frames in each other are shown open.
    """
    row = _Builder(depth, down).root(picture)
    placing = _Placing(down)
    placing.measure_row(row)
    placing.place_row(row, 0, row.before)
    width, height = row.before + row.after, row.main
    return Layout(picture, down, row, *((width, height) if down else (height, width)))


def drawn_count(picture: Picture, depth: int) -> int:
    """How many boxes and closed frames are drawn where so many frames in each other are open."""
    known: dict[tuple[int, int], int] = {}

    def count(chain: Chain, depth: int) -> int:
        key = (id(chain), depth)
        if key not in known:
            total = 0
            for item in chain.items:
                if isinstance(item, Fork):
                    total += sum(count(branch, depth) for branch in item.branches)
                elif isinstance(item, Box) or depth == 0:
                    total += 1
                else:
                    total += count(item.body, depth - 1)
            known[key] = total
        return known[key]

    return count(picture.chain, depth)


def depth_of(picture: Picture) -> int:
    """How many frames stand in each other, at most."""
    known: dict[int, int] = {}

    def depth(chain: Chain) -> int:
        if id(chain) not in known:
            known[id(chain)] = max((inner(item) for item in chain.items), default=0)
        return known[id(chain)]

    def inner(item: Item) -> int:
        if isinstance(item, Box):
            return 0
        if isinstance(item, Fork):
            return max(depth(branch) for branch in item.branches)
        return 1 + depth(item.body)

    return depth(picture.chain)


# From the picture to parts with texts


class _Builder:
    """Makes the parts of a picture, with their texts."""

    def __init__(self, depth: int, down: bool) -> None:
        self.depth = depth
        self.down = down
        self.counts = {"part": 0, "row": 0}

    def number(self, kind: str = "part") -> int:
        self.counts[kind] += 1
        return self.counts[kind] - 1

    def root(self, picture: Picture) -> Row:
        start = self.terminal("input", shape_text(picture.chain.input))
        row = self.row(picture.chain, 0, 1, 1)
        end = self.terminal("output", shape_text(picture.chain.output))
        row.parts = [start, *row.parts, end]
        row.labels = ["", *row.labels[:-1], "", ""]
        return row

    def terminal(self, word: str, shape: str) -> Part:
        text = f"{word} {shape}"
        width = even(text_width(text, TITLE_SIZE) + 2 * PAD + 8)
        return Part(self.number(), "terminal", None, Face(text, "", (), "", "", width, FIRST_ROW))

    def row(self, chain: Chain, level: int, repeats: int, factor: int) -> Row:
        """A chain that is there so often; `factor` is how often what its items cost together counts."""
        if not chain.items:
            return Row(self.number("row"), chain, [], [])
        number = self.number("row")
        parts = [self.part(item, level, repeats * item.times, factor) for item in chain.items]
        if self.down:
            # Boxes of one column are of one width.
            boxes = [part for part in parts if part.kind == "box"]
            width = max((part.face.width for part in boxes if part.face), default=0)
            for part in boxes:
                assert part.face
                part.face = part.face._replace(width=width)
        labels = []
        flows = chain.input
        for item in chain.items:
            labels.append("" if item.output == flows else shape_text(item.output))
            flows = item.output
        return Row(number, chain, parts, labels)

    def part(self, item: Item, level: int, repeats: int, factor: int) -> Part:
        number = self.number()
        together = cost_together(item)
        cost = Cost(factor * together.parameters, factor * together.macs)
        if isinstance(item, Box):
            return Part(number, "box", item, face_of_box(item), repeats, cost)
        if isinstance(item, Fork):
            part = Part(number, "fork", item, None, repeats, cost)
            part.chains = [self.row(branch, level, repeats, factor) for branch in item.branches]
            for row in part.chains:
                if item.join != "concat" and row.labels:
                    row.labels[-1] = ""
            return part
        kind = "side" if isinstance(item, Side) else "frame"
        part = Part(number, kind, item, face_of_frame(item), repeats, cost, header_width_of(item))
        if level < self.depth:
            # What is in a frame that stands for others has what all of them cost.
            inner = factor if isinstance(item, Frame) and item.alike else factor * item.times
            part.chains = [self.row(item.body, level + 1, repeats, inner)]
            # What comes out of a frame is told at the edge behind it.
            part.chains[0].labels[-1:] = [""]
        return part


def times_text(item: Item) -> str:
    """How often an item stands behind itself: "× 3", "× 6 alike", or "" where it does once."""
    alike = " alike" if isinstance(item, Frame) and item.alike else ""
    return f"× {item.times}{alike}" if item.times > 1 else ""


def even(size: int) -> int:
    return size + size % 2


def face_of_box(box: Box) -> Face:
    """The texts of a box and its size: the first layer, what follows it, and what it costs."""
    cost = [short_number(value) if value else "" for value in box.cost]
    return face(box.texts[0], times_text(box), wrapped(box.texts), *cost)


def face_of_frame(frame: Frame | Side) -> Face:
    """The texts of a closed frame."""
    cost = [short_number(value) if value else "" for value in frame.cost]
    count = plural_of_layers(frame.layers)
    title = frame.title or count
    width = text_width(title, TITLE_SIZE, bold=True)
    found = face(title, times_text(frame), (count,) if frame.title else (), *cost)
    needed = even(width + end_width(frame) + 2 * PAD + MARK)
    return found._replace(width=max(found.width, needed))


def face(title: str, times: str, lines: tuple[str, ...], parameters: str, macs: str) -> Face:
    first = text_width(title, TITLE_SIZE) + (PAD + text_width(times, TITLE_SIZE, bold=True) if times else 0)
    if (parameters or macs) and not lines:
        lines = ("",)
    widths = [text_width(line, SMALL_SIZE) for line in lines]
    if parameters or macs:
        cost = max(text_width(parameters, SMALL_SIZE), text_width(macs, SMALL_SIZE))
        widths[-1] += cost + (PAD if lines[-1] else 0)
    width = even(max(LEAST_BOX, max([first, *widths]) + 2 * PAD))
    height = FIRST_ROW + (len(lines) * ROW + LAST_ROW - 4 if lines else 0)
    return Face(title, times, lines, parameters, macs, width, height)


def wrapped(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The layers behind a box's first, in lines that are not wider than the first, or than a line may be."""
    most = max(text_width(texts[0], TITLE_SIZE), WIDEST_LINE)
    lines: list[str] = []
    for text in texts[1:]:
        longer = f"{lines[-1]}, {text}" if lines else text
        if lines and text_width(longer, SMALL_SIZE) <= most:
            lines[-1] = longer
        else:
            lines.append(text)
    return tuple(lines)


MARK = 16
"""The width of the mark that tells whether a frame is open."""


def end_width(frame: Frame | Side) -> int:
    """The width of the count at the end of a title."""
    return PAD + text_width(times_text(frame), TITLE_SIZE, bold=True) if frame.times > 1 else 0


def header_width_of(frame: Frame | Side) -> int:
    """What the strip with a frame's title needs."""
    return even(2 * PAD + MARK + text_width(frame.title, TITLE_SIZE, bold=True) + end_width(frame))


# From sizes to places


class _Placing:
    """Gives parts their sizes, then their places. `main` and `cross` are positions on the two axes."""

    def __init__(self, down: bool) -> None:
        self.down = down

    # Sizes, from the inside out

    def measure_row(self, row: Row) -> None:
        """The length of a chain, and how far it reaches on both sides of its axis."""
        sides = [part for part in row.parts if part.kind == "side"]
        row.main, row.before, row.after = 0, RAIL // 2, RAIL // 2
        for part in row.parts:
            self.measure_part(part)
            if part.kind != "side":
                row.before, row.after = max(row.before, part.before), max(row.after, part.after)
        for index, part in enumerate(row.parts):
            row.main += 0 if part.kind == "side" else part.main
            if index + 1 < len(row.parts) or part.kind == "side":
                row.main += self.gap_behind(row, index)
            if row.labels[index]:
                if self.down:
                    row.after = max(row.after, 8 + text_width(row.labels[index], LABEL_SIZE))
                else:
                    row.before = max(row.before, LABEL_SIZE + 8)
        if row.parts and row.parts[0].kind == "side":
            row.main += TAP
        if sides:
            row.after += SIDE_GAP + max(part.before + part.after for part in sides)
            # A head that reaches farther than the chain makes it longer.
            row.main = max(row.main, self.end_of_sides(row))

    def gap_behind(self, row: Row, index: int) -> int:
        """The length of the edge behind a part."""
        if row.parts[index].kind == "side":
            return TAP
        return self.length_of(row.labels[index])

    def length_of(self, label: str) -> int:
        """The length of an edge with this label."""
        if not label:
            return GAP
        return LABELLED_GAP if self.down else GAP + 12 + text_width(label, LABEL_SIZE)

    def taps(self, row: Row) -> list[int]:
        """Where each part begins on the main axis, from the chain's start; of a head, where it leaves."""
        at = TAP if row.parts and row.parts[0].kind == "side" else 0
        result = []
        for index, part in enumerate(row.parts):
            result.append(at)
            at += (0 if part.kind == "side" else part.main) + self.gap_behind(row, index)
        return result

    def side_starts(self, row: Row) -> list[tuple[Part, int, int]]:
        """The heads of a chain: where each leaves it, and where it begins, below the one before it."""
        result = []
        free = 0
        for part, tap in zip(row.parts, self.taps(row), strict=True):
            if part.kind == "side":
                start = max(tap - HEADER // 2, free)
                result.append((part, tap, start))
                free = start + part.main + BRANCH_GAP
        return result

    def end_of_sides(self, row: Row) -> int:
        return max(start + part.main for part, _, start in self.side_starts(row))

    def measure_part(self, part: Part) -> None:
        if part.kind == "fork":
            self.measure_fork(part)
        elif part.is_open:
            self.measure_frame(part)
        else:
            assert part.face
            long, wide = (part.face.height, part.face.width) if self.down else (part.face.width, part.face.height)
            part.main, part.before, part.after = long, wide // 2, wide - wide // 2

    def measure_frame(self, part: Part) -> None:
        row = part.chains[0]
        self.measure_row(row)
        part.before, part.after = row.before + PAD, row.after + PAD
        part.main = self.lead(row) + row.main + (PAD if part.kind == "side" else GAP - 8)
        if self.down:
            part.main += HEADER
            lacks = max(0, part.header_width - part.before - part.after)
            part.before, part.after = part.before + lacks // 2, part.after + lacks - lacks // 2
        else:
            part.before += HEADER
            part.main = max(part.main, part.header_width)

    def lead(self, row: Row) -> int:
        """The length of the edge from a frame's start to its first part."""
        return GAP // 2 if row.parts and row.parts[0].kind == "fork" else GAP

    def measure_fork(self, part: Part) -> None:
        assert isinstance(part.item, Fork)
        for row in part.chains:
            self.measure_row(row)
        exits = max(self.length_of(row.labels[-1] if row.labels else "") for row in part.chains)
        longest = max(row.main for row in part.chains)
        joint = BAR if part.item.join == "concat" else DISC
        part.main = FAN + longest + exits + joint
        axes = self.axes(part)
        axis = self.axis_of(part, axes)
        # The bar of a `concat` has room for its word.
        least = LEAST_BAR // 2 if part.item.join == "concat" else DISC // 2
        part.before = max(axis, least)
        part.after = max(axes[-1] + part.chains[-1].after - axis, least)

    def axes(self, part: Part) -> list[int]:
        """Where the axes of the branches are on the cross axis, from the fork's start."""
        at = 0
        result = []
        for row in part.chains:
            result.append(at + row.before)
            at += row.before + row.after + BRANCH_GAP
        return result

    def axis_of(self, part: Part, axes: list[int]) -> int:
        """Where the data enters and leaves: at the one branch that is no line, at the longest of a sum, or midway."""
        assert isinstance(part.item, Fork)
        busy = [index for index, row in enumerate(part.chains) if row.parts]
        if len(busy) == 1:
            return axes[busy[0]]
        if busy and part.item.join != "concat":
            return axes[max(busy, key=lambda index: (part.chains[index].main, -index))]
        return (axes[0] + axes[-1]) // 2

    # Places, from the outside in

    def point(self, main: int, cross: int) -> Point:
        return Point(cross, main) if self.down else Point(main, cross)

    def place_row(self, row: Row, main: int, axis: int) -> None:
        """Place a chain that begins at `main`, with the edges between its parts."""
        row.edges = []
        starts = [main + tap for tap in self.taps(row)]
        reach = max([RAIL // 2, *(part.after for part in row.parts if part.kind != "side")])
        if self.down:
            labels = [8 + text_width(label, LABEL_SIZE) for label in row.labels if label]
            reach = max([reach, *labels])
        for index, (part, start) in enumerate(zip(row.parts, starts, strict=True)):
            if part.kind != "side":
                self.place_part(part, start, axis)
            if index + 1 < len(row.parts):
                end = start if part.kind == "side" else start + part.main
                row.edges.append(self.edge(end, starts[index + 1], axis, row.labels[index], row.parts[index + 1]))
        for part, tap, start in self.side_starts(row):
            lane = axis + reach + SIDE_GAP // 2
            side_start = axis + reach + SIDE_GAP
            self.place_part(part, main + start, side_start + part.before)
            enters = main + start + HEADER // 2
            ends = [self.point(main + tap, axis), self.point(main + tap, lane), self.point(enters, lane)]
            row.edges.append(Edge(straightened([*ends, self.point(enters, side_start)]), True, is_dashed=True))

    def edge(self, start: int, end: int, axis: int, label: str, target: Part | None) -> Edge:
        """A straight edge along the main axis; it has an arrow where it ends at something that is drawn."""
        arrow = target is not None and target.kind in ("box", "terminal", "frame") and not target.is_open
        return Edge((self.point(start, axis), self.point(end, axis)), arrow, label, self.label_at(start, axis))

    def label_at(self, start: int, axis: int) -> Point:
        return Point(axis + 8, start + 18) if self.down else Point(start + 8, axis - 6)

    def place_part(self, part: Part, main: int, axis: int) -> None:
        part.x, part.y = self.point(main, axis - part.before)
        wide = part.before + part.after
        part.width, part.height = (wide, part.main) if self.down else (part.main, wide)
        if part.kind == "fork":
            self.place_fork(part, main, axis)
        elif part.is_open:
            self.place_body(part, main, axis)

    def place_body(self, part: Part, main: int, axis: int) -> None:
        """Place what is in an open frame, with the edges from its start and to its end."""
        row = part.chains[0]
        start = main + (HEADER if self.down else 0)
        # The axis of an auxiliary head is its own; that of a frame is that of its chain.
        lead = self.lead(row)
        self.place_row(row, start + lead, axis)
        first = row.parts[0] if row.parts else None
        row.edges.insert(0, self.edge(start, start + lead + self.first_tap(row), axis, "", first))
        if part.kind == "frame":
            row.edges.append(self.edge(start + lead + self.end_of_line(row), main + part.main, axis, "", None))

    def first_tap(self, row: Row) -> int:
        return self.taps(row)[0] if row.parts else 0

    def end_of_line(self, row: Row) -> int:
        """Where the last part of a chain ends, from the chain's start; heads beside it may reach farther."""
        if not row.parts:
            return 0
        last = row.parts[-1]
        return self.taps(row)[-1] + (0 if last.kind == "side" else last.main)

    def place_fork(self, part: Part, main: int, axis: int) -> None:
        """Place the branches, the edges that lead into them and out of them, and what joins them."""
        assert isinstance(part.item, Fork)
        is_concat = part.item.join == "concat"
        axes = self.axes(part)
        own = self.axis_of(part, axes)
        axes = [axis + each - own for each in axes]
        joint = BAR if is_concat else DISC
        join_start = main + part.main - joint
        if is_concat:
            low = max(axis - part.before, min(*axes, axis - LEAST_BAR // 2 + RAIL // 2) - RAIL // 2)
            high = min(axis + part.after, max(*axes, axis + LEAST_BAR // 2 - RAIL // 2) + RAIL // 2)
        else:
            low, high = axis - DISC // 2, axis + DISC // 2
        corner, end = self.point(join_start, low), self.point(join_start + joint, high)
        part.join = (corner.x, corner.y, end.x - corner.x, end.y - corner.y)
        longest = max(row.main for row in part.chains)
        for row, branch in zip(part.chains, axes, strict=True):
            start = main + FAN + (longest - row.main) // 2
            self.place_row(row, start, branch)
            ends = [self.point(main, axis), self.point(main, branch)]
            out = [self.point(start + self.end_of_line(row), branch)]
            if row.parts:
                first = row.parts[0]
                arrow = first.kind == "box" or (first.kind == "frame" and not first.is_open)
                into = self.point(start + self.first_tap(row), branch)
                row.edges.insert(0, Edge(straightened([*ends, into]), arrow))
            else:
                out = ends
            if is_concat or branch == axis:
                out.append(self.point(join_start, branch))
            else:
                near = low if branch < axis else high
                out += [self.point(join_start + DISC // 2, branch), self.point(join_start + DISC // 2, near)]
            label = row.labels[-1] if row.labels else ""
            row.edges.append(Edge(straightened(out), True, label, self.label_at(start + self.end_of_line(row), branch)))


def straightened(points: list[Point]) -> tuple[Point, ...]:
    """The points without those that equal the one before, or lie on a straight line between their neighbours."""
    result: list[Point] = []
    for point in points:
        if result and point == result[-1]:
            continue
        if len(result) > 1 and (result[-2].x == result[-1].x == point.x or result[-2].y == result[-1].y == point.y):
            result.pop()
        result.append(point)
    return tuple(result)
