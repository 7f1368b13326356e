"""What `archdsl show` prints: a row for each layer or folded block, totals, and the forecast of memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any, NamedTuple

from archdsl.backends.table import aligned, layers, number, rows, totals
from archdsl.cost.memory import Amount, Forecast, Parts
from archdsl.cost.receptive_field import Field
from archdsl.cost.sizes import size_text
from archdsl.formats.json import written
from archdsl.formats.report import VERSION
from archdsl.network import Leaf, Network
from archdsl.shapes import Image, Shape

_PART_NAMES = {
    "weights": "weights",
    "gradients": "gradients",
    "optimizer": "optimizer's state",
    "activations": "activations kept",
    "workspace": "workspace",
    "input": "input",
}


class CostRow(NamedTuple):
    """A layer, a block, or a block with all that is in it, which then has its sums.

    where, line: its place, of another file with its name; and the line of the spec that leads there.
    text: as it is written, indented by how deep it stands.
    kept: bytes that are kept for the backward pass of what it makes, for one sample.
    parameters, macs, kept: None for a block whose rows follow, so that the columns add up.
    """

    keys: tuple[str, ...]
    where: str
    line: int
    text: str
    output: Shape
    parameters: int | None
    macs: int | None
    kept: int | None
    field: Field
    in_head: bool


class Fit(NamedTuple):
    """Whether a batch fits into a limit of bytes.

    purpose: "training" or "inference".
    batch: the batch that is asked about; 1 where none is.
    largest_batch: the largest that fits; 0 where one sample does not.
    """

    limit: int
    purpose: str
    batch: int
    largest_batch: int

    @property
    def fits(self) -> bool:
        return self.batch <= self.largest_batch


class Memory(NamedTuple):
    """The forecast for a batch."""

    batch: int
    optimizer: str
    training: Forecast
    inference: Forecast


class CostReport(NamedTuple):
    """All that is told of a network's cost. `memory` and `fit` are there where they are asked for."""

    file: str
    network: Network
    precision: str
    rows: tuple[CostRow, ...]
    field: Field
    kept: int
    memory: Memory | None
    fit: Fit | None


def cost_rows(
    network: Network, kept: dict[tuple[str, ...], Amount], fields: dict[tuple[str, ...], Field], depth: int | None
) -> tuple[CostRow, ...]:
    """The rows down to a depth of 1 or more; what lies deeper is summed into the row that it is in."""
    summed: dict[tuple[str, ...], int] = {}
    for keys, amount in kept.items():
        summed[keys[:depth]] = summed.get(keys[:depth], 0) + amount.at(1)
    found = []
    for row in rows(network):
        keys, node = row.keys, row.node
        if depth is not None and len(keys) > depth:
            continue
        # What a join makes is its own, though the rows of its branches follow.
        is_whole = isinstance(node, Leaf) or len(keys) == depth
        found.append(
            CostRow(
                keys,
                row.where,
                row.line,
                row.text.rstrip(),
                node.output,
                node.cost.parameters if is_whole else None,
                node.cost.macs if is_whole else None,
                summed.get(keys, 0 if is_whole else None),
                fields[keys],
                row.in_head,
            )
        )
    return tuple(found)


def text(report: CostReport) -> str:
    """For people: the table, totals, and the forecast."""
    network = report.network
    has_fields = isinstance(network.input, Image)
    shares = (
        _share(network.cost.parameters),
        _share(network.cost.macs),
        _share(report.kept),
    )
    head = ("line", "layer", "output", "parameters", "%", "multiply-adds", "%", "kept", "%", "field", "step")
    cells = [head if has_fields else head[:-2]]
    for row in report.rows:
        # Heads count for the memory of training, and not for the network's parameters and multiply-adds.
        parameters, macs = (None, None) if row.in_head else (row.parameters, row.macs)
        each = (
            str(row.line),
            row.text,
            str(row.output),
            number(row.parameters),
            shares[0](parameters),
            number(row.macs),
            shares[1](macs),
            "" if row.kept is None else size_text(row.kept) if row.kept else "0",
            shares[2](row.kept),
        )
        cells.append((*each, str(row.field), row.field.step_text) if has_fields else each)
    lines = aligned(cells, "><<>>>>>>>>"[: len(cells[0])])
    lines += [f"{network.input} gives {network.output}, in {layers(network)}", *totals(network)]
    lines.append(f"{size_text(report.kept)} kept for the backward pass of one sample, in {report.precision}")
    if has_fields:
        lines.append(field_text(report.field))
    if report.memory is not None:
        lines += ["", *_memory_lines(report.memory, report.precision)]
    if report.fit is not None:
        lines += ["", _fit_line(report.fit, report)]
    return "\n".join(lines)


