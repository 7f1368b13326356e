"""`archdsl train`: check a spec, then train it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archdsl.api import check as check_spec
from archdsl.commands.check import exit_code, read_assignments, wants_color
from archdsl.diagnostics.render import render, visible


def train(
    spec: str, *, input: str | None = None, settings: Sequence[str] = (), root: str | None = None, **training: Any
) -> int:
    """Train a spec; `training` is what `archdsl.training.command.run_train_command` takes.

    Returns:
        0 when done, 1 where the spec has errors, 2 on wrong use, 3 where training failed, 130 or 143 when stopped.
    """
    given = read_assignments(settings)
    if given is None:
        return 2
    checked = check_spec(Path(spec), input, given, root)
    if checked.diagnostics:
        print(render(checked.diagnostics, wants_color(sys.stderr)), file=sys.stderr)
    if checked.errors:
        return exit_code(checked)
    if checked.network is None:
        print(f"archdsl: {visible(spec)} has definitions alone, and no network to train", file=sys.stderr)
        return 2
    from archdsl.training.command import run_train_command

    replaced: dict[str, str] = dict(given) if input is None else {**given, "input": input}
    return run_train_command(checked.network, checked.source, settings=replaced, **training)
