"""`archdsl train`: check a spec, then train it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archdsl.api import check as check_spec
from archdsl.commands.output import refuse, wants_color
from archdsl.diagnostics.render import render, visible
from archdsl.exit_codes import EXIT_USAGE
from archdsl.formats.report import exit_code_of
from archdsl.reader import STDIN
from archdsl.settings import split_settings


def train(
    spec: str,
    *,
    input: str | None = None,
    settings: Sequence[str] = (),
    root: str | None = None,
    recipe_path: Path | None = None,
    quiet: bool = False,
    **training: Any,
) -> int:
    """Train a spec; `training` is what else `archdsl.training.command.run_train_command` takes.

    Without a recipe, the spec's own is taken: `alexnet.yaml` beside `alexnet.arch`, where there is one.

    Returns:
        0 when done, 1 where the spec has errors, 2 on wrong use, 3 where training failed, 130 or 143 when stopped.
    """
    given, wrong = split_settings(settings)
    if wrong is not None:
        return refuse(wrong)
    if spec == STDIN:
        return refuse("train reads a file, and `-` is none")
    checked = check_spec(Path(spec), input, given, root)
    if checked.diagnostics:
        print(render(checked.diagnostics, wants_color(sys.stderr)), file=sys.stderr)
    if checked.errors:
        return exit_code_of(checked)
    if checked.network is None:
        assert checked.nothing_to_build is not None
        print(render([checked.nothing_to_build], wants_color(sys.stderr)), file=sys.stderr)
        return EXIT_USAGE
    own_recipe = Path(spec).with_suffix(".yaml")
    if recipe_path is None and own_recipe.is_file():
        recipe_path = own_recipe
        if not quiet:
            print(f"recipe: {visible(str(own_recipe))}")
    from archdsl.training.command import run_train_command

    return run_train_command(
        checked.network,
        checked.source,
        recipe_path=recipe_path,
        quiet=quiet,
        imports=checked.imports,
        settings=dict(given) if input is None else {**given, "input": input},
        **training,
    )