def field_text(field: Field) -> str:
    """The receptive field of an output as a sentence."""
    window = "x".join(map(str, field.size))
    down, across = field.step
    step = f"in steps of {down}" if down == across else f"in steps of {down} down and {across} across"
    if not field.sees_all:
        return f"receptive field {window}, {step}"
    if field.is_window:
        return f"receptive field {window}, {step}, and all of the input through gates"
    return f"receptive field {window}, {step}, up to the global layer; behind it, all of the input"


def _share(whole: int) -> Callable[[int | None], str]:
    return lambda part: "" if part is None or not whole else f"{100 * part / whole:.1f}"


def _memory_lines(memory: Memory, precision: str) -> list[str]:
    training, inference = memory.training.at(memory.batch), memory.inference.at(memory.batch)
    cells: list[tuple[str, ...]] = [("", f"training with {memory.optimizer}", "inference")]
    for name, label in _PART_NAMES.items():
        cells.append((label, *(size_text(getattr(parts, name)) for parts in (training, inference))))
    cells.append(("peak", size_text(training.total), size_text(inference.total)))
    head, rule, *rest = aligned(cells, "<>>")
    *lines, peak, end = rest
    lines = [head, rule, *lines, rule, peak, end]
    return [f"memory at the worst moment, with a batch of {memory.batch:,} in {precision}", *lines]


def _fit_line(fit: Fit, report: CostReport) -> str:
    assert report.memory is not None
    forecast = report.memory.training if fit.purpose == "training" else report.memory.inference
    with_optimizer = f" with {report.memory.optimizer}" if fit.purpose == "training" else ""
    limit, purpose = size_text(fit.limit), f"{fit.purpose}{with_optimizer} in {report.precision}"
    if not fit.largest_batch:
        return f"{limit} is too little for {purpose}: a batch of 1 takes {size_text(forecast.at(1).total)}"
    largest = (
        f"the largest batch is {fit.largest_batch:,}, which takes {size_text(forecast.at(fit.largest_batch).total)}"
    )
    if not fit.fits:
        taken = size_text(forecast.at(fit.batch).total)
        return f"{limit} is too little for {purpose}: a batch of {fit.batch:,} takes {taken}; {largest}"
    return f"{limit} is enough for {purpose}: {largest}"


def json(report: CostReport) -> str:
    """One document, whose schema `archdsl schema cost` prints."""
    network, heads = report.network, report.network.head_cost
    memory, fit = report.memory, report.fit
    return written(
        {
            "version": VERSION,
            "file": report.file,
            "input": list(network.input),
            "output": list(network.output),
            "layers": network.layer_count,
            "parameters": network.cost.parameters,
            "macs": network.cost.macs,
            "head_parameters": heads.parameters,
            "head_macs": heads.macs,
            "precision": report.precision,
            "kept_bytes": report.kept,
            "receptive_field": _field_as_json(report.field, network.input),
            "rows": [_row_as_json(row, network.input) for row in report.rows],
            "memory": None
            if memory is None
            else {
                "batch": memory.batch,
                "optimizer": memory.optimizer,
                "training": _parts_as_json(memory.training.at(memory.batch)),
                "inference": _parts_as_json(memory.inference.at(memory.batch)),
            },
            "fit": None if fit is None else {**fit._asdict(), "fits": fit.fits},
        },
        indent=2,
    )


def _row_as_json(row: CostRow, input: Shape) -> dict[str, Any]:
    file, _, line = row.where.rpartition(":")
    return {
        "key": ".".join(row.keys),
        "file": file or None,
        "line": int(line),
        "layer": row.text.strip(),
        "output": list(row.output),
        "parameters": row.parameters,
        "macs": row.macs,
        "kept_bytes": row.kept,
        "in_head": row.in_head,
        "receptive_field": _field_as_json(row.field, input),
    }


def _field_as_json(field: Field, input: Shape) -> dict[str, Any] | None:
    if not isinstance(input, Image):
        return None
    steps = [float(step) for step in field.step]
    return {"size": list(field.size), "step": steps, "sees_all": field.sees_all, "is_window": field.is_window}


def _parts_as_json(parts: Parts) -> dict[str, int]:
    return {**parts._asdict(), "total": parts.total}


def csv_text(report: CostReport) -> str:
    """The rows alone, with a line of names; a number that a row does not have is empty."""
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    names = "key line layer output parameters multiply_adds kept_bytes receptive_field step in_head"
    writer.writerow(names.split())
    is_image = isinstance(report.network.input, Image)
    for row in report.rows:
        field = (str(row.field), row.field.step_text) if is_image else ("", "")
        numbers = (row.parameters, row.macs, row.kept)
        writer.writerow(
            (".".join(row.keys), row.where, row.text.strip(), row.output, *numbers, *field, int(row.in_head))
        )
    return output.getvalue().rstrip("\n")
