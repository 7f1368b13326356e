"""What `eval` and `predict` share: the file of weights that is meant, and the network in it. No torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from archdsl.commands.output import refuse
from archdsl.commands.spec import Spec, read_network
from archdsl.diagnostics.render import visible
from archdsl.errors import TrainingError
from archdsl.recipe.read import check_recipe
from archdsl.recipe.recipe import Recipe
from archdsl.runs.folder import RECIPE, RESULT, WEIGHTS, RunFolder
from archdsl.training.start import load_torch
from archdsl.weights.files import SUFFIX, Normalization, Origin

if TYPE_CHECKING:
    from archdsl.training.trained import Trained


class Target(NamedTuple):
    """A file of weights with its network, and the run that it is part of, if it is."""

    weights: Path
    spec: Spec
    run: RunFolder | None

    @property
    def origin(self) -> Origin:
        assert self.spec.origin is not None
        return self.spec.origin


def find_target(name: str) -> Target | int:
    """The weights of a run, or a file of weights that archdsl wrote. What is wrong with it goes to standard error.

    Returns:
        What was found, or an exit code: 1 where the spec in the file has errors, 2 where there are no such weights.
    """
    path = Path(name)
    run, weights = None, path
    if path.is_dir():
        try:
            run = RunFolder.open(path)
        except TrainingError as error:
            return refuse(str(error))
        weights = run.path / WEIGHTS
        if not weights.exists():
            if (run.path / RESULT).exists():
                return refuse(f"{run}: the run is finished, and its {WEIGHTS} is not there any more")
            return refuse(f"{run}: there are no weights in it yet; `archdsl train --resume {run}` goes on with it")
    elif path.suffix.lower() != SUFFIX:
        if not os.path.lexists(path):
            return refuse(f"{visible(name)}: no such file or folder")
        return refuse(
            f"{visible(name)}: neither the folder of a run nor a {SUFFIX} file that archdsl wrote; "
            f"`archdsl weights load SPEC {visible(name)} -o NEW{SUFFIX}` makes one of other weights"
        )
    else:
        try:
            run = RunFolder.open(path)
        except TrainingError:
            run = None
    spec = read_network(str(weights), warnings=False)
    if isinstance(spec, int):
        return spec
    if run is not None and weights.name == WEIGHTS and _is_of_another_network(spec, run):
        return refuse(
            f"{visible(str(weights))}: it keeps another network than the run's spec; put back the one that was changed"
        )
    return Target(weights, spec, run)


def _is_of_another_network(spec: Spec, run: RunFolder) -> bool:
    """Whether weights in a run's folder are those of another run. Of a run that is damaged that is not known."""
    from archdsl.compare.compare import compare  # Here, for a check needs none of it.

    try:
        network = run.check().network
    except TrainingError:
        return False
    return network is not None and not compare(network, spec.network).equal


def recipe_of(target: Target) -> Recipe:
    """The recipe of the run, or that without any key. Raises TrainingError where it can't be read."""
    if target.run is None:
        return Recipe()
    return check_recipe(f"{target.run}/{RECIPE}", target.run.recipe_text())


def read_weights(target: Target, recipe: Recipe, device: str, pixels: Normalization | None = None) -> Trained:
    """The network with its weights, on a device, computed as its recipe says. Imports torch.

    pixels: a normalization that stands for that of the file. Raises TrainingError where the weights can't be used.
    """
    load_torch()
    from archdsl.training.environment import choose_device
    from archdsl.training.trained import read_trained

    network, source = target.spec.network, target.spec.checked.source
    return read_trained(target.weights, network, source, target.origin, choose_device(device), pixels, recipe)


def read_pixels(mean: str | None, std: str | None) -> Normalization | None:
    """The values of --mean and --std. Raises TrainingError where one of them is missing, or is not numbers."""
    if mean is None and std is None:
        return None
    if mean is None or std is None:
        raise TrainingError(f"--{'mean' if mean is None else 'std'} is missing; --mean and --std belong together")
    return Normalization(_numbers("--mean", mean), _numbers("--std", std))


def _numbers(flag: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise TrainingError(f"{flag}: {visible(text)} is not a number for each channel, as 0.485,0.456,0.406") from None


def pictures_in(names: Sequence[str]) -> tuple[list[Path], list[TrainingError]]:
    """The files that are named, and those in folders that are, also deep below; and folders that have none."""
    found: list[Path] = []
    empty = []
    for name in names:
        path = Path(name)
        if not name:  # Which a path takes for this folder, and a script means for a variable that is not set.
            empty.append(TrainingError("a picture's name is empty"))
            continue
        if not path.is_dir():
            found.append(path)
            continue
        files = sorted(each for each in path.rglob("*") if _may_be_picture(each.relative_to(path)) and each.is_file())
        found += files
        if not files:
            empty.append(TrainingError(f"{visible(name)}: there are no files in this folder"))
    return found, empty


def _may_be_picture(path: Path) -> bool:
    return not any(part.startswith(".") for part in path.parts) and path.name.lower() not in (
        "thumbs.db",
        "desktop.ini",
    )
