"""`archdsl train` without its arguments' syntax: values in, lines out, an exit code back."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError
from archdsl.network import Network
from archdsl.recipe.read import read_overrides, read_recipe
from archdsl.source import Source
from archdsl.training.signals import end_on_signals

_LITTLE_SPINNING = "1000"


def share_the_cores() -> None:
    """Let torch's threads wait for each other without spinning for long, if torch is not loaded yet.

    They spin for milliseconds as they come, which costs nothing on idle cores; beside one other busy process on two
    cores, it makes the training of AlexNet two to three times as slow (30-41 against 87-97 images per second).
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _LITTLE_SPINNING)


def run_train_command(
    network: Network,
    spec: Source,
    *,
    recipe_path: str | Path | None = None,
    recipe_settings: Sequence[str] = (),
    data: str | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    seed: int | None = None,
    limit_train: int | None = None,
    limit_test: int | None = None,
    device: str = "auto",
    data_dir: str | Path | None = None,
    download: bool = False,
    out: str | Path | None = None,
    resume: bool = False,
    save_every: float | None = None,
    tensorboard: bool = False,
    quiet: bool = False,
    weights: str | Path | None = None,
    leave_out: Sequence[str] = (),
    imports: Sequence[Source] = (),
    settings: Mapping[str, Any] | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """Train a checked network and show how it goes on.

    The flags that are not None win over the recipe, and so do `recipe_settings`, each as "optimizer.lr=0.05".
    For the run's folder, `imports` are the files that the spec imports, and `settings` is what `--set` and `--input`
    made of it: text and numbers.

    Returns:
        0 where the training came to its end, 2 for wrong use or a file that can't be read, 3 where the training
        failed, 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP. Raises KeyboardInterrupt where one of these ends
        it before there is anything to save.
    """
    from archdsl.training.report import choose_report, write_line

    stdout = sys.stdout if stdout is None else stdout
    stderr = sys.stderr if stderr is None else stderr
    rank = os.environ.get("RANK", "0")  # Which of the processes of a torchrun this is.
    flags = {
        "--data": data,
        "--limit-train": limit_train,
        "--limit-test": limit_test,
        "--epochs": epochs,
        "--batch-size": batch_size,
        "--lr": float(lr) if lr is not None else None,
        "--seed": seed,
    }
    try:
        with end_on_signals():
            try:
                recipe = read_recipe(recipe_path, read_overrides(recipe_settings, flags))
            except TrainingError as error:
                error.of_all = True  # Each process reads it.
                raise
            share_the_cores()
            # Here, for torch takes seconds to import, and a bad recipe none.
            try:
                from archdsl.training.run import SAVE_EVERY, train
            except ImportError as error:  # As where it is not installed, or `ulimit -v` has no room for it.
                raise TrainingError(f"torch can't be loaded: {error}", of_all=True) from error

            result = train(
                network,
                spec,
                recipe,
                device=device,
                data_dir=None if data_dir is None else Path(data_dir),
                download=download,
                out=None if out is None else Path(out),
                resume=resume,
                save_every=SAVE_EVERY if save_every is None else save_every,
                tensorboard=tensorboard,
                imports=imports,
                weights=None if weights is None else Path(weights),
                leave_out=leave_out,
                settings=settings,
                report=choose_report(stdout, quiet),
            )
    except TrainingError as error:
        # Of several processes, all may meet the same error, or each its own.
        for line in filter(None, str(error).splitlines()) if rank == "0" or not error.of_all else ():
            write_line(stderr, f"archdsl: {line}" if rank == "0" else f"archdsl: process {rank}: {line}")
        return error.exit_code
    folder = printable(str(result.folder))
    if rank != "0":
        return 0 if result.signal is None else 128 + result.signal
    if result.signal is not None:
        write_line(
            stderr, f"archdsl: stopped after step {result.step:,}; `archdsl train --resume {folder}` goes on from there"
        )
        return 128 + result.signal
    last = result.epochs[-1]
    ended = f"after {last.epoch} epoch{'s' if last.epoch != 1 else ''} in {result.seconds:.0f} s"
    if result.best_epoch != last.epoch:
        ended = f"with the weights of epoch {result.best_epoch}, {ended}"
    write_line(stdout, f"test accuracy {result.test_accuracy:.4f} {ended}; the run is in {folder}/")
    return 0
