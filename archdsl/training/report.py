"""How a training is shown: a table and a progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol, TextIO, TypeVar

from archdsl.diagnostics.render import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from archdsl.runs.metrics import EpochMetrics


T = TypeVar("T")

SOON = 2.0
"""Seconds after which one wants to know how far it is."""


class Plan(NamedTuple):
    """What is about to be trained, and on what.

    start: tells of the weights that it starts from, or of the checkpoint. images_done: how many images the run has
    learned from before, counted again in each epoch. validation_images: how many are held back.
    """

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
    validation_images: int = 0
    images_done: int = 0

    def lines(self) -> list[str]:
        held_back = f"{self.validation_images:,} to choose by, " if self.validation_images else ""
        batches = f"in batches of {self.batch_size}"
        if self.batch_size > self.train_images:
            batches = f"of one step, as a batch of {self.batch_size} takes all of the images,"
        return [
            *(self.start or []),
            f"{self.network}: input {self.input}, {self.parameters:,} parameters",
            f"{self.data}: {self.train_images:,} images to learn from, {held_back}{self.test_images:,} to test on, "
            f"{self.classes} classes",
            f"{self.epochs} epoch{'s' if self.epochs != 1 else ''} {batches} on {self.device}, kept in {self.out}",
        ]


def one(_: object) -> int:
    return 1


class Watch(Protocol):
    """Tells how far something is that takes long, with or without a training around it."""

    def watch(self, items: Iterable[T], total: int, what: str, each: Callable[[T], int] = one) -> Iterable[T]:
        """Give the items on, and tell how much of them is done where that takes longer than SOON.

        total: how much all of them are. what: says what that is, as "images evaluated". each: how much of it an item
        is.
        """


class Report(Watch, Protocol):
    """What a run tells as it goes on. `close` is called in the end, however it ends."""

    def begin(self, plan: Plan) -> None: ...
    def on_step(self, epoch: int, images_done: int, loss: float) -> None: ...
    def on_epoch(self, metrics: EpochMetrics) -> None: ...
    def say(self, line: str) -> None: ...
    def close(self) -> None: ...


class Silence:
    """Tells nothing."""

    def watch(self, items: Iterable[T], total: int, what: str, each: Callable[[T], int] = one) -> Iterable[T]:
        return items

    def begin(self, plan: Plan) -> None: ...
    def on_step(self, epoch: int, images_done: int, loss: float) -> None: ...
    def on_epoch(self, metrics: EpochMetrics) -> None: ...
    def say(self, line: str) -> None: ...
    def close(self) -> None: ...


class Lines:
    """One plain line an epoch, for logs and pipes, and some between where it takes long."""

    EVERY = 10.0
    """Seconds from line to line while a long list is gone through."""

    EVERY_IN_TRAINING = 60.0
    """Seconds from line to line while an epoch goes on, of which there are many."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.plan: Plan | None = None
        self.said_at = -math.inf

    def watch(self, items: Iterable[T], total: int, what: str, each: Callable[[T], int] = one) -> Iterator[T]:
        done, first = 0, time.monotonic() + SOON
        for item in items:
            yield item
            done += each(item)
            if time.monotonic() >= first and self._is_due():
                self.say(f"{min(done, total):,} of {total:,} {what}")

    def begin(self, plan: Plan) -> None:
        self.plan = plan
        for line in plan.lines():
            self.say(line)

    def on_step(self, epoch: int, images_done: int, loss: float) -> None:
        if self.plan is not None and self._is_due():
            of_all = f"{images_done:,} of {self.plan.train_images:,} images"
            self.say(f"{self._epoch(epoch)}  {of_all}  loss {loss:.4f}")

    def _epoch(self, epoch: int) -> str:
        return f"epoch {epoch}" if self.plan is None else f"epoch {epoch}/{self.plan.epochs}"

    def _is_due(self) -> bool:
        return time.monotonic() - self.said_at >= (self.EVERY if self.plan is None else self.EVERY_IN_TRAINING)

    def on_epoch(self, metrics: EpochMetrics) -> None:
        self.say(
            f"{self._epoch(metrics.epoch)}  loss {metrics.train_loss:.4f}  "
            f"train accuracy {metrics.train_accuracy:.4f}  {accuracies(metrics)}  "
            f"{metrics.seconds:.1f} s  {metrics.images_per_second:.0f} images/s"
        )

    def say(self, line: str) -> None:
        self.said_at = time.monotonic()
        write_line(self.stream, line)

    def close(self) -> None: ...


