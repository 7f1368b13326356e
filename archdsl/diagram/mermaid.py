"""A layout as a flowchart of Mermaid, which GitHub, GitLab and many editors draw in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.diagnostics.render import visible
from archdsl.diagram.graph import Cluster, Graph, GraphNode, graph_of
from archdsl.diagram.layout import Layout
from archdsl.diagram.style import LIGHT

_SHAPES = {
    "terminal": ("([", "])"),
    "box": ("[", "]"),
    "closed": ("[[", "]]"),
    "concat": ("[", "]"),
    "add": ("((", "))"),
    "mul": ("((", "))"),
}
_SIGNS = {"concat": "concat", "add": "#43;", "mul": "×"}


def mermaid(layout: Layout, by: str) -> str:
    """The drawing as Mermaid text."""
    return "\n".join(_lines(graph_of(layout, by))) + "\n"


def markdown(layout: Layout, by: str) -> str:
    """The drawing as Mermaid text in a fence of Markdown."""
    return f"```mermaid\n{mermaid(layout, by)}```\n"


def _lines(graph: Graph) -> Iterator[str]:
    yield f"flowchart {'TB' if graph.down else 'LR'}"
    yield from _cluster(graph.root, "  ", graph.down)
    for edge in graph.edges:
        arrow = "-.->" if edge.is_dashed else "-->"
        label = f'|"{edge.label}"|' if edge.label else ""
        yield f"  n{edge.source} {arrow}{label} n{edge.target}"
    for level, color in enumerate(LIGHT.levels):
        yield f"  classDef c{level} fill:{color},stroke:{LIGHT.outline},color:{LIGHT.ink}"
    yield f"  classDef frame fill:{LIGHT.areas[0]},stroke:{LIGHT.outline},color:{LIGHT.ink}"
    yield f"  classDef head fill:{LIGHT.areas[0]},stroke:{LIGHT.outline},color:{LIGHT.ink},stroke-dasharray:5 3"
    yield f"  classDef joint fill:{LIGHT.join},stroke:{LIGHT.join},color:{LIGHT.paper}"


def _cluster(cluster: Cluster, indent: str, down: bool) -> Iterator[str]:
    for node in cluster.nodes:
        yield f"{indent}{_node(node)}"
    for inner in cluster.clusters:
        yield f'{indent}subgraph g{inner.number}["{escaped(inner.title) or " "}"]'
        yield f"{indent}  direction {'TB' if down else 'LR'}"
        yield from _cluster(inner, indent + "  ", down)
        yield f"{indent}end"
        yield f"{indent}class g{inner.number} {'head' if inner.is_head else 'frame'}"


def _node(node: GraphNode) -> str:
    before, after = _SHAPES[node.kind]
    text = _SIGNS.get(node.kind) or "<br/>".join(escaped(line) for line in node.lines)
    style = "joint" if node.kind in _SIGNS else f"c{node.level}"
    return f'n{node.number}{before}"{text}"{after}:::{style}'


def escaped(text: str) -> str:
    """A text between quotes: what means something to Mermaid, HTML or Markdown by the number of its character."""
    return "".join(f"#{ord(letter)};" if letter in '#"<>&`\\*_' else letter for letter in visible(text))
