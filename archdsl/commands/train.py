"""`archdsl train`: check a spec, then train it; or go on with a run that was stopped."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archdsl.commands.output import complain, refuse, wants_color
from archdsl.commands.recipe import find_recipe
from archdsl.commands.spec import read_network
from archdsl.diagnostics.render import render, visible
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_ERRORS
from archdsl.reader import STDIN
from archdsl.runs.folder import RunFolder
from archdsl.training.subject import Subject
from archdsl.weights.files import SUFFIX

AUTO = "auto"
"""For `--resume`: go on with the run in `--out`, if there is one."""


def train(
    spec: str | None,
    *,
    input: str | None = None,
    settings: Sequence[str] = (),
    root: str | None = None,
    recipe_path: Path | None = None,
    out: Path | None = None,
    resume: str | None = None,
    quiet: bool = False,
    weights: str | None = None,
    leave_out: Sequence[str] = (),
    **training: Any,
) -> int:
    """Train a spec; `training` is what else `archdsl.training.command.run_train_command` takes.

    Without a recipe, the spec's own is taken: `alexnet.yaml` beside `alexnet.arch`, where there is one; "default" for
    its path takes none.

    resume: the folder of a run to go on with, whose spec and recipe are taken where none are given; "auto" is `out`,
        if there is a run in it.

    Returns:
        0 when done, 1 where the spec has errors, 2 on wrong use, 3 where training failed, 130 or 143 when stopped.
    """
    if spec == STDIN:
        return refuse("train reads a file, and `-` is none")
    if leave_out and weights is None:
        return refuse("--except leaves out a part of --weights FILE, which is not given")
    if resume == AUTO:
        if out is None or spec is None:
            return refuse("--resume auto goes on with the run in --out FOLDER, and trains SPEC where there is none")
        resume = str(out) if (out / "spec.json").exists() else None
    elif resume is not None and out is not None:
        return refuse("--resume RUN writes to RUN, and --out to another folder")
    if resume is not None and weights is not None:
        return refuse("--resume RUN goes on with the weights of RUN, and --weights starts from others")
    if spec is None and resume is None:
        return refuse("train what? `archdsl train SPEC`, or `archdsl train --resume RUN`")
    if spec is not None and (Path(spec) / "spec.json").exists():
        return refuse(f"{visible(spec)} is a run; `archdsl train --resume {visible(spec)}` goes on with it")
    given = None if spec is None else read_subject(spec, input, settings, root)
    if isinstance(given, int):
        return given
    if resume is not None:
        if given is None and (input is not None or settings):
            return refuse("--resume RUN has its input and settings; --input and --set are for a SPEC")
        try:
            run = RunFolder.open(Path(resume))
            given = _read_run(run) if given is None else given
        except TrainingError as error:
            return complain(error)
        if isinstance(given, int):
            return given
        out = run.path
        recipe_path = recipe_path or out / "recipe.yaml"
    assert given is not None
    if spec is not None and spec.endswith(SUFFIX) and weights is None and resume is None and not quiet:
        print(f"weights: drawn anew; --weights {visible(spec)} would start from those in the file", flush=True)
    from archdsl.training.command import run_train_command

    recipe_path = find_recipe(recipe_path, spec, None if quiet else sys.stdout)
    return run_train_command(
        given.network,
        given.spec,
        recipe_path=recipe_path,
        out=out,
        resume=resume is not None,
        quiet=quiet,
        weights=weights,
        leave_out=leave_out,
        imports=given.imports,
        settings=given.settings,
        **training,
    )


def read_subject(spec: str, input: str | None, settings: Sequence[str], root: str | None) -> Subject | int:
    """The network of a spec, or an exit code."""
    read = read_network(spec, input=input, settings=settings, root=root)
    if isinstance(read, int):
        return read
    made_with = dict(read.settings) if read.input is None else {**read.settings, "input": read.input}
    return Subject(read.network, read.checked.source, read.checked.imports, made_with)


def _read_run(run: RunFolder) -> Subject | int:
    """The network of a run, or an exit code. Raises TrainingError where it can't be read."""
    origin, checked = run.origin(), run.check()
    if checked.network is None:
        print(render(checked.diagnostics, wants_color(sys.stderr)), file=sys.stderr)
        return EXIT_ERRORS
    made_with = {**origin.settings, "input": origin.input}
    return Subject(checked.network, checked.source, checked.imports, made_with)
