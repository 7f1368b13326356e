"""What the commands that train are asked for in common: a network, a recipe, weights, and where to train. No torch."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TextIO

from archdsl.checker.check import Checked
from archdsl.commands.output import wants_color
from archdsl.commands.recipe import find_recipe
from archdsl.commands.spec import Spec, read_network
from archdsl.diagnostics.render import render, visible
from archdsl.exit_codes import EXIT_ERRORS
from archdsl.recipe.read import Override, read_overrides
from archdsl.runs.folder import WEIGHTS
from archdsl.training.subject import Subject
from archdsl.weights.files import Origin


class Asked(NamedTuple):
    """The options that `train`, `sweep`, `find-lr` and `data show` have in common; not all of them take each.

    spec: the path of a spec; None where there is none, or a folder has it.
    input, settings, root: what is made of the spec, as `read_network` takes it.
    recipe: the path of the recipe; None for that beside the spec, "default" for none.
    set_recipe: what wins over the recipe, each as "optimizer.lr=0.05".
    flags: what is short for a key of the recipe, as {"--epochs": 3}; None for one that is not given.
    weights: the path of a file of weights to start from, and leave_out: modules that are not taken from it.
    device, data_dir, download: as `archdsl.training.run.train` takes them.
    """

    spec: str | None = None
    input: str | None = None
    settings: Sequence[str] = ()
    root: str | None = None
    recipe: Path | None = None
    set_recipe: Sequence[str] = ()
    flags: Mapping[str, Any] = MappingProxyType({})
    weights: Path | None = None
    leave_out: Sequence[str] = ()
    device: str = "auto"
    data_dir: Path | None = None
    download: bool = False

    @property
    def wrong_use(self) -> str | None:
        """What is wrong with these options, in words, whatever the command."""
        if self.leave_out and self.weights is None:
            return "--except leaves out a part of --weights FILE, which is not given"
        if self.weights is not None and (self.weights / WEIGHTS).is_file():
            return f"--weights {visible(str(self.weights))} is a folder; say {visible(str(self.weights / WEIGHTS))}"
        return None

    @property
    def for_spec(self) -> list[str]:
        """The options given that are of use with a spec alone."""
        given = {"--input": self.input, "--set": self.settings, "--root": self.root, "--weights": self.weights}
        return [option for option, value in given.items() if value not in (None, (), [])]

    @property
    def for_recipe(self) -> list[str]:
        """The options given that say what the recipe is."""
        given = {"--recipe": self.recipe, "--set-recipe": self.set_recipe, **self.flags}
        return [option for option, value in given.items() if value not in (None, (), [])]

    def read_network(self) -> Spec | int:
        """The spec with its network, or an exit code, what is wrong having been told; there must be one."""
        assert self.spec is not None
        return read_network(self.spec, input=self.input, settings=self.settings, root=self.root)

    def read_subject(self) -> Subject | int:
        """The same as what is to be trained."""
        read = self.read_network()
        return read if isinstance(read, int) else subject_of(read)

    def find_recipe(self, told: TextIO | None) -> Path | None:
        """The path of the recipe; `told` is told of that beside the spec."""
        return find_recipe(self.recipe, self.spec, told)

    def overrides(self) -> tuple[Override, ...]:
        """What wins over the recipe. Raises TrainingError where it can't be meant."""
        return read_overrides(self.set_recipe, self.flags)


def subject_of(read: Spec) -> Subject:
    """What is to be trained of a spec that was read."""
    made_with = dict(read.settings) if read.input is None else {**read.settings, "input": read.input}
    return Subject(read.network, read.checked.source, read.checked.imports, made_with)


def checked_subject(origin: Origin, checked: Checked) -> Subject | int:
    """What is to be trained of what a folder keeps; or an exit code, what is wrong with its spec having been told."""
    if checked.network is None:
        print(render(checked.diagnostics, wants_color(sys.stderr)), file=sys.stderr)
        return EXIT_ERRORS
    made_with = {**origin.settings, "input": origin.input}
    return Subject(checked.network, checked.source, checked.imports, made_with)
