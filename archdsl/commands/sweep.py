"""`archdsl sweep`: the runs of a grid of recipes, one after the other, and a table of what they came to."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from archdsl.commands.asked import Asked, checked_subject
from archdsl.commands.output import complain, refuse, write, write_exactly
from archdsl.commands.train import AUTO
from archdsl.diagnostics.render import visible
from archdsl.errors import TrainingError
from archdsl.formats.json import written
from archdsl.reader import STDIN
from archdsl.runs.folder import RunFolder
from archdsl.runs.sweep import PLAN, document_of, lines_of, read_plan, table_of
from archdsl.training.signals import end_on_signals
from archdsl.training.start import load_torch
from archdsl.training.sweep import plan_of, refuse_other_plan, run_sweep, start_of
from archdsl.weights.files import Origin


def sweep(
    asked: Asked,
    *,
    over: Sequence[str] = (),
    out: Path | None = None,
    resume: str | None = None,
    save_every: float | None = None,
    quiet: bool = False,
    format: str = "text",
) -> int:
    """Train a network by each recipe of a grid.

    Args:
        over: each `--over`, as "optimizer.lr=0.01,0.1".
        out, save_every: as `archdsl.training.sweep.run_sweep` takes them.
        resume: the folder of a sweep to go on with, whose plan is taken where no spec is given; "auto" is `out`, if
            there is one in it.
        format: as what the table is printed, "text" or "json"; for json, all else goes to standard error.

    Returns:
        0 when all points are done, 1 where the spec has errors, 2 on wrong use, 3 where some trainings failed, 130 or
        143 when stopped.
    """
    if wrong := _wrong_use(asked, over, out, resume):
        return refuse(wrong)
    if resume == AUTO and out is not None:
        resume = str(out) if (out / PLAN).exists() else None
    folder = out if resume is None else Path(resume)
    told = sys.stderr if format == "json" else sys.stdout

    try:
        kept = None if resume is None else read_plan(RunFolder(Path(resume)))
        if asked.spec is not None:
            subject = asked.read_subject()
        else:
            assert kept is not None
            assert folder is not None
            subject = checked_subject(Origin(**kept.network), kept.check(folder))
        if isinstance(subject, int):
            return subject
        if asked.spec is None and kept is not None:
            plan = kept
        else:
            recipe = asked.find_recipe(None if quiet else told)
            start = None if asked.weights is None else start_of(asked.weights, asked.leave_out)
            plan = plan_of(subject, recipe, asked.overrides(), over, start)
            if kept is not None:
                refuse_other_plan(kept, plan, subject, visible(str(folder)))
        with end_on_signals():
            load_torch()
            made, code = run_sweep(
                subject,
                plan,
                folder,
                resume=kept is not None,
                device=asked.device,
                data_dir=asked.data_dir,
                download=asked.download,
                save_every=save_every,
                quiet=quiet,
                stdout=told,
            )
        table = table_of(made, plan)
    except TrainingError as error:
        return complain(error)
    if format == "json":
        write_exactly(written(document_of(table), indent=2) + "\n")
    else:
        write("\n".join(lines_of(table)))
    return code


def _wrong_use(asked: Asked, over: Sequence[str], out: Path | None, resume: str | None) -> str | None:
    """What is wrong with the options, in words, or None."""
    spec, for_spec = asked.spec, [*(["--over"] if over else []), *asked.for_recipe, *asked.for_spec]
    if spec == STDIN:
        return "sweep reads a file, and `-` is none"
    if asked.wrong_use is not None:
        return asked.wrong_use
    if resume == AUTO and (out is None or spec is None):
        return "--resume auto goes on with the sweep in --out FOLDER, and begins one of SPEC where there is none"
    if resume not in (None, AUTO) and out is not None:
        return "--resume SWEEP writes to SWEEP, and --out to another folder"
    if spec is None and resume is None:
        return "sweep what? `archdsl sweep SPEC --over optimizer.lr=0.01,0.1`, or `archdsl sweep --resume SWEEP`"
    if spec is None and for_spec:
        return f"--resume SWEEP has its network and recipes; {for_spec[0]} is for a SPEC"
    if spec is not None and not over:
        return "sweep over what? say --over KEY=VALUE,VALUE, as --over optimizer.lr=0.01,0.1"
    return None
