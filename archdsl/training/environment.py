"""Where a training is computed: its device, and what else its numbers depend on beside spec and recipe."""

from __future__ import annotations

import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError
from archdsl.training.start import is_one_of_many
from archdsl.training.world import World


def choose_device(name: str) -> torch.device:
    """The device of a name, "auto", "cpu", "cuda", "cuda:1", "mps"; of CUDA devices it is the current one from now on.

    Of several processes on a machine, each has a CUDA device of its own, that of its local rank; none has Apple's.
    cuDNN is to compute the same bits each time, by itself it may add up gradients in any order.
    Raises TrainingError, which says what there is, where it is not there.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    there = [*(["cuda", *(f"cuda:{index}" for index in range(count))] if count else [])]
    there += [*(["mps"] if torch.backends.mps.is_available() and not is_one_of_many() else []), "cpu"]
    if is_one_of_many() and name.startswith(("cuda:", "mps")):
        others = "are to have --device cpu" if name == "mps" else "have each its own by --device cuda"
        raise TrainingError(f"--device {printable(name)} is for one process; several {others}", of_all=True)
    wanted = there[0] if name == "auto" else name
    if wanted == "cuda" and is_one_of_many():
        if "LOCAL_RANK" not in os.environ:
            raise TrainingError(
                "LOCAL_RANK is not set, which tells each process its GPU; torchrun sets it", of_all=True
            )
        wanted = f"cuda:{os.environ['LOCAL_RANK']}"
    if wanted not in there:
        raise TrainingError(
            f"--device: there is no `{printable(wanted)}` on this machine; there are auto, {', '.join(there)}",
            of_all=wanted == name,
        )
    device = torch.device(wanted)
    if device.type == "cuda":
        torch.cuda.set_device(device.index or 0)
        torch.backends.cudnn.deterministic = True
    return device


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
        "device": device.type,
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "threads": torch.get_num_threads(),
        "processes": world.size,
        "cores": os.cpu_count() or 0,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": list(sys.argv[1:]),
    }
