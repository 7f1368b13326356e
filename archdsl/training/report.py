"""How a training is shown: a table and a progress bar on a terminal, one plain line an epoch elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol, TextIO

from archdsl.training.errors import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from archdsl.training.loop import EpochMetrics


class Plan(NamedTuple):
    """What is about to be trained, and on what; `start` tells of the weights that it starts from."""

    network: str
    input: str
    parameters: int
    data: str
    train_images: int
    test_images: int
    classes: int
    epochs: int
    batch_size: int
    device: str
    out: str
    start: list[str] | None = None

    def lines(self) -> list[str]:
        return [
            *(self.start or []),
            f"{self.network}: input {self.input}, {self.parameters:,} parameters",
            f"{self.data}: {self.train_images:,} images to learn from, {self.test_images:,} to test on, "
            f"{self.classes} classes",
            f"{self.epochs} epoch{'s' if self.epochs != 1 else ''} in batches of {self.batch_size} on {self.device}, "
            f"kept in {self.out}",
        ]


class Report(Protocol):
    """What a run tells as it goes on. `close` is called in the end, however it ends."""

    def begin(self, plan: Plan) -> None: ...
    def on_step(self, epoch: int, images_done: int, loss: float) -> None: ...
    def on_epoch(self, metrics: EpochMetrics) -> None: ...
    def say(self, line: str) -> None: ...
    def close(self) -> None: ...


class Silence:
    """Tells nothing."""

    def begin(self, plan: Plan) -> None: ...
    def on_step(self, epoch: int, images_done: int, loss: float) -> None: ...
    def on_epoch(self, metrics: EpochMetrics) -> None: ...
    def say(self, line: str) -> None: ...
    def close(self) -> None: ...


class Lines:
    """One plain line an epoch, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.epochs = 0

    def begin(self, plan: Plan) -> None:
        self.epochs = plan.epochs
        for line in plan.lines():
            self.say(line)

    def on_step(self, epoch: int, images_done: int, loss: float) -> None: ...

    def on_epoch(self, metrics: EpochMetrics) -> None:
        self.say(
            f"epoch {metrics.epoch}/{self.epochs}  loss {metrics.train_loss:.4f}  "
            f"train accuracy {metrics.train_accuracy:.4f}  test accuracy {metrics.test_accuracy:.4f}  "
            f"{metrics.seconds:.1f} s  {metrics.images_per_second:.0f} images/s"
        )

    def say(self, line: str) -> None:
        write_line(self.stream, line)

    def close(self) -> None: ...


class Terminal:
    """A row of a table for each epoch done, and below it a bar for the one that runs."""

    HEADER = "epoch     loss  train acc.  test acc.      time  images/s"

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.plan: Plan | None = None
        self.progress: Progress | None = None
        self.bar: TaskID | None = None
        self.shown_at = 0.0
        self.epoch_began = 0.0

    def begin(self, plan: Plan) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.plan = plan
        console = Console(file=self.stream, markup=False, highlight=False, emoji=False)
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[state]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            auto_refresh=False,
            expand=True,
            speed_estimate_period=120,
        )
        for line in plan.lines():
            self.say(line)
        self.say("")
        self.say(self.HEADER)
        self.progress.start()
        self.bar = self.progress.add_task(
            "", total=plan.epochs * plan.train_images, epoch=1, epochs=plan.epochs, state="starting"
        )
        self.epoch_began = time.monotonic()

    def on_step(self, epoch: int, images_done: int, loss: float) -> None:
        now = time.monotonic()
        if self.plan is None or self.progress is None or self.bar is None or now - self.shown_at < 0.2:
            return
        self.shown_at = now
        self.progress.update(
            self.bar,
            completed=(epoch - 1) * self.plan.train_images + images_done,
            epoch=epoch,
            state=f"loss {loss:.3f}  {images_done / max(now - self.epoch_began, 1e-9):.0f} images/s",
            refresh=True,
        )

    def on_epoch(self, metrics: EpochMetrics) -> None:
        self.say(
            f"{metrics.epoch:>5}  {metrics.train_loss:>7.4f}  {metrics.train_accuracy:>10.4f}  "
            f"{metrics.test_accuracy:>9.4f}  {metrics.seconds:>6.1f} s  {metrics.images_per_second:>8.0f}"
        )
        self.epoch_began = time.monotonic()

    def say(self, line: str) -> None:
        if self.progress is None:
            write_line(self.stream, line)
            return
        from rich.text import Text

        self.progress.console.print(Text(_encodable(self.stream, printable(line))), soft_wrap=True)

    def close(self) -> None:
        if self.progress is not None:
            self.progress.stop()


def choose_report(stream: TextIO | None = None, quiet: bool = False) -> Report:
    """The table and the bar on a terminal, lines elsewhere, and nothing if `quiet` asks for it."""
    stream = sys.stdout if stream is None else stream
    return Silence() if quiet else Terminal(stream) if stream.isatty() else Lines(stream)


def write_line(stream: TextIO, line: str) -> None:
    """Write a line at once; what the stream's encoding lacks is spelt out, and a reader who has gone is no error."""
    with suppress(BrokenPipeError):
        stream.write(_encodable(stream, printable(line)) + "\n")
        stream.flush()


def _encodable(stream: TextIO, text: str) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
