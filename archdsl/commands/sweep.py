"""`archdsl sweep`: the runs of a grid of recipes, one after the other, and a table of what they came to."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archdsl.commands.output import complain, refuse, wants_color, write, write_exactly
from archdsl.commands.recipe import find_recipe
from archdsl.commands.train import AUTO, read_subject
from archdsl.diagnostics.render import render, visible
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_ERRORS
from archdsl.formats.json import written
from archdsl.reader import STDIN
from archdsl.runs.folder import RunFolder
from archdsl.runs.sweep import PLAN, Plan, document_of, lines_of, read_plan, table_of
from archdsl.training.subject import Subject


def sweep(
    spec: str | None,
    *,
    over: Sequence[str] = (),
    input: str | None = None,
    settings: Sequence[str] = (),
    root: str | None = None,
    recipe_path: Path | None = None,
    recipe_settings: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
    out: Path | None = None,
    resume: str | None = None,
    quiet: bool = False,
    format: str = "text",
    **training: Any,
) -> int:
    """Train a network by each recipe of a grid; `training` is what else `archdsl.training.sweep.run_sweep` takes.

    Args:
        over: each `--over`, as "optimizer.lr=0.01,0.1".
        flags: those that are short for a key of the recipe, as {"--epochs": 3}; None for one that is not given.
        resume: the folder of a sweep to go on with, whose plan is taken where no spec is given; "auto" is `out`, if
            there is one in it.
        format: as what the table is printed, "text" or "json"; for json, all else goes to standard error.

    Returns:
        0 when all points are done, 1 where the spec has errors, 2 on wrong use, 3 where some trainings failed, 130 or
        143 when stopped.
    """
    of_spec = {"--over": over, "--recipe": recipe_path, "--set-recipe": recipe_settings, **(flags or {})}
    of_spec |= {"--input": input, "--set": settings, "--root": root}
    if wrong := _wrong_use(spec, out, resume, [flag for flag, value in of_spec.items() if value not in (None, [], ())]):
        return refuse(wrong)
    if resume == AUTO and out is not None:
        resume = str(out) if (out / PLAN).exists() else None
    folder = out if resume is None else Path(resume)
    told = sys.stderr if format == "json" else sys.stdout

    from archdsl.recipe.read import read_overrides
    from archdsl.training.command import share_the_cores
    from archdsl.training.signals import end_on_signals
    from archdsl.training.sweep import plan_of, refuse_other_plan, run_sweep

    try:
        kept = None if resume is None else read_plan(RunFolder(Path(resume)))
        if spec is None:
            assert kept is not None
            assert folder is not None
            found = _network_of(kept, folder)
            if isinstance(found, int):
                return found
            subject, plan = found, kept
        else:
            given = read_subject(spec, input, settings, root)
            if isinstance(given, int):
                return given
            subject = given
            recipe_path = find_recipe(recipe_path, spec, None if quiet else told)
            plan = plan_of(subject, recipe_path, read_overrides(recipe_settings, flags), over)
            if kept is not None:
                refuse_other_plan(kept, plan, subject, visible(str(folder)))
        with end_on_signals():
            share_the_cores()
            made, code = run_sweep(subject, plan, folder, resume=kept is not None, quiet=quiet, stdout=told, **training)
        table = table_of(made, plan)
    except TrainingError as error:
        return complain(error)
    if format == "json":
        write_exactly(written(document_of(table), indent=2) + "\n")
    else:
        write("\n".join(lines_of(table)))
    return code


def _wrong_use(spec: str | None, out: Path | None, resume: str | None, of_spec: Sequence[str]) -> str | None:
    """What is wrong with the options, in words; `of_spec` are those given that are for a SPEC."""
    if spec == STDIN:
        return "sweep reads a file, and `-` is none"
    if resume == AUTO and (out is None or spec is None):
        return "--resume auto goes on with the sweep in --out FOLDER, and begins one of SPEC where there is none"
    if resume not in (None, AUTO) and out is not None:
        return "--resume SWEEP writes to SWEEP, and --out to another folder"
    if spec is None and resume is None:
        return "sweep what? `archdsl sweep SPEC --over optimizer.lr=0.01,0.1`, or `archdsl sweep --resume SWEEP`"
    if spec is None and of_spec:
        return f"--resume SWEEP has its network and recipes; {of_spec[0]} is for a SPEC"
    if spec is not None and "--over" not in of_spec:
        return "sweep over what? say --over KEY=VALUE,VALUE, as --over optimizer.lr=0.01,0.1"
    return None


def _network_of(plan: Plan, folder: Path) -> Subject | int:
    """The network of a plan, or an exit code."""
    checked = plan.check(folder)
    if checked.network is None:
        print(render(checked.diagnostics, wants_color(sys.stderr)), file=sys.stderr)
        return EXIT_ERRORS
    made_with = {**plan.network["settings"], "input": plan.network["input"]}
    return Subject(checked.network, checked.source, checked.imports, made_with)
