"""`archdsl train`: check a spec, then train it; or go on with a run that was stopped."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from archdsl.commands.asked import Asked, checked_subject
from archdsl.commands.output import complain, refuse
from archdsl.diagnostics.render import printable, visible
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_FINE
from archdsl.reader import STDIN
from archdsl.recipe.read import read_recipe
from archdsl.recipe.recipe import Recipe
from archdsl.runs.folder import RECIPE, SPEC, RunFolder
from archdsl.training.report import choose_report, write_line
from archdsl.training.signals import end_on_signals
from archdsl.training.start import load_torch, rank, told_by_first, wait_for_first
from archdsl.training.subject import Subject
from archdsl.weights.files import SUFFIX

if TYPE_CHECKING:
    from archdsl.training.run import RunResult

AUTO = "auto"
"""For `--resume`: go on with the run in `--out`, if there is one."""


class _Ready(NamedTuple):
    """What is to be trained and how. out: the run's folder, and is_resumed: whether the run in it goes on."""

    subject: Subject
    recipe: Recipe
    out: Path | None
    is_resumed: bool


def train(
    asked: Asked,
    *,
    out: Path | None = None,
    resume: str | None = None,
    save_every: float | None = None,
    tensorboard: bool = False,
    quiet: bool = False,
) -> int:
    """Train a network and show how it goes on.

    Args:
        out, save_every, tensorboard: as `archdsl.training.run.train` takes them.
        resume: the folder of a run to go on with, whose spec and recipe are taken where none are given; "auto" is
            `out`, if there is a run in it.
        quiet: whether the result alone is told.

    Returns:
        0 where the training came to its end, 1 where the spec has errors, 2 for wrong use or a file that can't be
        read, 3 where the training failed, 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP. Raises
        KeyboardInterrupt where one of these ends it before there is anything to save.
    """
    try:
        with end_on_signals():
            with told_by_first():
                ready = _made_ready(asked, out, resume, quiet)
            result = ready if isinstance(ready, int) else _trained(ready, asked, save_every, tensorboard, quiet)
    except TrainingError as error:
        return complain(error)
    if isinstance(result, int):
        wait_for_first()
        return result
    return _told(result)


def _made_ready(asked: Asked, out: Path | None, resume: str | None, quiet: bool) -> _Ready | int:
    """All that needs no torch, or an exit code. Raises TrainingError where the recipe, or a run, can't be read."""
    spec = asked.spec
    if wrong := _wrong_use(asked, out, resume):
        return refuse(wrong)
    if resume == AUTO and out is not None:
        resume = str(out) if (out / SPEC).exists() else None
    given = None if spec is None else asked.read_subject()
    if resume is not None and not isinstance(given, int):
        run = RunFolder.open(Path(resume))
        given = given or checked_subject(run.origin(), run.check())
        out = run.path
        if asked.weights is not None:  # As `--resume auto` may have it.
            _refuse_other_weights(run, asked.weights)
        asked = asked._replace(recipe=asked.recipe or out / RECIPE)
    if isinstance(given, int):
        return given
    assert given is not None
    if spec is not None and spec.endswith(SUFFIX) and asked.weights is None and resume is None and not quiet:
        print(f"weights: drawn anew; --weights {visible(spec)} would start from those in the file", flush=True)
    recipe = read_recipe(asked.find_recipe(None if quiet else sys.stdout), asked.overrides())
    return _Ready(given, recipe, out, resume is not None)


def _refuse_other_weights(run: RunFolder, weights: Path) -> None:
    """Raise TrainingError where a run was started from other weights than these."""
    before = run.environment().get("weights")
    if before != str(weights):
        started = "weights drawn anew" if before is None else printable(str(before))
        raise TrainingError(f"{run} was started from {started}, and not from --weights {visible(str(weights))}")


def _wrong_use(asked: Asked, out: Path | None, resume: str | None) -> str | None:
    """What is wrong with the options, in words, or None."""
    spec = asked.spec
    if spec == STDIN:
        return "train reads a file, and `-` is none"
    if asked.wrong_use is not None:
        return asked.wrong_use
    if resume == AUTO and (out is None or spec is None):
        return "--resume auto goes on with the run in --out FOLDER, and trains SPEC where there is none"
    if resume not in (None, AUTO) and out is not None:
        return "--resume RUN writes to RUN, and --out to another folder"
    if resume not in (None, AUTO) and asked.weights is not None:
        return "--resume RUN goes on with the weights of RUN, and --weights starts from others"
    if spec is None and resume is None:
        return "train what? `archdsl train SPEC`, or `archdsl train --resume RUN`"
    if spec is None and asked.for_spec:
        return f"--resume RUN has its input and settings; {asked.for_spec[0]} is for a SPEC"
    if spec is not None and (Path(spec) / SPEC).exists():
        return f"{visible(spec)} is a run; `archdsl train --resume {visible(spec)}` goes on with it"
    return None


def _trained(ready: _Ready, asked: Asked, save_every: float | None, tensorboard: bool, quiet: bool) -> RunResult:
    load_torch()
    from archdsl.training.run import train as run_train  # Here, for torch takes seconds to import.

    return run_train(
        ready.subject,
        ready.recipe,
        device=asked.device,
        data_dir=asked.data_dir,
        download=asked.download,
        out=ready.out,
        resume=ready.is_resumed,
        weights=asked.weights,
        leave_out=asked.leave_out,
        save_every=save_every,
        tensorboard=tensorboard,
        report=choose_report(sys.stdout, quiet),
    )


def _told(result: RunResult) -> int:
    """Tell what a run came to, if this is the first process; returns the exit code."""
    is_first, folder = rank() == 0, printable(str(result.folder))
    if result.signal is not None:
        if is_first:
            goes_on = f"`archdsl train --resume {folder}` goes on from there"
            write_line(sys.stderr, f"archdsl: stopped after step {result.step:,}; {goes_on}")
        return 128 + result.signal
    last = result.epochs[-1]
    ended = f"after {last.epoch} epoch{'s' if last.epoch != 1 else ''}"
    if result.resumed_at is None:
        ended += f" in {result.seconds:.0f} s"
    elif result.resumed_at < result.step:
        ended += f", {result.seconds:.0f} s after it went on"
    if result.best_epoch != last.epoch:
        ended = f"with the weights of epoch {result.best_epoch}, {ended}"
    if is_first:
        write_line(sys.stdout, f"test accuracy {result.test_accuracy:.4f} {ended}; the run is in {folder}/")
    return EXIT_FINE
