"""What the drawn figures ask of a network: a linear classifier's accuracy on them, and a network's for several seeds.

    python benchmarks/shapes.py                      # specs/alexnet.arch at 1x96x96, seeds 0 to 4: some 20 minutes
    python benchmarks/shapes.py --seeds 0 --spec specs/lenet.arch --input 1x28x28 --recipe specs/lenet.yaml

Both learn from the same images and are tested on the same others. The linear classifier is multinomial logistic
regression on the pixels, trained to convergence with each of several penalties; its best is chosen on the test set,
so its figure errs on the high side. Times are of the whole run, with drawing, evaluation and checkpoints; the load
beside them tells whether the machine had other work.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # As `archdsl train` sets it.

import torch
from linear_classifier import PENALTIES, linear_accuracy

import archdsl
from archdsl.recipe.read import read_recipe
from archdsl.source import Source
from archdsl.training.data.load import load_data
from archdsl.training.run import train
from archdsl.training.subject import Subject


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", default="specs/alexnet.arch")
    parser.add_argument("--input", default="1x96x96")
    parser.add_argument("--recipe", default=None)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    parser.add_argument("--data-seed", type=int, default=0)
    parser.add_argument("--no-linear", action="store_true")
    options = parser.parse_args()

    network = archdsl.load(options.spec, input=options.input)
    spec = Source(options.spec, Path(options.spec).read_text(encoding="utf-8"))
    recipe = read_recipe(options.recipe)
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"seed": options.data_seed})})
    print(f"{options.spec} at {network.input}; torch {torch.__version__}, {torch.get_num_threads()} threads")

    if not options.no_linear:
        data = load_data(recipe.data, network, spec, Path("data"))
        print(f"{len(data.train.labels)} images to learn from, {len(data.test.labels)} to test on")
        for penalty in PENALTIES:
            began = time.monotonic()
            result = linear_accuracy(data.train.images, data.train.labels, data.test.images, data.test.labels, penalty)
            print(
                f"linear, penalty {penalty:<7g} test {result['test']:.3f}  train {result['train']:.3f}  "
                f"largest gradient {result['gradient']:.1e}  {time.monotonic() - began:.0f} s",
                flush=True,
            )

    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            result = train(Subject(network, spec), recipe.model_copy(update={"seed": seed}), out=Path(folder) / "run")
        accuracies = "  ".join(f"{metrics.test_accuracy:.3f}" for metrics in result.epochs)
        print(f"seed {seed}: {accuracies}  in {result.seconds:.0f} s, load {os.getloadavg()[0]:.1f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
