"""Where the metrics of a run go beside `metrics.jsonl`: a table for spreadsheets, and TensorBoard's files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from archdsl.errors import TrainingError
from archdsl.runs.metrics import EpochMetrics
from archdsl.writer import write_bytes


class Logger(Protocol):
    """Is told of each epoch. `close` is called in the end, however the run ends."""

    def on_epoch(self, metrics: EpochMetrics) -> None: ...
    def close(self) -> None: ...


class CsvLog:
    """The metrics as a table with a header, in the columns of `EpochMetrics`; what is not there is empty.

    The whole table is written in the beginning and at each epoch, whole or not at all, so that a run that is resumed
    has no row twice, and none too few where it was killed as it wrote.

    path: the file. earlier: the epochs before the run was resumed.
    """

    def __init__(self, path: Path, earlier: Iterable[EpochMetrics] = ()) -> None:
        self.path = path
        self.epochs = list(earlier)
        self._write()

    def on_epoch(self, metrics: EpochMetrics) -> None:
        self.epochs.append(metrics)
        self._write()

    def close(self) -> None: ...

    def _write(self) -> None:
        write_bytes(self.path, csv_text(self.epochs).encode("utf-8"))


class TensorBoard:
    """The metrics as curves for `tensorboard --logdir RUN`, by step; the recipe as text beside them.

    folder: where its files go. recipe: the text of the recipe. earlier: the epochs before the run was resumed. The last
    of them is told again, for the process that was to tell it may have been killed before; what was told of it and of
    later steps is not shown.
    """

    def __init__(self, folder: Path, recipe: str, earlier: Sequence[EpochMetrics] = ()) -> None:
        require_tensorboard()
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(folder), purge_step=earlier[-1].step if earlier else 0)
        if not earlier:
            indented = "\n".join(f"    {line}" for line in recipe.splitlines())  # Code, in Markdown.
            self.writer.add_text("recipe", indented, 0)
        for metrics in earlier[-1:]:
            self.on_epoch(metrics)

    def on_epoch(self, metrics: EpochMetrics) -> None:
        for name, value in metrics._asdict().items():
            if name == "step" or value is None:
                continue
            part, _, quantity = name.partition("_")
            tag = f"{quantity}/{part}" if quantity in ("loss", "accuracy") else name
            self.writer.add_scalar(tag, value, metrics.step)
        self.writer.flush()

    def close(self) -> None:
        self.writer.close()


def require_tensorboard() -> None:
    """Raises TrainingError where TensorBoard is not installed: a line that says how to install it."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError:
        raise TrainingError(
            "--tensorboard needs the package tensorboard; `pip install 'archdsl[tensorboard]'` installs it"
        ) from None


def csv_text(epochs: Sequence[EpochMetrics]) -> str:
    """The metrics as comma-separated values, a row an epoch, below a header."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(EpochMetrics._fields)
    table.writerows(epochs)
    return text.getvalue()
