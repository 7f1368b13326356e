"""`archdsl train`: check a spec, then train it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archdsl.commands.output import refuse
from archdsl.commands.spec import read_network
from archdsl.diagnostics.render import visible
from archdsl.reader import STDIN


def train(
    spec: str,
    *,
    input: str | None = None,
    settings: Sequence[str] = (),
    root: str | None = None,
    recipe_path: Path | None = None,
    quiet: bool = False,
    weights: str | None = None,
    leave_out: Sequence[str] = (),
    **training: Any,
) -> int:
    """Train a spec; `training` is what else `archdsl.training.command.run_train_command` takes.

    Without a recipe, the spec's own is taken: `alexnet.yaml` beside `alexnet.arch`, where there is one; "default" for
    its path takes none.

    Returns:
        0 when done, 1 where the spec has errors, 2 on wrong use, 3 where training failed, 130 or 143 when stopped.
    """
    if spec == STDIN:
        return refuse("train reads a file, and `-` is none")
    read = read_network(spec, input=input, settings=settings, root=root)
    if isinstance(read, int):
        return read
    if leave_out and weights is None:
        return refuse("--except leaves out a part of --weights FILE, which is not given")
    from archdsl.training.command import run_train_command
    from archdsl.training.recipe_file import own_recipe

    if recipe_path is None and (recipe_path := own_recipe(spec)) is not None and not quiet:
        print(f"recipe: {visible(str(recipe_path))}", flush=True)

    return run_train_command(
        read.network,
        read.checked.source,
        recipe_path=recipe_path,
        quiet=quiet,
        weights=weights,
        leave_out=leave_out,
        imports=read.checked.imports,
        settings=dict(read.settings) if read.input is None else {**read.settings, "input": read.input},
        **training,
    )
