"""What the benchmarks share: images per second, ratios over rounds, and where it all ran."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path


def per_second(images: int, steps: Iterator[object], count: int, warm: int) -> float:
    """Images per second over `count` steps, each of so many images, after `warm` that do not count."""
    for _ in islice(steps, warm):
        pass
    started = time.perf_counter()
    done = sum(1 for _ in islice(steps, count))
    assert done == count
    return images * count / (time.perf_counter() - started)


def spread(ratios: list[float]) -> list[float]:
    """The median of the rounds' ratios, the least and the most."""
    return [round(value, 3) for value in (statistics.median(ratios), min(ratios), max(ratios))]


def version_of(name: str) -> str | None:
    """The version of an installed distribution; None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def processor() -> str:
    """The name of the processor, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
