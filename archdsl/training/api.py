"""`archdsl.train`: a training as a call in Python. Imports torch when it is called, not before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from archdsl.api import Checked, InputLike, SetLike, check, network_of, refuse_text
from archdsl.errors import TrainingError
from archdsl.network import Network
from archdsl.settings import written
from archdsl.source import Source

if TYPE_CHECKING:
    import torch

    from archdsl.recipe.recipe import Recipe
    from archdsl.runs.metrics import EpochMetrics
    from archdsl.training.run import RunResult

RecipeLike: TypeAlias = "Recipe | Mapping[str, Any] | str | Path | None"
"""How to train: a recipe, its keys as in YAML, {"optimizer": {"lr": 0.05}}, or the path of its file."""


def train(
    network: Network | Checked | str | Path,
    recipe: RecipeLike = None,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    input: InputLike | None = None,
    set: SetLike | None = None,
    device: str | torch.device = "auto",
    data_dir: str | Path | None = None,
    download: bool = False,
    weights: str | Path | None = None,
    leave_out: Sequence[str] = (),
    save_every: float | None = None,
    on_epoch: Callable[[EpochMetrics], object] | None = None,
    quiet: bool = True,
) -> RunResult:
    """Train a network, as `archdsl train` does, and keep the run in a folder. Imports torch.

    Ctrl-C saves the training and ends it; `signal` of the result tells. In a thread that is not the main one, Python
    has no signals, and a training goes on to its end.

    Args:
        network: the path of a spec, what `archdsl.check` gives, or a network.
        recipe: a path, the keys as in YAML, {"epochs": 3, "optimizer": {"lr": 0.05}}, or a `Recipe`. By default that
            of a run that goes on, or that beside the spec, `lenet.yaml` beside `lenet.arch`, where the spec is given
            by its path; else the one without any key.
        out: the run's folder, new or empty; the next of runs/lenet-1, runs/lenet-2, ... by default.
        resume: whether `out` is a run that was stopped, and goes on to what it would have come to. With the same
            network and recipe.
        input, set: what stands for the spec's input, and for its lets. Of a network that was made with such, `set`
            must be given once more.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        data_dir: where published data sets lie; $ARCHDSL_DATA by default, else ./data.
        download: whether a data set that is not there is fetched.
        weights: a file of weights to start from, and leave_out: modules that are not taken from it, ("fc",).
        save_every: seconds after which the training is saved within an epoch; 300 by default.
        on_epoch: is called with the metrics of each epoch, when it is saved. What it raises ends the training.
        quiet: whether nothing is printed; otherwise what `archdsl train` prints.

    Raises:
        ArchitectureError: the spec has errors, or no layers.
        TrainingError: a mistake in the recipe, the data or the folder, or a training that failed.
    """
    checked, settings = _checked(network, input, set)
    assert checked.network is not None
    given = _recipe(network, recipe, out if resume else None)
    if resume and out is None:
        raise TrainingError("resume=True goes on with the run in `out`, which is not given")
    refuse_text(leave_out)
    if leave_out and weights is None:
        raise TrainingError("leave_out is for weights=..., and none are given")
    if save_every is not None and not save_every >= 0:
        raise TrainingError(f"save_every: must be a number of seconds, at least 0, and is {save_every}")
    if on_epoch is not None and not callable(on_epoch):
        raise TypeError(f"on_epoch is called with the metrics of each epoch, and {on_epoch!r} can't be")

    from archdsl.training import run
    from archdsl.training.report import choose_report
    from archdsl.training.subject import Subject

    return run.train(
        Subject(checked.network, checked.source, checked.imports, settings),
        given,
        device=str(device),
        data_dir=None if data_dir is None else Path(data_dir),
        download=download,
        out=None if out is None else Path(out),
        resume=resume,
        weights=None if weights is None else Path(weights),
        leave_out=leave_out,
        save_every=save_every,
        report=choose_report(quiet=quiet),
        on_epoch=on_epoch,
    )


def _checked(
    network: Network | Checked | str | Path, input: InputLike | None, set: SetLike | None
) -> tuple[Checked, dict[str, str]]:
    """The network with the text that it was made of, and the settings as the language writes them."""
    if isinstance(network, Checked):
        network = network_of(network)
    if isinstance(network, Network):
        source = network.root.span.source
        if source.path is None:
            source = Source("network.arch", source.text, None, source.files)  # The run keeps it as a file.
        checked = check(source, network.input if input is None else input, set)
    elif isinstance(network, str | Path):
        checked = check(Path(network), input, set)
    else:
        kind = "None" if network is None else type(network).__name__
        raise TypeError(f"train takes a Network, a Checked, or the path of a spec, not {kind}")
    found = network_of(checked)
    if isinstance(network, Network) and input is None:
        _refuse_other(network, found)
    return checked, {name: value if isinstance(value, str) else written(value) for name, value in (set or {}).items()}


def _refuse_other(given: Network, found: Network) -> None:
    """Raise TrainingError where a network is not what its text gives: a run that keeps the text could not go on."""
    from archdsl.compare.compare import compare

    if not compare(given, found).equal:
        raise TrainingError(
            f"{given.name} was made with other values of its lets than its text has, or its imports have changed "
            "since; say the values to train too, as set={...}, or train the path of the spec"
        )


def _recipe(network: object, recipe: RecipeLike, run: str | Path | None) -> Recipe:
    """The recipe that is meant; `run` is the folder of a run that goes on."""
    from archdsl.recipe.read import own_recipe, read_recipe, recipe_of_values
    from archdsl.recipe.recipe import Recipe

    if isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, Mapping):
        return recipe_of_values(recipe)
    if recipe is None and run is not None:
        recipe = Path(run) / "recipe.yaml"
    if recipe is None and isinstance(network, str | Path):
        recipe = own_recipe(network)
    if recipe is None or isinstance(recipe, str | Path):
        return read_recipe(recipe)
    raise TypeError(f"a recipe is a path, a dict of its keys, or a Recipe, not {type(recipe).__name__}")
