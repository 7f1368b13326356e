"""A small language for neural networks: shapes checked before a run, plain PyTorch behind.

    network = archdsl.load("specs/alexnet.arch")    # or raises ArchitectureError, with every mistake located
    print(archdsl.summary(network))
    model = archdsl.build(network)                  # an nn.Sequential; the first that imports torch
    archdsl.train("specs/alexnet.arch", {"epochs": 3}, out="runs/first")

Importing archdsl imports nothing else; each name is found where it is first used, and few of them need torch.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from archdsl.errors import TrainingError
    from archdsl.network import Network
    from archdsl.recipe.recipe import Recipe
    from archdsl.runs.metrics import EpochMetrics
    from archdsl.shapes import Image, Vector
    from archdsl.source import Source, Span
    from archdsl.training.api import train
    from archdsl.training.run import RunResult


def __getattr__(name: str) -> Any:
    """What is imported where it is asked for, so that a program that is interrupted meanwhile can say so in a line."""
    if name == "__version__":
        from importlib.metadata import version

        return version("archdsl")
    if name not in __all__:
        raise AttributeError(f"module 'archdsl' has no attribute {name!r}")
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
    from archdsl import api, network, shapes, source
    from archdsl.diagnostics import diagnostic

    modules = (api, diagnostic, network, shapes, source)
    return next(getattr(module, name) for module in modules if hasattr(module, name))


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
