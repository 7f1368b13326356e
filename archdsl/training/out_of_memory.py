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
from archdsl.recipe.recipe import SGD, Recipe
from archdsl.training.data.image_set import DataSet, Images, ImageSet
from archdsl.training.precision import computed_in

SINGLE = 4
"""Bytes of a value in single precision."""

USABLE = 0.95
"""What of the memory can be had: some falls between what is allocated, and some goes to what is not forecast."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory could not be had.

    torch has no class for that on a CPU, nor where CUDA's libraries want memory: CUBLAS_STATUS_ALLOC_FAILED.
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(
        words in text for words in ("can't allocate memory", "out of memory", "not enough memory", "alloc_failed")
    )


def advice(
    network: Network, recipe: Recipe, device: torch.device, processes: int = 1, data: DataSet | None = None
) -> str:
    """A line that tells the batch that ran out of memory, and what would fit.

    processes: how many share each batch, each with a device of its own. data: the images that are kept there.
    """
    images = 0 if data is None else sum(_size(part) for part in (data.train, data.validation, data.test))
    own = math.ceil(math.ceil(recipe.batch_size / recipe.accumulation) / processes)
    at_once = f"batches of {own:,}" + ("" if own == recipe.batch_size else " at once")
    said = f"out of memory on {device} with {at_once}"
    free = memory_of(device)
    if free is None:
        return f"{said}; {_smaller(recipe, own // 2, processes)}"
    forecast = forecast_training(network, _optimizer(recipe), computed_in(recipe.precision, device))
    average = 0 if recipe.ema is None else SINGLE * (network.cost.parameters + network.head_cost.parameters)
    limit = int(USABLE * free) - images - average
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
        limits = [limit for limit in (_memory_of_machine(), _memory_of_process()) if limit is not None]
        return min(limits, default=None)
    return None


def _memory_of_machine() -> int | None:
    """What the machine has left, and what this program holds of it."""
    with suppress(OSError, ValueError, LookupError):
        with open("/proc/meminfo", encoding="ascii") as file:
            amounts = {line.partition(":")[0]: line.split()[1] for line in file}
        return int(amounts["MemAvailable"]) * 1024 + _own_pages()[1]
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _memory_of_process() -> int | None:
    """What `ulimit -v` leaves for this program beside the files that are mapped."""
    if sys.platform == "win32":
        return None
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    with suppress(OSError, ValueError):
        addresses, own = _own_pages()
        return limit - addresses + own
    return limit


def _own_pages() -> tuple[int, int]:
    """The bytes of this program's addresses, and of the memory behind them that no file is. Raises OSError."""
    with open("/proc/self/statm", encoding="ascii") as file:
        size, resident, shared, *_ = (int(count) * os.sysconf("SC_PAGE_SIZE") for count in file.read().split())
    return size, resident - shared


def _size(images: Images | None) -> int:
    """The bytes of images that are in memory."""
    return images.images.nbytes if isinstance(images, ImageSet) else 0


def _optimizer(recipe: Recipe) -> str:
    """The optimizer of the forecast that keeps as much as the recipe's."""
    optimizer = recipe.optimizer
    if isinstance(optimizer, SGD):
        return "momentum" if optimizer.momentum else "sgd"
    return "momentum" if optimizer.name == "muon" else optimizer.name
