"""`archdsl sweep`: the runs of a grid of recipes, one after the other, each as `archdsl train` would make it.

A sweep that was stopped goes on where it was: runs that are done are left alone, one that was stopped goes on from
its checkpoint, and the rest follows.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_FAILED, EXIT_FINE
from archdsl.reader import reason_of
from archdsl.recipe.read import MOST_MISTAKES, Override, read_overrides, read_recipe, recipe_of_values
from archdsl.recipe.recipe import Recipe, recipe_differences
from archdsl.runs.folder import SPEC, RunFolder
from archdsl.runs.sweep import Plan, Point, Start, names_of, over_text, write_plan
from archdsl.training.resume import network_difference, network_facts
from archdsl.training.start import is_one_of_many
from archdsl.training.subject import Subject

if TYPE_CHECKING:
    import torch

    from archdsl.training.data.image_set import DataSet
    from archdsl.training.report import Report

MOST_POINTS = 1000


def plan_of(
    subject: Subject,
    recipe: str | Path | None,
    fixed: tuple[Override, ...],
    over: Sequence[str],
    start: Start | None = None,
) -> Plan:
    """The plan of a grid.

    Args:
        recipe: the path of the recipe that all points have in common.
        fixed: what the command line puts over it.
        over: each `--over`, as "optimizer.lr=0.01,0.1".
        start: the weights that all points start from.

    Raises:
        TrainingError: with a line for each mistake in any of the points.
    """
    axes = read_over(over, fixed)
    count = 1
    for axis in axes:
        count *= len(axis)
    if count > MOST_POINTS:
        raise TrainingError(f"--over: these are {count:,} points, and a sweep has at most {MOST_POINTS:,}")
    chosen = list(product(*axes))
    recipes: list[Recipe] = []
    wrong: dict[str, None] = {}
    for overrides in chosen:
        try:
            recipes.append(read_recipe(recipe, (*fixed, *overrides)))
        except TrainingError as error:
            wrong |= dict.fromkeys(str(error).splitlines())
    if wrong:
        more = [f"{len(wrong) - MOST_MISTAKES:,} more mistakes"] if len(wrong) > MOST_MISTAKES else []
        raise TrainingError("\n".join([*list(wrong)[:MOST_MISTAKES], *more]))
    values = [{".".join(each.path): each.value for each in overrides} for overrides in chosen]
    points = zip(names_of(values), values, (each.model_dump() for each in recipes), strict=True)
    return Plan(network_facts(subject.origin()), tuple(Point(*each) for each in points), start)


def start_of(weights: Path, leave_out: Sequence[str] = ()) -> Start:
    """What makes the weights to start from what they are. Raises TrainingError where they can't be read."""
    try:
        with open(weights, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TrainingError(printable(f"{weights}: {reason_of(error)}")) from None
    return Start(str(weights.absolute()), digest, tuple(leave_out))


def read_over(over: Sequence[str], fixed: tuple[Override, ...] = ()) -> list[tuple[Override, ...]]:
    """The values of each key that is swept. Raises TrainingError with a line for each mistake."""
    axes: list[tuple[Override, ...]] = []
    taken = {".".join(each.path): each.flag for each in fixed}
    wrong: dict[str, None] = {}
    for text in over:
        key, equals, rest = (part.strip() for part in text.partition("="))
        values = [value.strip() for value in rest.split(",")]
        if not (key and equals and all(values)):
            wrong[f"--over takes KEY=VALUE,VALUE,..., as optimizer.lr=0.01,0.1, not `{printable(text)}`"] = None
            continue
        axis: dict[Any, Override] = {}
        for value in values:
            try:
                (read,) = read_overrides([f"{key}={value}"], option="--over")
            except TrainingError as error:
                wrong |= dict.fromkeys(str(error).splitlines())
                continue
            if read.value in axis:
                wrong[printable(f"--over {key}: {value} is given twice")] = None
            axis[read.value] = read
        if axis and key in taken:
            same = taken[key] == f"--over {key}"
            wrong[
                f"--over {key} is given twice" if same else f"{taken[key]} and --over {key} are one key; give one"
            ] = None
        taken[key] = f"--over {key}"
        axes.append(tuple(axis.values()))
    if wrong:
        raise TrainingError("\n".join(wrong))
    return axes


def refuse_other_plan(kept: Plan, given: Plan, subject: Subject, sweep: str) -> None:
    """Raise TrainingError with what differs, where a sweep would go on by another plan than it was started by."""
    differs = []
    if [each.values for each in kept.points] != [each.values for each in given.points]:
        differs.append(f"  --over: {over_text(kept)} then, {over_text(given)} now")
    else:
        differs += dict.fromkeys(
            f"  {key}: {was!r} then, {now!r} now"
            for before, after in zip(kept.points, given.points, strict=True)
            for key, was, now in recipe_differences(recipe_of(before), recipe_of(after))
        )
    if kept.network != given.network:
        other = network_difference(kept.network, subject.network, subject.spec, sweep)
        differs += [] if other is None else [other]
    if (kept.start and kept.start[1:]) != (given.start and given.start[1:]):
        differs.append(f"  --weights: {kept.start or 'none'} then, {given.start or 'none'} now")
    if differs:
        told = (
            f"{sweep} can't go on by another plan than it was started by; leave SPEC and --over out to go on by its own"
        )
        raise TrainingError("\n".join([told, *map(printable, differs)]))


def recipe_of(point: Point) -> Recipe:
    """The recipe of a point that was kept. Raises TrainingError where this release has no such recipe."""
    return recipe_of_values(point.recipe)


def run_sweep(
    subject: Subject,
    plan: Plan,
    folder: Path | None,
    *,
    resume: bool = False,
    device: str = "auto",
    data_dir: Path | None = None,
    download: bool = False,
    save_every: float | None = None,
    quiet: bool = False,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
) -> tuple[RunFolder, int]:
    """Train the points of a plan that are not done, in their order.

    Args:
        folder: the sweep's folder; the next of sweeps/lenet-1, sweeps/lenet-2, ... by default.
        resume: whether the folder has the sweep already, which goes on.
        stdout: is told how each training goes on, unless `quiet`.

    Returns:
        The sweep's folder, and an exit code: 0 when all are done, 3 where some failed, 130 or so after a signal.

    Raises:
        TrainingError: before the first training, for a mistake of the user's.
    """
    from archdsl.training.environment import choose_device
    from archdsl.training.report import choose_report, write_line
    from archdsl.training.run import train

    stdout = sys.stdout if stdout is None else stdout
    stderr = sys.stderr if stderr is None else stderr
    if is_one_of_many():
        only = "a sweep is the work of one process; `torchrun -m archdsl train` trains with several"
        raise TrainingError(only, of_all=True)
    on = choose_device(device)
    recipes = [recipe_of(each) for each in plan.points]
    held = _Held(subject, data_dir, download, on, choose_report(stdout, quiet))
    sweep = RunFolder(Path(folder or ".")) if resume else None
    if plan.start is not None and not (sweep and all((sweep.path / each.name / SPEC).exists() for each in plan.points)):
        _refuse_unfit_start(plan.start, subject)
    if sweep is not None:
        left = [each for each, point in zip(recipes, plan.points, strict=True) if not _is_done(sweep, point)]
        held.refuse_unfit(left)
    else:
        held.refuse_unfit(recipes)
        sweep = RunFolder.create(folder, subject.spec.name, "sweeps")
    failed = False
    with sweep.held():
        if not resume:
            sweep.refuse_if_used()
            write_plan(sweep, plan)
        for number, (point, recipe) in enumerate(zip(plan.points, recipes, strict=True), 1):
            place = sweep.path / point.name
            if _is_done(sweep, point):
                continue
            report = choose_report(stdout, quiet)
            report.say(f"{number} of {len(plan.points)}: {' '.join(point.name.split(','))}")
            try:
                result = train(
                    subject,
                    recipe,
                    device=device,
                    data_dir=data_dir,
                    download=download,
                    out=place,
                    resume=(place / SPEC).exists(),
                    weights=None if plan.start is None else Path(plan.start.file),
                    leave_out=() if plan.start is None else plan.start.leave_out,
                    save_every=save_every,
                    report=report,
                    images=held.images(recipe),
                )
            except TrainingError as error:
                failed = True
                for line in str(error).splitlines():
                    write_line(stderr, f"archdsl: {point.name}: {line}")
                continue
            if result.signal is not None:
                write_line(
                    stderr,
                    f"archdsl: stopped in point {number} of {len(plan.points)} after step {result.step:,}; "
                    f"`archdsl sweep --resume {sweep}` goes on from there",
                )
                return sweep, 128 + result.signal
    return sweep, EXIT_FAILED if failed else EXIT_FINE


def _refuse_unfit_start(start: Start, subject: Subject) -> None:
    """Raise TrainingError where the weights that points start from are others than they were, or do not fit."""
    from archdsl.training.setup import read_fitting

    found = start_of(Path(start.file), start.leave_out)
    if found != start:
        raise TrainingError(f"--weights: {found} is another file than the sweep was started with, {start}")
    read_fitting(Path(start.file), subject.network, subject.spec.name, start.leave_out)


def _is_done(sweep: RunFolder, point: Point) -> bool:
    return RunFolder(sweep.path / point.name).result() is not None


class _Held:
    """The images of the data set that was read last; the points of most sweeps have them in common."""

    def __init__(
        self, subject: Subject, data_dir: Path | None, download: bool, device: torch.device, report: Report
    ) -> None:
        self.subject = subject
        self.data_dir = data_dir
        self.download = download
        self.device = device
        self.report = report
        self.read: tuple[Any, DataSet] | None = None

    def images(self, recipe: Recipe) -> DataSet:
        """The images of a recipe. Raises TrainingError where they can't be had."""
        from archdsl.training.data.load import data_folder
        from archdsl.training.setup import read_images
        from archdsl.training.world import World

        if self.read is None or self.read[0] != recipe.data:
            self.read = None  # Before others are read, so that memory holds one set alone.
            place = data_folder(self.data_dir)
            found = read_images(recipe, self.subject, place, self.download, self.device, World(), self.report)
            self.read = (recipe.data, found)
        return self.read[1]

    def refuse_unfit(self, recipes: Sequence[Recipe]) -> None:
        """Raise TrainingError where one of the recipes can't be trained by, before an hour is spent on another."""
        from archdsl.training.setup import refuse_unfit
        from archdsl.training.world import World

        # The first point's images are read last, and so are there when it begins.
        sets = list({recipe.data.model_dump_json(): recipe for recipe in recipes}.values())
        for first in reversed(sets):
            for recipe in recipes:
                if recipe.data == first.data:
                    refuse_unfit(recipe, self.subject, self.images(recipe), World())
