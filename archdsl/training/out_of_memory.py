"""What to say when a device runs out of memory: which batch the forecast of memory allows."""

from __future__ import annotations

import math
import os
import sys
from contextlib import suppress

import torch

from archdsl.cost.memory import forecast_training
from archdsl.cost.sizes import size_text
from archdsl.network import Network
from archdsl.training.precision import computed_in
from archdsl.training.recipe import SGD, Recipe

SINGLE = 4
"""Bytes of a value in single precision."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory could not be had; torch has no class for that on a CPU."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(
        words in text for words in ("can't allocate memory", "out of memory", "not enough memory")
    )


def advice(network: Network, recipe: Recipe, device: torch.device, processes: int = 1, images: int = 0) -> str:
    """A line that tells the batch that ran out of memory, and what would fit.

    processes: how many share each batch, each with a device of its own. images: bytes of data that are kept there.
    """
    own = math.ceil(math.ceil(recipe.batch_size / recipe.accumulation) / processes)
    at_once = f"batches of {own:,}" + ("" if own == recipe.batch_size else " at once")
    said = f"out of memory on {device} with {at_once}"
    free = memory_of(device)
    if free is None:
        return f"{said}; {_smaller(recipe, own // 2, processes)}"
    forecast = forecast_training(network, _optimizer(recipe), computed_in(recipe.precision, device))
    average = 0 if recipe.ema is None else SINGLE * (network.cost.parameters + network.head_cost.parameters)
    limit = free - images - average
    largest = forecast.largest_batch(limit)
    if not largest:
        needed = size_text(forecast.at(1).total + images + average)
        return f"{said}: a single image takes {needed} by the forecast, and there are {size_text(free)}; {_LESS}"
    if largest >= own:
        # The forecast knows neither of other programs nor of how memory falls to pieces.
        return f"{said}, although the forecast allows it; {_smaller(recipe, own // 2, processes)}"
    return f"{said}: {largest:,} fit into {size_text(free)} by the forecast; {_smaller(recipe, largest, processes)}"


_LESS = "try a smaller --input, or fewer images with --limit-train"


def _smaller(recipe: Recipe, fits: int, processes: int) -> str:
    """How to have no more than so many images on a device at once."""
    if not fits:
        return _LESS
    parts = math.ceil(recipe.batch_size / (fits * processes))
    return (
        f"try accumulation: {parts}, which learns from the same batches of {recipe.batch_size:,} in parts, "
        f"or --batch-size {fits * processes * recipe.accumulation}"
    )


def memory_of(device: torch.device) -> int | None:
    """The bytes that this program can have on a device, what it has included; None where that can't be told."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device)
    if device.type == "cpu":
        limits = [limit for limit in (_free_memory(), _address_space()) if limit is not None]
        return min(limits, default=None)
    return None


def _free_memory() -> int | None:
    """What the machine has left, and what this program holds of it."""
    page = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    with suppress(OSError, ValueError, IndexError):
        with open("/proc/meminfo", encoding="ascii") as file:
            amounts = {line.partition(":")[0]: line.split()[1] for line in file}
        with open("/proc/self/statm", encoding="ascii") as file:
            _, resident, shared, *_ = (int(count) for count in file.read().split())
        return int(amounts["MemAvailable"]) * 1024 + (resident - shared) * page
    with suppress(OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * page
    return None


def _address_space() -> int | None:
    """The limit that `ulimit -v` set."""
    if sys.platform == "win32":
        return None
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def _optimizer(recipe: Recipe) -> str:
    """The optimizer of the forecast that keeps as much as the recipe's."""
    optimizer = recipe.optimizer
    if isinstance(optimizer, SGD):
        return "momentum" if optimizer.momentum else "sgd"
    return "momentum" if optimizer.name == "muon" else optimizer.name
