"""Images per second that are made ready for a network: by `archdsl train`, and by torchvision in a DataLoader.

    python benchmarks/data_path.py                              # four cases: some five minutes on two cores
    python benchmarks/data_path.py --only 224 28-augmented --rounds 5

All arms do the same to the images of Fashion-MNIST, in batches of 64 of an order drawn by chance: resize them to the
network's input, and normalize them; where they are augmented, first move them by up to 4 pixels each way, and mirror
half of them. archdsl has them in memory, and works on whole batches in its own process; torchvision works on one image
after the other by PIL, in the process that trains or in two beside it. Nothing is trained.

Every arm of every round is a fresh process, and the arms take turns. A ratio is the median of those of the rounds,
with the least and the most. `README.md` beside this file says what was measured.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from fashion_mnist import fashion_mnist
from measuring import per_second, processor, spread, version_of
from rich.console import Console
from rich.table import Table

BATCH, SHIFT = 64, 4
MEAN, STD = 0.2860, 0.3530
"""Of the pixels of Fashion-MNIST."""


class Case(NamedTuple):
    """What is made of the images; side: the height and width of the network's input."""

    side: int
    is_augmented: bool

    def __str__(self) -> str:
        return f"{self.side}{'-augmented' if self.is_augmented else ''}"


CASES = {str(case): case for case in (Case(side, augmented) for side in (28, 224) for augmented in (False, True))}


class Arm(NamedTuple):
    """workers: of the DataLoader; None is archdsl. steps: batches that are timed at 28x28 and at 224x224."""

    name: str
    workers: int | None
    steps: dict[int, int]


ARMS = (
    Arm("archdsl", None, {28: 1000, 224: 80}),
    Arm("DataLoader", 0, {28: 40, 224: 20}),
    Arm("DataLoader, 2 workers", 2, {28: 60, 224: 30}),
)


def archdsl_batches(case: Case, data: Path) -> Iterator[object]:
    """The batches of `archdsl train`, epoch after epoch."""
    import torch

    import archdsl
    from archdsl.recipe.recipe import Augmentation, Data, Recipe
    from archdsl.source import Source
    from archdsl.training.data.load import load_data
    from archdsl.training.loop import requests_of_epoch
    from archdsl.training.setup import prepare_training
    from archdsl.training.world import World

    spec = Source("side.arch", f"input(1, {case.side}, {case.side}) flatten fc(10)\n")
    network = archdsl.check(spec).network
    assert network is not None
    of = Data(name="fashion-mnist", verify=False)
    augmentation = Augmentation(shift=SHIFT, flip=True) if case.is_augmented else Augmentation()
    recipe = Recipe(data=of, batch_size=BATCH, augmentation=augmentation)
    images = load_data(of, network, spec, data)
    setup = prepare_training(network, recipe, images, torch.device("cpu"), World()).setup
    steps = -(-len(images.train) // BATCH)
    for epoch in range(recipe.epochs):
        for request, pixels, labels in images.train.read(requests_of_epoch(epoch, epoch * steps, setup)):
            assert request.draws is not None
            yield setup.augment(pixels, labels, request.draws)


def loader_batches(case: Case, data: Path, workers: int) -> Iterator[object]:
    """The batches of torchvision's transforms in a DataLoader, epoch after epoch."""
    from torch.utils.data import DataLoader
    from torchvision import transforms
    from torchvision.datasets import FashionMNIST

    augmentation = [transforms.RandomCrop(28, padding=SHIFT), transforms.RandomHorizontalFlip()]
    steps = [
        *(augmentation if case.is_augmented else []),
        *([] if case.side == 28 else [transforms.Resize(case.side)]),
        transforms.ToTensor(),
        transforms.Normalize((MEAN,), (STD,)),
    ]
    images = FashionMNIST(data, train=True, transform=transforms.Compose(steps))
    while True:
        yield from DataLoader(images, BATCH, shuffle=True, num_workers=workers)


def measured(arm: Arm, case: Case, data: Path) -> float:
    """Images per second of an arm, in this process."""
    batches = archdsl_batches(case, data) if arm.workers is None else loader_batches(case, data, arm.workers)
    return per_second(BATCH, batches, arm.steps[case.side], warm=5)


def in_a_fresh_process(arm: Arm, case: Case, data: Path) -> float:
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(measured, arm, case, data).result()


def table_of(rounds: dict[str, list[dict[str, float]]]) -> Table:
    table = Table("case", "arm", "images/s", "archdsl, times this", box=None)
    for column in table.columns[2:]:
        column.justify = "right"
    for name, of_case in rounds.items():
        for arm in ARMS:
            median, least, most = spread([each["archdsl"] / each[arm.name] for each in of_case])
            rate = statistics.median(each[arm.name] for each in of_case)
            ratio = "" if arm.workers is None else f"{median:.1f} ({least:.1f}-{most:.1f})"
            table.add_row(name if arm.workers is None else "", arm.name, f"{rate:,.0f}", ratio)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=CASES, default=CASES, help="of the cases, these")
    parser.add_argument("--rounds", type=int, default=5, help="how often each arm is run (default 5)")
    options = parser.parse_args()
    console = Console(width=120, highlight=False)
    versions = ", ".join(f"{name} {version_of(name)}" for name in ("torch", "torchvision", "pillow"))
    console.print(
        f"{processor()}, {os.cpu_count()} cores; load {os.getloadavg()[0]:.1f} at the start; "
        f"Python {platform.python_version()}, {versions}; {time.strftime('%Y-%m-%d')}"
    )
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # As `archdsl train` sets it.
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in options.only}
    with fashion_mnist() as data:
        for name, of_case in rounds.items():
            for number in range(options.rounds):
                of_case.append({arm.name: in_a_fresh_process(arm, CASES[name], data) for arm in ARMS})
                load = f"load {os.getloadavg()[0]:.1f}"
                console.print(f"{name}: round {number + 1} of {options.rounds}, {load}", style="dim")
    console.print(table_of(rounds))


if __name__ == "__main__":
    main()
