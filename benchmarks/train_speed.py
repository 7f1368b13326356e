"""Images per second of `archdsl train`, beside the textbook's loop, bare loops, Lightning and Keras, in one run.

    python benchmarks/train_speed.py                               # four networks: half an hour on two cores
    python benchmarks/train_speed.py --only lenet --rounds 5
    python benchmarks/train_speed.py --only vgg11 --steps 3 --threads 1 --format json

Every arm of every round is a fresh process, and the arms take turns, so that what else the machine does falls on all
of them. An arm trains for a few steps that do not count and some that do, and evaluates some images; the time of an
epoch is reckoned from these for all of Fashion-MNIST, 60,000 images to learn from and 10,000 to test on, and with
archdsl that of keeping weights and checkpoint is added. A ratio is the median of those of the rounds, with the least
and the most. Memory is the largest resident size of the process.

Fashion-MNIST is read from $ARCHDSL_DATA; where it is not there, noise is written in its format, for a moment.
`README.md` beside this file says what each arm does, and what was measured.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fashion_mnist import TEST_IMAGES, TRAIN_IMAGES, fashion_mnist
from measuring import per_second, processor, spread, version_of

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.utils.data import DataLoader

SPECS = Path(__file__).parent.parent / "specs"


class Case(NamedTuple):
    """A network, and how much of it is measured.

    side: the height and width of its input. batch: images a step. steps, images: how many steps are timed in
    training, after `warm` others, and how many images in evaluation.
    """

    name: str
    side: int
    batch: int
    steps: int
    images: int
    warm: int

    @property
    def spec(self) -> Path:
        return SPECS / f"{self.name}.arch"

    @property
    def most_steps(self) -> int:
        """How many steps of an epoch can be timed."""
        return TRAIN_IMAGES // self.batch - self.warm


CASES = (
    Case("lenet", 28, batch=64, steps=800, images=6400, warm=40),
    Case("alexnet", 224, batch=16, steps=12, images=256, warm=4),
    Case("vgg11", 224, batch=8, steps=4, images=64, warm=2),
    Case("googlenet", 96, batch=16, steps=24, images=384, warm=4),
)


class Measured(NamedTuple):
    """Images per second in training and in evaluation; seconds that an epoch's end takes beside; and memory."""

    train: float
    evaluation: float
    end: float = 0.0
    megabytes: float = 0.0

    @property
    def epoch(self) -> float:
        """The seconds of a whole epoch."""
        return TRAIN_IMAGES / self.train + TEST_IMAGES / self.evaluation + self.end


# The arms


