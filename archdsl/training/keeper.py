"""A run kept in its folder as it goes on: what it is, where it stands, what it has learned."""

from __future__ import annotations

import time

from archdsl.errors import CallersError
from archdsl.runs.folder import ENVIRONMENT, METRICS_CSV, RECIPE, TENSORBOARD, WEIGHTS, RunFolder
from archdsl.runs.metrics import EpochMetrics
from archdsl.training.checkpoint import save_checkpoint
from archdsl.training.loggers import CsvLog, Logger, TensorBoard
from archdsl.training.loop import Progress
from archdsl.training.not_finite import require_finite
from archdsl.training.report import Report
from archdsl.training.resume import Facts
from archdsl.training.setup import Job
from archdsl.weights import tensors


class Keeper:
    """Keeps a run as it goes on, in its folder, and passes on what it is told."""

    def __init__(self, folder: RunFolder, progress: Progress, facts: Facts, job: Job) -> None:
        self.folder = folder
        self.progress = progress
        self.facts = facts
        self.job = job
        self.loggers: list[Logger] = []
        self.saved_at = time.monotonic()

    @property
    def report(self) -> Report:
        return self.job.report

    def begin(self, is_new: bool) -> None:
        """Write down what the run is, and where it starts, so that from here on it can be gone on with."""
        if not self.job.world.is_first:
            return
        self.folder.write_text(RECIPE, self.facts.recipe)  # Anew where a folder of images has moved.
        if is_new:
            self.folder.write_json(ENVIRONMENT, self.facts.environment)
            self.save()
            self.folder.write_spec(self.job.origin)
        self.folder.forget_failure()
        earlier, path = self.progress.epochs, self.folder.path
        self.folder.write_metrics(earlier)  # What was measured after the checkpoint is measured again.
        self.loggers.append(CsvLog(path / METRICS_CSV, earlier))
        if self.job.tensorboard:
            self.loggers.append(TensorBoard(path / TENSORBOARD, self.facts.recipe, earlier))

    def close(self) -> None:
        for logger in self.loggers:
            logger.close()

    def on_step(self, epoch: int, images_done: int, loss: float) -> None:
        self.report.on_step(epoch, images_done, loss)

    def save_is_due(self) -> bool:
        return time.monotonic() - self.saved_at >= self.job.save_every

    def save(self) -> None:
        self.saved_at = time.monotonic()
        progress = self.progress
        require_finite(progress.model, self.job.subject.network, progress.step)
        if not self.job.world.is_first:
            return
        save_checkpoint(
            self.folder.path,
            progress.step,
            {
                "facts": self.facts._asdict(),
                **progress.state(),
            },
        )

    def keep_weights(self) -> None:
        if self.job.world.is_first:
            tensors.save_weights(self.folder.path / WEIGHTS, self.progress.model, self.job.origin)

    def on_epoch(self, metrics: EpochMetrics) -> None:
        if self.job.world.is_first:
            self.folder.write_metrics(self.progress.epochs)
            for logger in self.loggers:
                logger.on_epoch(metrics)
        self.report.on_epoch(metrics)
        if self.job.on_epoch is not None:
            try:
                self.job.on_epoch(metrics)
            except Exception as error:
                raise CallersError(error) from error
