"""A small language for neural networks: shapes checked before a run, plain PyTorch behind.

    network = archdsl.load("specs/alexnet.arch")    # or raises ArchitectureError, with every mistake located
    print(archdsl.summary(network))
    model = archdsl.build(network)                  # an nn.Sequential; the first that imports torch

Importing archdsl imports no torch.
"""

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


def __getattr__(name: str) -> str:
    """`archdsl.__version__`, which is looked up where it is asked for alone."""
    if name != "__version__":
        raise AttributeError(f"module 'archdsl' has no attribute {name!r}")
    from importlib.metadata import version

    return version("archdsl")


__all__ = [
    "ArchitectureError",
    "Checked",
    "Diagnostic",
    "Image",
    "Label",
    "Network",
    "Source",
    "Span",
    "Vector",
    "WeightsError",
    "accepted_sizes",
    "auxiliary_outputs",
    "build",
    "check",
    "load",
    "load_weights",
    "summary",
]
