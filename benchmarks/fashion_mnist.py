"""Fashion-MNIST for benchmarks: as it lies on the disk, else noise in its format, which takes as long."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TRAIN_IMAGES, TEST_IMAGES = 60_000, 10_000


@contextmanager
def fashion_mnist() -> Iterator[Path]:
    """The folder that it lies in: $ARCHDSL_DATA, or while this is open one with noise."""
    folder = Path(os.environ.get("ARCHDSL_DATA") or "data")
    if (folder / "FashionMNIST").is_dir():
        yield folder
        return
    with tempfile.TemporaryDirectory() as name:
        write_noise(Path(name))
        yield Path(name)


def write_noise(folder: Path) -> None:
    """Files in the format and of the size of Fashion-MNIST."""
    import torch

    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", TRAIN_IMAGES), ("t10k", TEST_IMAGES)):
        pixels = torch.randint(0, 256, (count, 28, 28), dtype=torch.uint8)
        labels = torch.arange(count).remainder(10).to(torch.uint8)
        heads = [0x803, count, 28, 28], [0x801, count]
        for values, head, kind in zip((pixels, labels), heads, ("images-idx3", "labels-idx1"), strict=True):
            start = b"".join(number.to_bytes(4, "big") for number in head)
            (raw / f"{part}-{kind}-ubyte").write_bytes(start + values.numpy().tobytes())
