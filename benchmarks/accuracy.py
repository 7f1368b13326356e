"""Trains the networks of specs/ on Fashion-MNIST, and tells how many of its 10,000 test images each gets right.

    .venv/bin/python benchmarks/accuracy.py                     # the small network alone: five minutes on two cores
    .venv/bin/python benchmarks/accuracy.py --only alexnet      # for a GPU; see the table in benchmarks/README.md
    .venv/bin/python benchmarks/accuracy.py --only alexnet --input 1x67x67
    .venv/bin/python benchmarks/accuracy.py --table             # what the runs that are there came to

A run is a folder in runs/accuracy, and goes on where it was stopped. All 60,000 images are learned from, and the
weights are the last ones: the test images choose nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

import archdsl
from archdsl.recipe.read import read_overrides, read_recipe
from archdsl.runs.folder import RunFolder
from archdsl.runs.summary import accuracy_text, epochs_text, summary_of, time_text

ROOT = Path(__file__).parent.parent


class Case(NamedTuple):
    """A network and the accuracy that is aimed at.

    recipe: in specs/. published: what the table of the data set's authors has that comes near it.
    input, settings: what stands for the spec's input, and for its lets.
    """

    recipe: str
    aim: float
    published: tuple[str, float]
    input: str | None = None
    settings: Mapping[str, Any] = MappingProxyType({})


CASES = {
    "small": Case("small.yaml", 0.93, ("3 Conv+pooling and 2 FC+dropout", 0.926)),
    "alexnet": Case("accuracy/alexnet.yaml", 0.93, ("AlexNet", 0.899)),
    "vgg11": Case("accuracy/vgg11.yaml", 0.945, ("VGG16", 0.935)),
    "googlenet": Case("accuracy/googlenet.yaml", 0.95, ("GoogleNet", 0.937)),
    "wide_resnet": Case("accuracy/wide_resnet.yaml", 0.967, ("WRN40-4", 0.967), "1x28x28", {"depth": 40, "width": 4}),
}
"""Published: the table in the README of github.com/zalandoresearch/fashion-mnist, which its authors did not verify."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=CASES, default=["small"], help="which networks; by default small")
    parser.add_argument("--input", help="the shape of the images, as 1x67x67; by default the spec's own")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--set-recipe", action="append", default=[], metavar="KEY=VALUE", help="over the recipes")
    parser.add_argument("--out", type=Path, default=Path("runs/accuracy"), help="where the runs are kept")
    parser.add_argument("--download", action="store_true", help="fetch Fashion-MNIST where it is not there")
    parser.add_argument("--table", action="store_true", help="train nothing, print the table")
    options = parser.parse_args()
    overrides = read_overrides(["data.name=fashion-mnist", *options.set_recipe])
    for name in () if options.table else options.only:
        case = CASES[name]
        size = options.input or case.input
        run = options.out / (name if options.input is None else f"{name}-{options.input}")
        try:
            result = archdsl.train(
                ROOT / "specs" / f"{name}.arch",
                read_recipe(ROOT / "specs" / case.recipe, overrides),
                out=run,
                resume=(run / "recipe.yaml").exists(),
                input=size,
                set=case.settings,
                device=options.device,
                download=options.download,
                quiet=False,
            )
        except archdsl.TrainingError as error:
            sys.exit(f"{name}: {error}")
        if result.signal is not None:
            sys.exit(128 + result.signal)
    Console(width=110).print(table_of(options.out))


def table_of(out: Path) -> Table:
    """What the runs in a folder came to. A network that was not trained has a row that says so."""
    table = Table(title="Fashion-MNIST, test accuracy", box=SIMPLE)
    for column in ("network", "input", "epochs", "time", "on", "accuracy", "aim", "published", "of"):
        table.add_column(column, justify="left" if column in ("network", "on", "of") else "right")
    for name, case in CASES.items():
        beside = (f"{case.aim:.3f}", f"{case.published[1]:.3f}", case.published[0])
        folders = sorted(path.parent for path in out.glob(f"{name}*/recipe.yaml"))
        if not folders:
            table.add_row(name, "", "", "", "not run", "", *beside)
        for run in map(RunFolder, folders):
            found, network, environment = summary_of(run), run.check().network, run.environment()
            table.add_row(
                name,
                "" if network is None else str(network.input),
                epochs_text(found),
                time_text(found.seconds),
                str(environment.get("device_name")),
                accuracy_text(found.test_accuracy),
                *beside,
            )
    return table


if __name__ == "__main__":
    main()