class Terminal:
    """A row of a table for each epoch done, and below it a bar for the one that runs."""

    WIDE_ENOUGH = 60
    """Columns of a terminal; a narrower one has no room for a bar beside what is told."""

    EVERY = 0.2
    """Seconds from one state of the bar to the next."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.plan: Plan | None = None
        self.progress: Progress | None = None
        self.bar: TaskID | None = None
        self.shown_at = 0.0
        self.epoch_began = 0.0
        self.epoch_began_at = 0

    def watch(self, items: Iterable[T], total: int, what: str, each: Callable[[T], int] = one) -> Iterator[T]:
        done, due = 0, time.monotonic() + SOON
        bar: Progress | None = None
        try:
            for item in items:
                yield item
                done += each(item)
                if (now := time.monotonic()) < due:
                    continue
                due, state = now + self.EVERY, f"{min(done, total):,} of {total:,}"
                with suppress(OSError):
                    if self.progress is not None and self.bar is not None:
                        self.progress.update(self.bar, state=f"{state} {what}", refresh=True)
                    else:
                        bar = bar or self._bar_of(total, what)
                        bar.update(bar.task_ids[0], completed=done, state=state, refresh=True)
        finally:
            if bar is not None:
                with suppress(OSError):
                    bar.stop()

    def _bar_of(self, total: int, what: str) -> Progress:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        title, state = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[state]}")
        columns = (title, BarColumn(bar_width=None), state, TimeRemainingColumn(compact=True))
        console = _console_of(self.stream)
        is_wide = console.width >= self.WIDE_ENOUGH
        bar = Progress(
            *(columns if is_wide else columns[2:]), console=console, transient=True, auto_refresh=False, expand=True
        )
        bar.add_task(what, total=total, state="")
        with suppress(OSError):
            bar.start()
        return bar

    def begin(self, plan: Plan) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.plan = plan
        console = _console_of(self.stream)
        epoch = TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}", markup=False)
        left = TimeRemainingColumn(compact=True)
        state = TextColumn("{task.fields[state]}", markup=False)
        is_wide = console.width >= self.WIDE_ENOUGH
        self.progress = Progress(
            *((epoch, BarColumn(bar_width=None), state, left) if is_wide else (epoch, left)),
            console=console,
            transient=True,
            auto_refresh=False,
            expand=True,
            speed_estimate_period=120,
        )
        for line in plan.lines():
            self.say(line)
        self.say("")
        self.say(f"epoch     loss  train acc.  {self.evaluated} acc.      time  images/s")
        self.bar = self.progress.add_task(
            "",
            total=plan.epochs * plan.train_images,
            completed=plan.images_done,
            epoch=min(plan.images_done // max(plan.train_images, 1) + 1, plan.epochs),
            epochs=plan.epochs,
            state="starting",
        )
        with suppress(OSError):
            self.progress.start()
        self.begin_epoch(plan.images_done % max(plan.train_images, 1))

    @property
    def evaluated(self) -> str:
        """Whose accuracy each row tells."""
        return "validation" if self.plan is not None and self.plan.validation_images else "test"

    def begin_epoch(self, images_done: int = 0) -> None:
        self.epoch_began, self.epoch_began_at = time.monotonic(), images_done

    def on_step(self, epoch: int, images_done: int, loss: float) -> None:
        now = time.monotonic()
        if self.plan is None or self.progress is None or self.bar is None or now - self.shown_at < self.EVERY:
            return
        self.shown_at = now
        rate = (images_done - self.epoch_began_at) / max(now - self.epoch_began, 1e-9)
        with suppress(OSError):
            self.progress.update(
                self.bar,
                completed=(epoch - 1) * self.plan.train_images + images_done,
                epoch=epoch,
                state=f"loss {loss:.3f}  {rate:.0f} images/s",
                refresh=True,
            )

    def on_epoch(self, metrics: EpochMetrics) -> None:
        accuracy = metrics.validation_accuracy if self.evaluated == "validation" else metrics.test_accuracy
        self.say(
            f"{metrics.epoch:>5}  {metrics.train_loss:>7.4f}  {metrics.train_accuracy:>10.4f}  "
            f"{'-' if accuracy is None else f'{accuracy:.4f}':>{len(self.evaluated) + 5}}  "
            f"{metrics.seconds:>6.1f} s  {metrics.images_per_second:>8.0f}"
        )
        self.begin_epoch()

    def say(self, line: str) -> None:
        if self.progress is None:
            write_line(self.stream, line)
            return
        from rich.text import Text

        with suppress(OSError):
            self.progress.console.print(Text(_encodable(self.stream, printable(line))), soft_wrap=True)

    def close(self) -> None:
        if self.progress is not None:
            with suppress(OSError):
                self.progress.stop()


def accuracies(metrics: EpochMetrics) -> str:
    """The accuracies that an epoch was evaluated to, in words; "not evaluated" where it was not."""
    told = {"validation": metrics.validation_accuracy, "test": metrics.test_accuracy}
    return (
        "  ".join(f"{name} accuracy {value:.4f}" for name, value in told.items() if value is not None)
        or "not evaluated"
    )


def choose_report(stream: TextIO | None = None, quiet: bool = False) -> Report:
    """The table and the bar on a terminal, lines elsewhere, and nothing if `quiet` asks for it or nobody reads."""
    stream = sys.stdout if stream is None else stream
    if quiet or stream is None:
        return Silence()
    return Terminal(stream) if stream.isatty() and os.environ.get("TERM") != "dumb" else Lines(stream)


def _console_of(stream: TextIO) -> Console:
    from rich.console import Console

    class OwnConsole(Console):
        def on_broken_pipe(self) -> None:
            """Go on in silence, where rich would end the process."""
            self.quiet = True

    return OwnConsole(file=stream, markup=False, highlight=False, emoji=False)


def write_line(stream: TextIO | None, line: str) -> None:
    """Write a line at once; what the stream's encoding lacks is spelt out.

    A reader who has gone, a terminal that was closed and a full disk are no reason to end a training.
    """
    if stream is None:
        return
    with suppress(OSError):
        stream.write(_encodable(stream, printable(line)) + "\n")
        stream.flush()


def _encodable(stream: TextIO, text: str) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
