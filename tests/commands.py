"""The commands that train, called with every option by the name that it has in Python, wherever the command has it."""

from __future__ import annotations

from functools import partial
from typing import Any

from archdsl.commands.asked import Asked
from archdsl.commands.data import show
from archdsl.commands.find_lr import find_lr
from archdsl.commands.sweep import sweep
from archdsl.commands.train import train
from archdsl.recipe.keys import FLAGS


def called(command: Any, spec: str | None = None, **options: Any) -> int:
    """Call a command; `epochs=3` is `--epochs 3`."""
    names = {flag: flag.removeprefix("--").replace("-", "_") for flag in FLAGS}
    flags = {flag: options.pop(name) for flag, name in names.items() if name in options}
    asked = {name: options.pop(name) for name in Asked._fields if name in options}
    code: int = command(Asked(spec, flags=flags, **asked), **options)
    return code


train, sweep, find_lr, show_data = (partial(called, each) for each in (train, sweep, find_lr, show))
