"""A run's folder: what lies in it, made, locked and read. No torch.

spec.json, spec/       the network: what it was made with, and the spec with the files that it imports, as they lay
recipe.yaml            how it is trained, with all defaults
environment.json       what its numbers depend on beside these
metrics.jsonl, .csv    a line for each epoch
checkpoint-*.pt        where it stands: the newest, and the one before it
weights.safetensors    what it learned, with the network
result.json            what it came to, of a run that is done
failure.json           why it failed, of a run that did
not_finite.json        more of that, where a step came to a value that is not finite: the layer, the images
report.html            the page that `archdsl report` writes
tensorboard/           the same as metrics.jsonl, for TensorBoard
run.lock, in_use.txt   held by the process that writes here, and which it is
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from archdsl.api import Checked, check
from archdsl.diagnostics.render import printable
from archdsl.errors import CallersError, TrainingError
from archdsl.exit_codes import EXIT_FAILED
from archdsl.reader import reason_of
from archdsl.runs.metrics import EpochMetrics, line_of, metrics_in
from archdsl.weights.errors import WeightsError
from archdsl.weights.files import Origin, origin_in
from archdsl.writer import UNFINISHED, write_bytes

if TYPE_CHECKING:
    from filelock import BaseFileLock

SPEC = "spec.json"
SPEC_FILES = "spec"
RECIPE = "recipe.yaml"
ENVIRONMENT = "environment.json"
METRICS = "metrics.jsonl"
METRICS_CSV = "metrics.csv"
WEIGHTS = "weights.safetensors"
RESULT = "result.json"
FAILURE = "failure.json"
REPORT = "report.html"
TENSORBOARD = "tensorboard"
LOCK = "run.lock"
HOLDER = "in_use.txt"

_NEEDED = (SPEC, RECIPE)
_PATIENCE = 0.3
"""Seconds; one who asks whether a run is in use holds its lock for a moment."""


class RunFolder(NamedTuple):
    """The folder of a run. What can't be read in it raises TrainingError, which names the file."""

    path: Path

    @classmethod
    def create(cls, out: Path | None, spec_name: str, within: str = "runs") -> RunFolder:
        """Make the folder: `out`, or for `specs/lenet.arch` the first of runs/lenet-1, runs/lenet-2, ... that is new.

        Raises TrainingError where `out` has files in it, but for those of a run that was killed before it began, or a
        folder can't be made.
        """
        try:
            if out is not None:
                out.mkdir(parents=True, exist_ok=True)
                cls(out).refuse_if_used()
                return cls(out)
            name = "".join(c for c in Path(spec_name).stem if c.isalnum() or c in "-_.").lstrip(".") or "network"
            runs = Path(within)
            runs.mkdir(exist_ok=True)
            number = 1
            while True:
                folder = runs / f"{name}-{number}"
                try:
                    folder.mkdir()
                except FileExistsError:
                    number += 1
                else:
                    return cls(folder)
        except OSError as error:
            where = printable(str(out if out is not None else Path(within)))
            raise TrainingError(f"the run's folder {where} can't be made: {_why(error)}") from None

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The run in a folder, or that a file lies in. Raises TrainingError where there is none."""
        places = [path] if path.is_dir() else path.parents if path.exists() else []
        for place in places:
            if all((place / name).is_file() for name in _NEEDED):
                return cls(place)
        if not path.exists():
            raise TrainingError(f"{printable(str(path))}: no such folder")
        missing = [name for name in _NEEDED if not (places[0] / name).is_file()]
        lacks = " and ".join(missing)
        inside = next((each.parent for each in sorted(path.glob(f"*/{SPEC}"))), None)
        hint = f"; {printable(str(inside))} is one" if inside is not None else ""
        raise TrainingError(f"{printable(str(path))}: not the folder of a run: there is no {lacks} in it{hint}")

    def refuse_if_used(self) -> None:
        """Raise TrainingError where there are files, but for those of a run that was killed before it began.

        Of two processes that found the folder empty at once, the second finds the first's files when it has the lock.
        """
        names = {each.name for each in self.path.iterdir()}
        if names and not (LOCK in names and all(map(_is_left_over, names))):
            raise TrainingError(f"--out: {self} is not empty; a run is never written over another")

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder, and delete what killed processes left unfinished. Raises TrainingError as `held` does."""
        with self.held():
            for left in self.path.rglob(f"*{UNFINISHED}"):
                with suppress(OSError):
                    left.unlink()
            yield

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from writing here, until the block or the process ends, however it ends.

        Raises TrainingError where another process has the lock, or the folder is not writable.
        """
        from filelock import Timeout  # Needed only by those who write.

        if not self.path.is_dir():
            raise TrainingError(f"{self}: no such folder")  # The lock would make it.
        lock = _lock_on(self.path / LOCK, _PATIENCE)
        try:
            lock.acquire()
        except Timeout:
            raise TrainingError(f"{self} is in use by {self._written_holder() or 'another process'}") from None
        except (OSError, NotImplementedError) as error:
            raise TrainingError(f"{self} can't be written to: {_why(error)}") from None
        try:
            holder = f"process {os.getpid()} on {socket.gethostname()} since {_now()}"
            with suppress(OSError):
                (self.path / HOLDER).write_bytes(holder.encode("utf-8", "replace"))
            yield
        finally:
            with suppress(OSError):
                (self.path / HOLDER).unlink()
            lock.release()

    def holder(self) -> str | None:
        """Who writes here at this moment, "process 123 on host since 2026-11-27T15:30:00Z"; None where nobody does."""
        from filelock import Timeout

        path = self.path / LOCK
        if not path.exists():
            return None
        try:
            lock = _lock_on(path, 0)
            lock.acquire()
        except Timeout:
            return self._written_holder() or "another process"
        except (OSError, NotImplementedError):
            return self._written_holder() or None  # Who may not try the lock believes what is written.
        lock.release()
        return None

    def write_spec(self, origin: Origin) -> None:
        """Keep the network, which makes the folder a run's. Raises OSError."""
        for name, text in origin.files.items():
            file = self.path / SPEC_FILES / name
            file.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(file, text.encode("utf-8", "surrogatepass"))
        facts = {**origin._asdict(), "files": list(origin.files)}
        if origin.normalization is not None:
            facts["normalization"] = origin.normalization._asdict()
        self.write_json(SPEC, facts)

    def origin(self) -> Origin:
        """The network as it was given: the spec, what it imports, its input and its settings."""
        facts = self.read_json(SPEC)
        names = facts.get("files")
        name = printable(str(self.path / SPEC))
        try:
            # The names are looked at before a file is opened by them.
            empty = dict.fromkeys(names, "") if isinstance(names, list) else None
            origin = origin_in({**facts, "files": empty}, name)
        except TypeError:
            raise TrainingError(f"{name}: damaged: `files` is not as archdsl writes it") from None
        except WeightsError as error:
            raise TrainingError(str(error)) from None
        return origin._replace(files={each: self._text(f"{SPEC_FILES}/{each}") for each in origin.files})

    def check(self) -> Checked:
        """The network checked anew, by what lies here alone."""
        origin = self.origin()
        source, unreadable = origin.source(self.path / SPEC_FILES)
        if unreadable:
            return Checked(source, None, tuple(unreadable))
        return check(source, origin.input, origin.settings)

    def recipe_text(self) -> str:
        """The recipe, in YAML, with all defaults."""
        return self._text(RECIPE)

    def environment(self) -> dict[str, Any]:
        """What the numbers depend on beside spec and recipe: versions, device, command; {} where it is not kept."""
        return self.read_json(ENVIRONMENT) if (self.path / ENVIRONMENT).exists() else {}

    def result(self) -> dict[str, Any] | None:
        """What the run came to; None where it is not done."""
        if not (self.path / RESULT).exists():
            return None
        result = self.read_json(RESULT)
        if not all(isinstance(result.get(key), int | float) for key in ("test_loss", "test_accuracy")):
            raise TrainingError(f"{printable(str(self.path / RESULT))}: damaged: not what archdsl writes")
        return result

    @contextmanager
    def noting_failure(self) -> Iterator[None]:
        """Keep why a training that is done within failed, for whoever looks in the morning.

        What refuses a training before it goes on, and Ctrl-C, are no failures.
        """
        try:
            yield
        except Exception as error:
            was_refused = isinstance(error, TrainingError) and error.exit_code != EXIT_FAILED
            if not was_refused and (self.path / SPEC).exists():
                known = isinstance(error, (TrainingError, CallersError))
                text = str(error if known else CallersError(error))
                with suppress(OSError):  # As where the disk is full, which then is the failure.
                    self.write_json(FAILURE, {"error": text, "at": _now()})
            raise

    def forget_failure(self) -> None:
        """The training goes on. Raises OSError."""
        (self.path / FAILURE).unlink(missing_ok=True)

    def failure(self) -> str | None:
        """Why the run failed, in a line; None where it did not, or where it goes on since."""
        if not (self.path / FAILURE).exists():
            return None
        return printable(str(self.read_json(FAILURE).get("error"))).partition("\n")[0]

    def metrics(self) -> list[EpochMetrics]:
        """What was measured of each epoch. A line that is cut, for the process was killed as it wrote, is left out."""
        if not (self.path / METRICS).exists():
            return []
        epochs: dict[int, EpochMetrics] = {}
        for number, line in enumerate(self._text(METRICS).split("\n")[:-1], 1):
            metrics = metrics_in(line)
            if metrics is None:
                place = printable(f"{self.path / METRICS}:{number}")
                raise TrainingError(f"{place}: not a line of metrics as archdsl writes it")
            epochs[metrics.epoch] = metrics  # An epoch that was done again after a kill stands for the first.
        return [epochs[epoch] for epoch in sorted(epochs)]

    def write_metrics(self, epochs: Sequence[EpochMetrics]) -> None:
        """Write the metrics of all epochs anew, whole or not at all. Raises OSError."""
        text = "".join(line_of(each) for each in epochs)
        write_bytes(self.path / METRICS, text.encode())

    def write_text(self, name: str, text: str) -> None:
        """Write a file of the folder, whole or not at all. Raises OSError."""
        write_bytes(self.path / name, text.encode("utf-8"))

    def write_json(self, name: str, value: dict[str, Any]) -> None:
        """Write a file of the folder, whole or not at all. Raises OSError."""
        self.write_text(name, json.dumps(value, indent=2) + "\n")

    def read_json(self, name: str) -> dict[str, Any]:
        """What `write_json` wrote."""
        try:
            value = json.loads(self._text(name))
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise TrainingError(f"{printable(str(self.path / name))}: damaged: no JSON object")
        return value

    def _text(self, name: str) -> str:
        path = self.path / name
        try:
            if path.exists() and not path.is_file():
                raise OSError("not a regular file")
            return path.read_bytes().decode("utf-8", "surrogatepass")
        except (OSError, ValueError) as error:
            raise TrainingError(f"{printable(str(path))}: {_why(error)}") from None

    def _written_holder(self) -> str:
        with suppress(OSError), open(self.path / HOLDER, "rb") as file:
            return printable(file.read(300).decode("utf-8", "replace").strip())
        return ""

    def __str__(self) -> str:
        return printable(str(self.path))


def runs(folder: Path) -> list[RunFolder]:
    """The runs in a folder and below it, lenet-2 before lenet-10. Links and hidden folders are not followed."""
    found = []
    for place, folders, files in os.walk(folder):
        if all(name in files for name in _NEEDED):
            found.append(RunFolder(Path(place)))
        folders[:] = [name for name in folders if not name.startswith(".")]
    return sorted(found, key=lambda run: [_numbers_as_such(part) for part in run.path.parts])


def _numbers_as_such(text: str) -> list[tuple[str, int]]:
    return [(word, int(digits or 0)) for word, digits in re.findall(r"([^0-9]*)([0-9]*)", text)]


def _is_left_over(name: str) -> bool:
    """Whether a file may be there before a run has begun, which it has when its spec is kept."""
    early = (LOCK, HOLDER, RECIPE, ENVIRONMENT, SPEC_FILES)
    return name in early or name.startswith("checkpoint-") or name.endswith(UNFINISHED)


def _lock_on(path: Path, seconds: float) -> BaseFileLock:
    from filelock import FileLock

    return FileLock(path, timeout=seconds, poll_interval=0.02)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _why(error: Exception) -> str:
    return printable(reason_of(error))
