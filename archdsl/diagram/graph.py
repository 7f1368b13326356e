"""A layout's parts as a plain graph, for the programs that place things by themselves: nodes, clusters and edges."""

from __future__ import annotations

from typing import NamedTuple

from archdsl.diagram.layout import Layout, Part, Row, times_text
from archdsl.diagram.picture import Box, Fork, Frame, Side
from archdsl.diagram.svg import BY, Scale, scale_of
from archdsl.diagram.words import plural_of_layers, short_number


class GraphNode(NamedTuple):
    """Something with edges. `kind` is "terminal", "box", "closed", "concat", "add" or "mul"; `level` is its color."""

    number: int
    kind: str
    lines: tuple[str, ...]
    level: int


class Cluster(NamedTuple):
    """An open frame, or, of number -1, all there is."""

    number: int
    title: str
    is_head: bool
    nodes: list[GraphNode]
    clusters: list[Cluster]


class GraphEdge(NamedTuple):
    """An edge between the numbers of two nodes, with the shape that flows where it changes."""

    source: int
    target: int
    label: str
    is_dashed: bool


class Graph(NamedTuple):
    name: str
    down: bool
    by: str
    root: Cluster
    edges: list[GraphEdge]


def graph_of(layout: Layout, by: str) -> Graph:
    """What is drawn of a layout as a graph. The places are not in it."""
    root = Cluster(-1, "", False, [], [])
    maker = _Maker(scale_of(layout), by)
    maker.row(layout.row, root, None)
    return Graph(layout.picture.name, layout.down, by, root, maker.edges)


class _End(NamedTuple):
    """Where the data comes from: a node, and the shape that is told behind it."""

    number: int
    label: str
    is_dashed: bool = False


class _Maker:
    def __init__(self, scale: Scale, by: str) -> None:
        self.scale = scale
        self.index = BY.index(by)
        self.edges: list[GraphEdge] = []

    def row(self, row: Row, cluster: Cluster, end: _End | None) -> _End | None:
        """Add a chain that goes on from an end; returns the new end."""
        for part, label in zip(row.parts, row.labels, strict=True):
            if part.kind == "side":
                self.part(part, cluster, end and end._replace(is_dashed=True, label=""))
                continue
            end = self.part(part, cluster, end)
            end = end and end._replace(label=label)
        return end

    def part(self, part: Part, cluster: Cluster, end: _End | None) -> _End | None:
        item = part.item
        if isinstance(item, Fork):
            # What enters is told once.
            others = end and end._replace(label="")
            ends = [self.row(row, cluster, others if index else end) for index, row in enumerate(part.chains)]
            node = GraphNode(part.number, item.join, (item.join,), 0)
            for each in ends:
                self.connect(each, node)
        elif isinstance(item, Frame | Side) and part.is_open:
            times = times_text(item)
            title = f"{item.title}  {times}".strip() if times else item.title
            inner = Cluster(part.number, title, part.kind == "side", [], [])
            cluster.clusters.append(inner)
            return self.row(part.chains[0], inner, end)
        else:
            level = 0 if item is None else self.scale.level(part, self.index)
            node = GraphNode(
                part.number, "closed" if isinstance(item, Frame | Side) else part.kind, self.lines(part), level
            )
            self.connect(end, node)
        cluster.nodes.append(node)
        return _End(part.number, "")

    def connect(self, end: _End | None, node: GraphNode) -> None:
        if end is not None:
            self.edges.append(GraphEdge(end.number, node.number, end.label, end.is_dashed))

    def lines(self, part: Part) -> tuple[str, ...]:
        """The texts of a node: what is drawn in the box of an SVG."""
        item, face = part.item, part.face
        assert face
        if item is None:
            return (face.title,)
        assert not isinstance(item, Fork)
        title = f"{face.title}  {face.times}" if face.times else face.title
        lines = face.lines if isinstance(item, Box) else (plural_of_layers(item.layers),) if item.title else ()
        value = item.cost[self.index]
        cost = (f"{short_number(value)} {BY[self.index]}",) if value else ()
        return (title, *(line for line in lines if line), *cost)
