"""`archdsl report`: a run as a page."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from archdsl.checker.session import interpreter_for_checks
from archdsl.commands.diagram import open_depth_of
from archdsl.commands.output import complain, refuse, refuse_file, write, wrong_page
from archdsl.commands.trained import find_target, read_weights, recipe_of
from archdsl.diagnostics.render import visible
from archdsl.diagram.layout import layout_of
from archdsl.diagram.picture import picture_of
from archdsl.diagram.svg import svg
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_FINE
from archdsl.network import Network
from archdsl.runs.folder import REPORT, WEIGHTS, RunFolder
from archdsl.runs.report_page import Evaluated, RunReport, report_page
from archdsl.runs.summary import DAMAGED, FINISHED, RunSummary, summary_of
from archdsl.training.start import load_torch
from archdsl.writer import write_bytes

MOST_PICTURES = 24
"""So many of the images most wrong are shown."""


def report(
    run: str,
    *,
    output: str | None = None,
    evaluated: bool = True,
    data_dir: Path | None = None,
    device: str = "auto",
) -> int:
    """Write a page on a run: its curves, what it gets wrong, and what it was made of.

    Args:
        run: its folder.
        output: the page; by default report.html in the run's folder.
        evaluated: whether the kept weights are evaluated, where there are some and the data can be read.
        data_dir: where published data sets lie. device: where to evaluate.

    Returns:
        0; 2 on wrong use, or where the run can't be read or the page not be written; 130 or 143 when stopped.
    """
    try:
        folder = RunFolder.open(Path(run))
        if output is None:
            output = str(folder.path / REPORT)
            if not os.access(folder.path, os.W_OK):  # Before the weights are evaluated, which takes its time.
                return refuse(f"{folder} can't be written to; say with -o where the page is to go")
        if (wrong := wrong_page(output)) is not None:
            return refuse(wrong)
        summary = summary_of(folder)
        if summary.status == DAMAGED and summary.problem is not None:
            return refuse(summary.problem)
        with interpreter_for_checks():
            network = folder.check().network
            drawing = None if network is None else drawing_of(network)
        if evaluated and device != "auto":
            load_torch()
            from archdsl.training.environment import choose_device

            choose_device(device)  # One that is named in vain is a mistake, where all else is only left out.
        found: Evaluated | int | None = None
        missing = "The kept weights were not evaluated."
        if evaluated:
            try:
                found = evaluate_run(folder, summary, network, data_dir, device)
            except TrainingError as error:
                missing = f"The kept weights could not be evaluated: {error}"
        if isinstance(found, int):
            refuse("stopped in the middle of the evaluation; no page is written")
            return 128 + found
        told = RunReport(
            summary,
            tuple(folder.metrics()),
            network,
            drawing,
            folder.origin().files,
            folder.recipe_text(),
            folder.environment(),
            found,
            missing,
        )
    except TrainingError as error:
        return complain(error)
    try:
        write_bytes(Path(output), report_page(told).encode("utf-8"))
    except (OSError, ValueError) as error:
        return refuse_file(output, error)
    write(f"the report is in {visible(output)}")
    if found is None and evaluated:
        write(missing)
    return EXIT_FINE


def drawing_of(network: Network) -> str | None:
    """The diagram, from left to right; None where there is too much to draw."""
    picture = picture_of(network)
    depth, _ = open_depth_of(picture, None)
    return None if depth is None else svg(layout_of(picture, depth, down=False), "parameters")


def evaluate_run(
    folder: RunFolder, summary: RunSummary, network: Network | None, data_dir: Path | None, device: str
) -> Evaluated | int:
    """What the kept weights give on the test images; on those held back, of a run that has some and is not finished.

    Returns the number of a signal that ended it. Raises TrainingError where there are no weights, or no images.
    """
    if network is None:
        raise TrainingError("the spec has errors in this release of archdsl")
    if not (folder.path / WEIGHTS).exists():
        gone = summary.status == FINISHED
        raise TrainingError(f"{WEIGHTS} is not there any more" if gone else "the run has kept none yet")
    target = find_target(str(folder.path))
    if isinstance(target, int):
        raise TrainingError("their file can't be used")
    recipe = recipe_of(target)
    part = "validation" if summary.evaluated_on == "validation" and summary.status != FINISHED else "test"
    trained = read_weights(target, recipe, device)
    # Only now, for torch takes seconds to import.
    from archdsl.training.data.load import data_folder
    from archdsl.training.report import choose_report
    from archdsl.training.review import pngs_of
    from archdsl.training.signals import stop_on_signals
    from archdsl.training.trained import evaluate_trained, load_part

    told = choose_report(sys.stderr)
    classes, images = load_part(trained, recipe.data, part, data_folder(data_dir, folder), report=told)
    with stop_on_signals() as stop:
        found = evaluate_trained(trained, images, len(classes), stop, told, worst=MOST_PICTURES)
    if found is None:
        return stop.signal or 0
    pictures, pixels = pngs_of(images, [mistake.image for mistake in found.worst])
    return Evaluated(part, found, classes, pictures, pixels)
