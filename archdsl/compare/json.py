"""A comparison as JSON, for programs."""

from __future__ import annotations

from typing import Any

from archdsl.compare.compare import Change, Comparison, Side
from archdsl.network import Network

VERSION = 1


def document_of(comparison: Comparison, names: tuple[str, str]) -> dict[str, Any]:
    """The whole comparison, with what docs/diff.md names."""
    weights, kept = comparison.weights, comparison.kept
    return {
        "version": VERSION,
        "equal": comparison.equal,
        "before": {**_network(comparison.before, names[0]), "kept_bytes": kept[0]},
        "after": {**_network(comparison.after, names[1]), "kept_bytes": kept[1]},
        "changes": [_change(change) for change in comparison.changes],
        "other_keys": [{"before": old, "after": new} for old, new in comparison.other_keys],
        "weights": {
            "fit": weights.found.difference is None,
            "by_key": weights.found.by_key if weights.found.difference is None else None,
            "by_order": _by_order(comparison),
            "differences": [
                {
                    "before": theirs and {"key": theirs.key, "shape": list(theirs.shape)},
                    "after": ours and {"key": ours.key, "shape": list(ours.shape)},
                }
                for theirs, ours in weights.changed
            ],
            "except": None if weights.without is None else list(weights.without),
        },
    }


def _by_order(comparison: Comparison) -> int | None:
    found = comparison.weights.found
    return len(found.pairs) - found.by_key if found.difference is None else None


def _network(network: Network, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "input": list(network.input),
        "output": list(network.output),
        "layers": network.layer_count,
        "parameters": network.cost.parameters,
        "multiply_adds": network.cost.macs,
        "head_parameters": network.head_cost.parameters,
    }


def _change(change: Change) -> dict[str, Any]:
    shapes = change.shapes
    return {
        "kind": change.kind,
        "before": _side(change.before),
        "after": _side(change.after),
        "arguments": [argument._asdict() for argument in change.arguments],
        "shapes": shapes
        and {
            "before": list(shapes.before),
            "after": list(shapes.after),
            "until": shapes.until and {"before": _side(shapes.until[0]), "after": _side(shapes.until[1])},
        },
        "more": change.more,
        "alike": change.alike,
    }


def _side(side: Side | None) -> dict[str, Any] | None:
    if side is None:
        return None
    line, column = side.span.source.position(side.span.start)
    return {
        "text": side.text,
        "file": side.span.source.name,
        "line": line,
        "column": column,
        "key": ".".join(side.keys),
        "calls": [" ".join(call.span.text.split()) for call in side.calls],
        "output": list(side.output),
        "layers": side.layers,
    }
