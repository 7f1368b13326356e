"""A small language for neural networks: shapes checked before a run, plain PyTorch behind.

    network = archdsl.load("specs/alexnet.arch")    # or raises ArchitectureError, with every mistake located
    print(archdsl.summary(network))
    model = archdsl.build(network)                  # an nn.Sequential; the first that imports torch
    archdsl.train("specs/alexnet.arch", {"epochs": 3}, out="runs/first")

Importing archdsl imports no torch.
"""

from typing import TYPE_CHECKING, Any

from archdsl.api import (
    ArchitectureError,
    Checked,
    WeightsError,
    accepted_sizes,
    auxiliary_outputs,
    build,
    check,
    load,
    load_weights,
    summary,
)
from archdsl.diagnostics.diagnostic import Diagnostic, Label
from archdsl.network import Network
from archdsl.shapes import Image, Vector
from archdsl.source import Source, Span

if TYPE_CHECKING:
    from archdsl.errors import TrainingError
    from archdsl.recipe.recipe import Recipe
    from archdsl.runs.metrics import EpochMetrics
    from archdsl.training.api import train
    from archdsl.training.run import RunResult


def __getattr__(name: str) -> Any:
    """What is imported where it is asked for alone: `archdsl.__version__`, and what is for training."""
    if name == "__version__":
        from importlib.metadata import version

        return version("archdsl")
    if name == "train":
        from archdsl.training.api import train

        return train
    if name == "TrainingError":
        from archdsl.errors import TrainingError

        return TrainingError
    if name == "EpochMetrics":
        from archdsl.runs.metrics import EpochMetrics

        return EpochMetrics
    if name == "Recipe":
        from archdsl.recipe.recipe import Recipe

        return Recipe
    if name == "RunResult":
        from archdsl.training.run import RunResult

        return RunResult
    raise AttributeError(f"module 'archdsl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]


__all__ = [
    "ArchitectureError",
    "Checked",
    "Diagnostic",
    "EpochMetrics",
    "Image",
    "Label",
    "Network",
    "Recipe",
    "RunResult",
    "Source",
    "Span",
    "TrainingError",
    "Vector",
    "WeightsError",
    "accepted_sizes",
    "auxiliary_outputs",
    "build",
    "check",
    "load",
    "load_weights",
    "summary",
    "train",
]
