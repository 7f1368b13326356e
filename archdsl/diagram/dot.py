"""A layout as a graph of Graphviz, in its language DOT."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.diagnostics.render import visible
from archdsl.diagram.graph import Cluster, Graph, GraphNode, graph_of
from archdsl.diagram.layout import Layout
from archdsl.diagram.style import LIGHT


def dot(layout: Layout, by: str) -> str:
    """The drawing as DOT text."""
    return "\n".join(_lines(graph_of(layout, by))) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    yield f"digraph {quoted(graph.name)} {{"
    yield f'  rankdir={"TB" if graph.down else "LR"}; fontname="Helvetica"; nodesep=0.3; ranksep=0.35'
    yield (
        f'  node [shape=box style="rounded,filled" fontname="Helvetica" fontsize=11 color="{LIGHT.outline}" '
        f'fontcolor="{LIGHT.ink}"]'
    )
    yield f'  edge [fontname="Helvetica" fontsize=9 arrowsize=0.6 color="{LIGHT.line}" fontcolor="{LIGHT.quiet_ink}"]'
    yield from _cluster(graph.root, "  ")
    for edge in graph.edges:
        label = f"label={quoted(' ' + edge.label)}" if edge.label else ""
        dashed = "style=dashed" if edge.is_dashed else ""
        facts = " ".join(each for each in (label, dashed) if each)
        yield f"  n{edge.source} -> n{edge.target}{f' [{facts}]' if facts else ''}"
    yield "}"


def _cluster(cluster: Cluster, indent: str) -> Iterator[str]:
    for node in cluster.nodes:
        yield f"{indent}{_node(node)}"
    for inner in cluster.clusters:
        dashed = ",dashed" if inner.is_head else ""
        yield f"{indent}subgraph cluster_{inner.number} {{"
        style = f'style="rounded{dashed}" color="{LIGHT.outline}"'
        yield f"{indent}  label={quoted(inner.title)} labeljust=l fontsize=11 {style}"
        yield from _cluster(inner, indent + "  ")
        yield f"{indent}}}"


def _node(node: GraphNode) -> str:
    if node.kind in ("add", "mul"):
        sign = "+" if node.kind == "add" else "×"
        return f'n{node.number} [label="{sign}" shape=circle width=0.25 fixedsize=true fillcolor=white]'
    if node.kind == "concat":
        return f'n{node.number} [label="concat" height=0.2 fillcolor="{LIGHT.join}" fontcolor=white]'
    # A line that ends in \l begins at the left; a terminal's one line is in the middle.
    text = quoted(node.lines[0]) if node.kind == "terminal" else quoted(*node.lines)
    closed = " peripheries=2" if node.kind == "closed" else ""
    return f'n{node.number} [label={text} fillcolor="{LIGHT.levels[node.level]}"{closed}]'


def quoted(*lines: str) -> str:
    """Lines as a string of DOT; of several, each begins at the left."""
    texts = [visible(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines]
    return f'"{texts[0]}"' if len(texts) == 1 else '"' + "".join(f"{text}\\l" for text in texts) + '"'
