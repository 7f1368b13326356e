"""`archdsl eval`: how good a trained network is on images, in numbers."""

from __future__ import annotations

import sys
from pathlib import Path

from archdsl.commands.output import complain, refuse, write, write_exactly
from archdsl.commands.trained import Target, find_target, read_pixels, read_weights, recipe_of
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_FINE
from archdsl.formats import evaluation as formats
from archdsl.recipe.read import Override, check_recipe
from archdsl.recipe.recipe import Recipe


def evaluate(
    target: str,
    *,
    data: str | None = None,
    part: str = "test",
    data_dir: Path | None = None,
    download: bool = False,
    limit_test: int | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    mean: str | None = None,
    std: str | None = None,
    worst: int = 0,
    format: str = "text",
) -> int:
    """Evaluate a run or a file of weights, and print what was found.

    Args:
        data: the data set; by default that of the run.
        part: "test", "validation", "train", or "all" of them.
        batch_size: so many images at a time, on which no number depends; by default 16 to 256, as suits the network.
        data_dir, download: where published data sets lie, and whether one that is not there is fetched.
        mean, std: the normalization of weights that keep none, "0.5,0.5,0.5".
        worst: so many images most wrong are told, too.
        format: "text" or "json".

    Returns:
        0 when done, 1 where the weights are not those of the network or give no numbers, 2 on wrong use, or where a
        file can't be read or is not for the network, 3 where memory does not suffice, 130 or 143 when stopped.
    """
    found = find_target(target)
    if isinstance(found, int):
        return found
    try:
        recipe = _recipe(found, data, limit_test, part)
        pixels = read_pixels(mean, std)
        trained = read_weights(found, recipe, device, pixels)
        # Only now, for torch takes seconds to import, and a wrong option none.
        from archdsl.training.data.load import data_folder
        from archdsl.training.report import choose_report
        from archdsl.training.signals import stop_on_signals
        from archdsl.training.trained import evaluate_trained, load_part

        told = choose_report(sys.stderr)
        classes, images = load_part(trained, recipe.data, part, data_folder(data_dir, found.run), download, told)
        with stop_on_signals() as stop:
            result = evaluate_trained(trained, images, len(classes), stop, told, batch_size, worst)
        if result is None:
            refuse("stopped in the middle of the evaluation; nothing is told of a part of the images")
            return 128 + (stop.signal or 0)
    except TrainingError as error:
        return complain(error)
    report = formats.EvaluationReport(str(found.weights), recipe.data.name, part, classes, result)
    if format == "json":
        write_exactly(formats.json(report) + "\n")
    else:
        write(formats.text(report))
    return EXIT_FINE


def _recipe(target: Target, name: str | None, limit_test: int | None, part: str) -> Recipe:
    """The recipe of the run, with the data that is meant."""
    if limit_test is not None and part != "test":
        raise TrainingError(f"--limit-test is for the test images, and --part {part} asks for others")
    if target.run is None and name is None:
        raise TrainingError("the data is not known, for the weights are not in the folder of a run; say --data D")
    own = recipe_of(target)
    given = {("data", "name"): (name, "--data"), ("data", "test"): (limit_test, "--limit-test")}
    overrides = tuple(Override(path, value, flag) for path, (value, flag) in given.items() if value is not None)
    # What the run's recipe says of its data is not said of another set.
    asked = check_recipe("the recipe", own.to_yaml() if name in (None, own.data.name) else "", overrides)
    return own.model_copy(update={"data": asked.data})
