"""`archdsl show`: what a network costs and sees, layer by layer, and whether it fits into memory."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.commands.output import refuse, write
from archdsl.commands.spec import read_network
from archdsl.cost.memory import forecast_inference, forecast_training, kept_activations
from archdsl.cost.receptive_field import receptive_field, receptive_fields
from archdsl.cost.sizes import read_size
from archdsl.diagnostics.render import visible
from archdsl.exit_codes import EXIT_ERRORS, EXIT_FINE
from archdsl.formats import cost
from archdsl.formats.cost import CostReport, Fit, Memory, cost_rows
from archdsl.network import Network


def show(
    spec: str,
    *,
    input: str | None = None,
    settings: Sequence[str] = (),
    root: str | None = None,
    depth: int | None = None,
    format: str = "text",
    batch: int | None = None,
    optimizer: str | None = None,
    precision: str = "fp32",
    fits: str | None = None,
    inference: bool = False,
) -> int:
    """Print the cost of a spec's network to standard output.

    Args:
        depth: how many levels have rows; what lies deeper is summed. None is all.
        format: "text", "json" or "csv".
        batch: forecast the memory of a batch of this size.
        optimizer: that of the forecast; None is "momentum".
        precision: "fp32" or "bf16".
        fits: a limit, "8GB": the largest batch that fits is told.
        inference: whether that is about inference, rather than training.

    Returns:
        0; 1 where the spec has errors, or the batch, or one sample, does not fit; 2 on wrong use.
    """
    if optimizer is not None and batch is None and fits is None:
        return refuse("--optimizer is of the forecast of memory; give --batch or --fits too")
    if inference and fits is None:
        return refuse("--inference says what is to fit; give --fits too")
    limit = None if fits is None else read_size(fits)
    if fits is not None and not limit:
        return refuse(f"--fits takes a size such as 8GB or 512MiB; `{visible(fits)}` is none")
    read = read_network(spec, input=input, settings=settings, root=root)
    if isinstance(read, int):
        return read
    network = read.network
    memory, fit = forecast(network, batch, optimizer or "momentum", precision, limit, inference)
    kept = kept_activations(network, precision)
    report = CostReport(
        read.checked.source.name,
        network,
        precision,
        cost_rows(network, kept, receptive_fields(network), depth),
        receptive_field(network),
        sum(amount.at(1) for amount in kept.values()),
        memory,
        fit,
    )
    write({"text": cost.text, "json": cost.json, "csv": cost.csv_text}[format](report))
    if read.origin is not None and format == "text":
        write("\n".join(read.origin.lines))
    return EXIT_FINE if fit is None or fit.fits else EXIT_ERRORS


def forecast(
    network: Network, batch: int | None, optimizer: str, precision: str, limit: int | None, inference: bool
) -> tuple[Memory | None, Fit | None]:
    """The memory of a batch, and whether it fits; without a batch, that of the largest that fits."""
    if batch is None and limit is None:
        return None, None
    training = forecast_training(network, optimizer, precision)
    evaluation = forecast_inference(network, precision)
    fit = None
    if limit is not None:
        largest = (evaluation if inference else training).largest_batch(limit)
        fit = Fit(limit, "inference" if inference else "training", batch or 1, largest)
        batch = batch or max(1, largest)
    assert batch is not None
    return Memory(batch, optimizer, training, evaluation), fit