def textbook(case: Case, data: Path) -> Measured:
    """The loop that courses teach: PIL and a DataLoader with two workers, Adam, `.item()` in each step."""
    import torch
    from torch.nn.functional import cross_entropy

    model = built(case)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def steps() -> Iterator[float]:
        model.train()
        for x, labels in loader(case, data, train=True):
            optimizer.zero_grad()
            logits = model(x)
            loss = cross_entropy(logits, labels)
            loss.backward()
            optimizer.step()
            yield loss.item() + (logits.argmax(1) == labels).sum().item()

    @torch.no_grad()
    def answers() -> Iterator[float]:
        model.eval()
        for x, labels in loader(case, data, train=False):
            yield (model(x).argmax(1) == labels).sum().item()

    train = per_second(case.batch, steps(), case.steps, case.warm)
    return Measured(train, per_second(case.batch, answers(), case.images // case.batch, case.warm))


def plain(case: Case, data: Path) -> Measured:
    """A bare loop over one batch in memory, with everything as torch has it by default."""
    import torch

    model = built(case)
    return bare(case, model, torch.optim.Adam(model.parameters(), lr=1e-3), torch.contiguous_format)


def best(case: Case, data: Path) -> Measured:
    """The same with all that makes it faster: channels last, Adam fused, and ReLUs in place."""
    import torch
    from torch import nn

    model = built(case).to(memory_format=torch.channels_last)
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = True  # In these networks each follows a layer that does not need its own output.
    return bare(case, model, torch.optim.Adam(model.parameters(), lr=1e-3, fused=True), torch.channels_last)


def bare(case: Case, model: nn.Module, optimizer: Any, memory_format: Any) -> Measured:
    import torch
    from torch.nn.functional import cross_entropy

    def batch_of(count: int) -> tuple[Tensor, Tensor]:
        x = torch.randn(count, 1, case.side, case.side).contiguous(memory_format=memory_format)
        return x, torch.randint(0, 10, (count,))

    def steps() -> Iterator[None]:
        model.train()
        x, labels = batch_of(case.batch)
        while True:
            optimizer.zero_grad()
            cross_entropy(model(x), labels).backward()
            optimizer.step()
            yield

    at_once = evaluated_at_once(case)

    @torch.inference_mode()
    def answers() -> Iterator[None]:
        model.eval()
        x, _ = batch_of(at_once)
        while True:
            model(x)
            yield

    train = per_second(case.batch, steps(), case.steps, case.warm)
    return Measured(train, per_second(at_once, answers(), math.ceil(case.images / at_once), 1))


def archdsl_train(case: Case, data: Path) -> Measured:
    """`archdsl train` on the whole of Fashion-MNIST, up to a step; its own evaluation, and what ends its epochs."""
    import torch

    import archdsl
    from archdsl.recipe.recipe import Adam, Data, Recipe
    from archdsl.source import Source
    from archdsl.training import run
    from archdsl.training.loop import Observer, Progress, Setup, train_loop
    from archdsl.training.signals import StopRequest
    from archdsl.training.subject import Subject

    class Enough(Exception):
        pass

    times: list[float] = []
    found: list[Measured] = []

    def some_of_it(progress: Progress, setup: Setup, observer: Observer, stop: StopRequest) -> None:
        """In place of the training: the steps that are wanted, and then what ends an epoch."""
        on_step = observer.on_step

        def counted(epoch: int, images_done: int, loss: float) -> None:
            on_step(epoch, images_done, loss)
            times.append(time.perf_counter())
            if len(times) == case.warm + case.steps:
                raise Enough

        observer.on_step = counted  # type: ignore[method-assign]
        with suppress(Enough):
            train_loop(progress, setup, observer, stop)
        seconds = times[-1] - times[case.warm - 1]
        setup.evaluated(progress.model, setup.data.test.take(torch.arange(setup.evaluated_at_once)), stop)
        started = time.perf_counter()
        setup.evaluated(progress.model, setup.data.test.take(torch.arange(case.images)), stop)
        evaluated = time.perf_counter()
        observer.keep_weights()
        observer.save()
        end = time.perf_counter() - evaluated
        found.append(Measured(case.batch * case.steps / seconds, case.images / (evaluated - started), end))
        raise Enough

    run.train_loop = some_of_it  # type: ignore[attr-defined]
    recipe = Recipe(
        data=Data(name="fashion-mnist", verify=False), epochs=1, batch_size=case.batch, optimizer=Adam(lr=1e-3)
    )
    subject = Subject(archdsl.load(case.spec), Source(case.spec.name, case.spec.read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory() as folder, suppress(Enough):
        run.train(subject, recipe, device="cpu", data_dir=data, out=Path(folder, "run"))
    return found[0]


def lightning(case: Case, data: Path) -> Measured:
    """Lightning's Trainer on the textbook's DataLoader, with accuracy logged, and no logger nor checkpoint."""
    import torch
    from lightning.pytorch import LightningModule, Trainer
    from lightning.pytorch.callbacks import Callback
    from torch.nn.functional import cross_entropy

    times: dict[str, list[float]] = {"train": [], "validate": []}

    class Net(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = built(case)

        def training_step(self, batch: Any, index: int) -> Tensor:
            x, labels = batch
            logits = self.model(x)
            loss = cross_entropy(logits, labels)
            self.log("loss", loss)
            self.log("accuracy", (logits.argmax(1) == labels).float().mean())
            return loss

        def validation_step(self, batch: Any, index: int) -> None:
            x, labels = batch
            self.log("accuracy", (self.model(x).argmax(1) == labels).float().mean())

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=1e-3)

    class Times(Callback):
        def on_train_batch_end(self, *_: Any, **__: Any) -> None:
            times["train"].append(time.perf_counter())

        def on_validation_batch_end(self, *_: Any, **__: Any) -> None:
            times["validate"].append(time.perf_counter())

    trainer = Trainer(
        accelerator="cpu",
        max_steps=case.warm + case.steps,
        limit_val_batches=case.warm + case.images // case.batch,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Times()],
    )
    net = Net()
    trainer.fit(net, loader(case, data, train=True))
    trainer.validate(net, loader(case, data, train=False), verbose=False)
    return from_times(case, times["train"], times["validate"])


def keras(case: Case, data: Path) -> Measured:
    """`fit` of Keras on its torch backend, on the textbook's DataLoader, with accuracy."""
    os.environ["KERAS_BACKEND"] = "torch"
    from keras import Model, callbacks, losses, optimizers
    from peers import as_keras

    import archdsl

    times: dict[str, list[float]] = {"train": [], "test": []}

    class Times(callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, *_: Any, **__: Any) -> None:
            times["train"].append(time.perf_counter())

        def on_test_batch_end(self, *_: Any, **__: Any) -> None:
            times["test"].append(time.perf_counter())

    names: dict[str, Any] = {}
    exec(as_keras(archdsl.load(case.spec)), names)
    output = names["main"]()
    model = Model(names["keras"].utils.get_source_inputs(output), output)
    model.compile(optimizers.Adam(1e-3), losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    steps, batches = case.warm + case.steps, case.warm + case.images // case.batch
    model.fit(loader(case, data, train=True), steps_per_epoch=steps, epochs=1, verbose=0, callbacks=[Times()])
    model.evaluate(loader(case, data, train=False), steps=batches, verbose=0, callbacks=[Times()])
    return from_times(case, times["train"], times["test"])


def from_times(case: Case, train: list[float], evaluation: list[float]) -> Measured:
    """Of when each step was done, the warm ones too."""

    def rate(times: list[float]) -> float:
        return case.batch * (len(times) - case.warm) / (times[-1] - times[case.warm - 1])

    return Measured(rate(train), rate(evaluation))


def built(case: Case) -> nn.Module:
    import archdsl
    from archdsl.backends.pytorch import build

    return build(archdsl.load(case.spec))


def evaluated_at_once(case: Case) -> int:
    """The batch in which archdsl evaluates a network, and the bare loops. The others do it in that of the training."""
    import torch

    import archdsl
    from archdsl.training.evaluation import images_at_once

    return images_at_once(archdsl.load(case.spec), "fp32", torch.device("cpu"))


def loader(case: Case, data: Path, *, train: bool) -> DataLoader[Any]:
    """The data as the textbook has it: each image opened by PIL, resized, and made a tensor, by two workers."""
    from torch.utils.data import DataLoader
    from torchvision import transforms
    from torchvision.datasets import FashionMNIST

    steps = [] if case.side == 28 else [transforms.Resize(case.side)]
    images = FashionMNIST(data, train=train, transform=transforms.Compose([*steps, transforms.ToTensor()]))
    return DataLoader(images, case.batch, shuffle=train, num_workers=2)


class Arm(NamedTuple):
    """needs: the distribution that must be installed beside torch. little_spinning: see `environment`."""

    name: str
    run: Callable[[Case, Path], Measured]
    needs: str | None = None
    little_spinning: bool = False


ARMS = (
    Arm("textbook", textbook),
    Arm("plain loop", plain, little_spinning=True),
    Arm("best loop", best, little_spinning=True),
    Arm("archdsl", archdsl_train, little_spinning=True),
    Arm("Lightning", lightning, "lightning"),
    Arm("Keras, torch", keras, "keras"),
)


# The runs


def environment(arm: Arm, threads: int) -> dict[str, str]:
    """The variables of an arm's process.

    The bare loops wait between kernels as `archdsl train` does, without much spinning, so that a machine that has
    other work does not make them look slow. The others are as their users find them.
    """
    own = {"OMP_NUM_THREADS": str(threads)}
    if arm.little_spinning:
        own["GOMP_SPINCOUNT"] = "1000"
    return {**os.environ, **own}


def run_arm(arm: Arm, case: Case, data: Path, threads: int) -> Measured:
    """Measure an arm in a process of its own."""
    command = [sys.executable, __file__, "--arm", arm.name, "--case", json.dumps(case), "--data", str(data)]
    result = subprocess.run(command, capture_output=True, text=True, env=environment(arm, threads))
    if result.returncode:
        raise SystemExit(f"{arm.name}, {case.name}: exited with {result.returncode}\n{result.stderr[-3000:]}")
    return Measured(*json.loads(result.stdout))


def be_arm(name: str, case: Case, data: Path) -> None:
    """What the process of an arm does."""
    arm = next(arm for arm in ARMS if arm.name == name)
    with redirect_stdout(sys.stderr):
        measured = arm.run(case, data)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps(measured._replace(megabytes=kilobytes / 1024)))


# What comes out


class Row(NamedTuple):
    """An arm of a network over all rounds; ratios are [median, least, most], above 1 where it is faster.

    train, evaluation: images per second. epoch, epoch_end: seconds, and what of them goes into keeping the epoch.
    """

    network: str
    arm: str
    train: float
    evaluation: float
    epoch: float
    epoch_end: float
    megabytes: float
    epoch_to_textbook: list[float]
    train_to_best: list[float]
    evaluation_to_best: list[float]


def rows_of(case: Case, rounds: list[dict[str, Measured]]) -> list[Row]:
    rows = []
    for arm in rounds[0]:
        runs = [each[arm] for each in rounds]
        rows.append(
            Row(
                case.name,
                arm,
                train=statistics.median(each.train for each in runs),
                evaluation=statistics.median(each.evaluation for each in runs),
                epoch=statistics.median(each.epoch for each in runs),
                epoch_end=statistics.median(each.end for each in runs),
                megabytes=max(each.megabytes for each in runs),
                epoch_to_textbook=spread([each["textbook"].epoch / each[arm].epoch for each in rounds]),
                train_to_best=spread([each[arm].train / each["best loop"].train for each in rounds]),
                evaluation_to_best=spread([each[arm].evaluation / each["best loop"].evaluation for each in rounds]),
            )
        )
    return rows


def print_table(rows: list[Row]) -> None:
    print(
        f"{'network':<11}{'':<14}{'train':>9}{'evaluate':>10}{'epoch':>9}  "
        f"{'times textbook':<20}{'training of best':<20}{'evaluation of best':<20}{'peak':>6}"
    )
    print(f"{'':<25}{'img/s':>9}{'img/s':>10}{'s':>9}{'':<62}{'MB':>6}")
    for row in rows:
        ratios = [
            f"{median:.2f} ({least:.2f}-{most:.2f})"
            for median, least, most in (row.epoch_to_textbook, row.train_to_best, row.evaluation_to_best)
        ]
        print(
            f"{row.network:<11}{row.arm:<14}{row.train:9,.1f}{row.evaluation:10,.1f}{row.epoch:9,.1f}  "
            f"{''.join(f'{ratio:<20}' for ratio in ratios)}{row.megabytes:6,.0f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[case.name for case in CASES], help="of the networks, these")
    parser.add_argument("--arms", nargs="+", choices=[arm.name for arm in ARMS], help="beside textbook and best loop")
    parser.add_argument("--rounds", type=int, default=3, help="how often each arm is run (default 3)")
    parser.add_argument("--steps", type=int, help="steps that are timed; by default 4 to 800; at most an epoch")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="by default one a core")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--arm", help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.arm:
        be_arm(options.arm, Case(*json.loads(options.case)), options.data)
        return

    told = sys.stdout if options.format == "text" else sys.stderr
    arms = []
    for arm in ARMS:
        if options.arms and arm.name not in (*options.arms, "textbook", "best loop"):
            continue
        if arm.needs and version_of(arm.needs) is None:
            print(f"{arm.name} is left out: {arm.needs} is not installed", file=told)
            continue
        arms.append(arm)
    packages = ["torch", "torchvision", *(arm.needs for arm in arms if arm.needs)]
    about = {
        "date": time.strftime("%Y-%m-%d"),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": options.threads,
        "load": os.getloadavg()[0],
        "versions": {"Python": platform.python_version(), **{name: version_of(name) for name in packages}},
    }
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    print(
        f"{about['processor']}, {about['cores']} cores, {about['threads']} threads; load {about['load']:.1f} at the "
        f"start; {versions}; {about['date']}",
        file=told,
    )

    rows: list[Row] = []
    with fashion_mnist() as data:
        for whole in CASES:
            if options.only and whole.name not in options.only:
                continue
            case = whole._replace(steps=min(options.steps or whole.steps, whole.most_steps))
            rounds = []
            for number in range(options.rounds):
                rounds.append({arm.name: run_arm(arm, case, data, options.threads) for arm in arms})
                line = f"{case.name}: round {number + 1} of {options.rounds}, load {os.getloadavg()[0]:.1f}"
                print(line, file=sys.stderr, flush=True)
            rows += rows_of(case, rounds)
    if options.format == "json":
        print(json.dumps({**about, "rows": [row._asdict() for row in rows]}, indent=2))
    else:
        print_table(rows)


if __name__ == "__main__":
    main()
