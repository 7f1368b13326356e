"""Where a training is computed: its device, and what else its numbers depend on beside spec and recipe."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError
from archdsl.training.start import is_one_of_many
from archdsl.training.world import World


def choose_device(name: str) -> torch.device:
    """The device of a name: "auto", "cpu", "cuda", "cuda:1", "mps". Raises TrainingError where it is not there.

    Of several processes on a machine, each has a CUDA device of its own: that of its local rank.
    """
    kinds: dict[str, Callable[[], bool]] = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
        "cpu": lambda: True,
    }
    if name == "auto":
        name = next(kind for kind, is_there in kinds.items() if is_there())
    if name == "cuda" and is_one_of_many():
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    kind, _, index = name.partition(":")
    if kind not in kinds or (index and (kind != "cuda" or not index.isdecimal())):
        raise TrainingError(f"--device: there is no {printable(name)}; there are auto, {', '.join(kinds)}")
    if not kinds[kind]():
        raise TrainingError(f"--device: torch finds no {kind} device on this machine; leave --device out, or say cpu")
    if index and int(index) >= torch.cuda.device_count():
        raise TrainingError(f"--device: there is no {name}; torch finds {torch.cuda.device_count()} cuda device(s)")
    return torch.device(name)


def describe_environment(device: torch.device, world: World) -> dict[str, Any]:
    """What a run's numbers depend on beside spec and recipe: text and numbers alone."""
    try:
        archdsl_version = version("archdsl")
    except PackageNotFoundError:
        archdsl_version = "unknown"
    return {
        "archdsl": archdsl_version,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "platform": platform.platform(),
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "threads": torch.get_num_threads(),
        "processes": world.size,
        "cores": os.cpu_count() or 0,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": list(sys.argv[1:]),
    }
