"""`archdsl find-lr`: at which learning rates a network learns, as a curve, and a suggestion."""

from __future__ import annotations

import sys
from pathlib import Path

from archdsl.commands.asked import Asked, subject_of
from archdsl.commands.output import complain, refuse, refuse_file, write, write_exactly, wrong_page
from archdsl.diagnostics.render import visible
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_FINE
from archdsl.formats.json import written
from archdsl.recipe.read import read_recipe
from archdsl.runs.range_test import document_of, lines_of, page_of
from archdsl.training.signals import end_on_signals
from archdsl.training.start import load_torch
from archdsl.writer import write_bytes


def find_lr(
    asked: Asked,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    output: str | None = None,
    format: str = "text",
) -> int:
    """Test rates from low to high, in so many steps.

    Args:
        output: a page to write, in HTML.
        format: what is printed, "text" or "json".

    Returns:
        0 when done, 1 where the spec has errors, 2 on wrong use or where a file can't be read or written, 3 where
        memory does not suffice.
    """
    if asked.wrong_use is not None:
        return refuse(asked.wrong_use)
    if not 0 < low < high <= 100:
        return refuse(f"--from {low:g} --to {high:g}: rates rise from more than 0 to 100 at most")
    read = asked.read_network()
    if isinstance(read, int):
        return read
    if output is not None and (wrong := wrong_page(output, read.files)) is not None:
        return refuse(wrong)
    try:
        recipe = read_recipe(asked.find_recipe(sys.stdout if format == "text" else None), asked.overrides())
        with end_on_signals():
            load_torch()
            from archdsl.training.find_rate import find_rate  # Here, for torch takes seconds to import.
            from archdsl.training.report import choose_report

            test = find_rate(
                subject_of(read),
                recipe,
                low=low,
                high=high,
                steps=steps,
                weights=asked.weights,
                leave_out=asked.leave_out,
                device=asked.device,
                data_dir=asked.data_dir,
                download=asked.download,
                report=choose_report(sys.stderr),
            )
    except TrainingError as error:
        return complain(error)
    about = f"{read.network.name} on {recipe.data.name}, {recipe.optimizer.name} with batches of {recipe.batch_size}"
    if format == "json":
        write_exactly(written(document_of(test), indent=2) + "\n")
    else:
        write("\n".join(map(visible, lines_of(test, about))))
    if output is not None:
        try:
            write_bytes(Path(output), page_of(test, about).encode("utf-8"))
        except (OSError, ValueError) as error:
            return refuse_file(output, error)
        if format == "text":
            write(f"the curve is in {visible(output)}")
    return EXIT_FINE
