"""A run that was stopped goes on to the very end that it would have come to."""

from __future__ import annotations

import json
import random
import re
import signal
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from tries import TRIES

from archdsl.errors import TrainingError
from archdsl.recipe.recipe import Augmentation, Cosine, Data, Muon, Recipe
from archdsl.runs.folder import SPEC, WEIGHTS, RunFolder
from archdsl.training import loop, run, setup
from archdsl.training.checkpoint import checkpoints, load_newest
from archdsl.training.data.figures import draw_figures
from archdsl.training.keeper import Keeper
from archdsl.training.loggers import CsvLog
from archdsl.training.report import Silence
from archdsl.training.resume import not_exact_because
from archdsl.training.run import RunResult, train
from archdsl.training.signals import StopRequest
from archdsl.training.subject import Subject
from archdsl.training.world import World
from archdsl.weights.tensors import read_weights

from .forks import forks
from .networks import tiny

TIMES = ("seconds", "images_per_second")

ALL = Recipe(
    data=Data(train=52, validation=10, test=20),
    augmentation=Augmentation(
        flip=True, shift=2, crop=0.5, brightness=0.3, contrast=0.3, erase=0.5, mixup=0.4, cutmix=1.0
    ),
    epochs=4,
    batch_size=12,
    accumulation=2,
    label_smoothing=0.1,
    clip_gradient=1.0,
    ema=0.9,
    evaluate_every=2,
    early_stop=5,
)
"""Four epochs of four steps, the last of six images, with all that is drawn or remembered."""

STEPS = 16
SOON = (1, 4, 5, 16)  # The first and the last step, and those around the end of an epoch.
LATER = sorted({*range(1, STEPS + 1)} - {*SOON})


class StopsAfter(Silence):
    """Asks to stop while a step is done, so that the next one is the last."""

    def __init__(self, steps: int, number: int = signal.SIGINT) -> None:
        self.left = steps
        self.number = number

    def on_step(self, epoch: int, images_done: int, loss: float) -> None:
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(self.number)


class Crash(Exception):
    pass


class CrashesAfter(StopsAfter):
    """What a machine that is switched off does to a run, but that Python's own clean-up runs."""

    def on_step(self, epoch: int, images_done: int, loss: float) -> None:
        self.left -= 1
        if self.left == 0:
            raise Crash


def go(out: Path, recipe: Recipe = ALL, **more: Any) -> RunResult:
    return train(Subject(*tiny()), recipe, device="cpu", out=out, **more)


def outcome(folder: Path) -> dict[str, Any]:
    """All that a run came to, but for times."""
    content = load_newest(folder)[0]
    for epoch in content["epochs"]:
        for name in TIMES:
            del epoch[name]
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {
        "weights": (folder / "weights.safetensors").read_bytes(),
        "result": json.loads((folder / "result.json").read_text()),
        "metrics": [{key: value for key, value in each.items() if key not in TIMES} for each in metrics],
        "csv": [line.split(",")[:9] for line in (folder / "metrics.csv").read_text().splitlines()],
        **{key: content[key] for key in ("epochs", "step", "model", "optimizer", "average")},
    }


def assert_same(found: Any, expected: Any, where: str = "") -> None:
    """Equal to the last bit, tensors in dicts and lists too."""
    if isinstance(expected, torch.Tensor):
        assert found.dtype == expected.dtype, where
        assert torch.equal(found, expected), where
    elif isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for key, value in expected.items():
            assert_same(found[key], value, f"{where}.{key}")
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected), where
        for index, value in enumerate(expected):
            assert_same(found[index], value, f"{where}[{index}]")
    else:
        assert found == expected, where


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert go(folder).step == STEPS
    return outcome(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_after_every_step(tmp_path: Path, undisturbed: dict[str, Any], number: int) -> None:
    """One run, which is stopped again and again."""
    result = go(tmp_path / "run", report=StopsAfter(1, number))
    stops = 1
    while result.signal is not None:
        assert result.signal == number
        assert result.test_accuracy is None
        result = go(tmp_path / "run", resume=True, report=StopsAfter(1, number))
        stops += 1
    assert stops == STEPS // 2 + 1
    assert_same(outcome(tmp_path / "run"), undisturbed)


@pytest.mark.parametrize("step", [*SOON, *(pytest.param(n, marks=pytest.mark.slow) for n in LATER)])
def test_crashed_in_any_step(tmp_path: Path, undisturbed: dict[str, Any], step: int) -> None:
    """Saved after each step, and after each epoch alone: what was done since is done again."""
    for save_every in (0.0, 1000.0):
        folder = tmp_path / f"run-{save_every}"
        with pytest.raises(Crash):
            go(folder, save_every=save_every, report=CrashesAfter(step))
        assert RunFolder(folder).failure() == "Crash"
        result = go(folder, resume=True)
        assert RunFolder(folder).failure() is None
        assert result.resumed_at == (step - 1 if save_every == 0.0 else (step - 1) // 4 * 4)
        assert_same(outcome(folder), undisturbed)


LONG = ALL.model_copy(update={"epochs": 12, "evaluate_every": 1, "early_stop": None})


def train_on(name: str) -> None:
    """Saves after each step, so that it is nearly always at it."""
    go(Path(name), LONG, resume=Path(name, SPEC).exists(), save_every=0.0)


@pytest.mark.slow
@pytest.mark.chance
@pytest.mark.parametrize("seed", range(TRIES))
def test_killed_at_any_time_again_and_again(tmp_path: Path, seed: int) -> None:
    """One run, or several where the machine is so fast that few kills fall into one."""
    go(tmp_path / "whole", LONG)
    kills: list[int] = []
    moments = random.Random(seed)
    with forks(__name__, "train_on") as process:
        while sum(kills) < 5:
            run = tmp_path / f"run-{len(kills)}"
            kills.append(process.killed_until_done(run, moments, 0.2))
            assert_same(outcome(run), outcome(tmp_path / "whole"))


@pytest.mark.parametrize("logger", ["write_metrics", "csv"])
def test_crashed_as_the_metrics_of_the_last_epoch_are_written(
    tmp_path: Path, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, logger: str
) -> None:
    """When the progress is kept already, and no epoch is left to do."""
    place, name = (RunFolder, "write_metrics") if logger == "write_metrics" else (CsvLog, "on_epoch")
    real, calls = getattr(place, name), []

    def crashes(*given: Any) -> None:
        calls.append(given)
        if len(calls) == 4 + (logger == "write_metrics"):  # Which is called in the beginning too.
            raise Crash
        real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(place, name, crashes)
        with pytest.raises(Crash):
            go(tmp_path / "run")
    go(tmp_path / "run", resume=True)
    assert_same(outcome(tmp_path / "run"), undisturbed)


def test_stopped_while_it_evaluates(
    tmp_path: Path, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = loop.Setup.evaluated, []

    def interrupted(self: Any, model: Any, images: Any, stop: Any, report: Any) -> Any:
        calls.append(len(images))
        if len(calls) in (1, 3, 5):
            signal.raise_signal(signal.SIGTERM)
        return real(self, model, images, stop, report)

    monkeypatch.setattr(loop.Setup, "evaluated", interrupted)
    result = go(tmp_path / "run")
    while result.signal is not None:
        result = go(tmp_path / "run", resume=True)
    assert calls == [10, 10, 10, 10, 20, 20]
    assert_same(outcome(tmp_path / "run"), undisturbed)


def test_weights_are_kept_of_a_run_that_was_never_evaluated(tmp_path: Path) -> None:
    go(tmp_path / "run", report=StopsAfter(1))
    content = load_newest(tmp_path / "run")[0]
    kept = read_weights(tmp_path / "run" / "weights.safetensors").tensors
    assert all(torch.equal(kept[name], content["average"][name]) for name in content["average"])


def test_muon_goes_on(tmp_path: Path) -> None:
    recipe = ALL.model_copy(update={"optimizer": Muon(weight_decay=0.1), "schedule": Cosine(warmup=0.0)})
    go(tmp_path / "whole", recipe)
    go(tmp_path / "run", recipe, report=StopsAfter(5))
    go(tmp_path / "run", recipe, resume=True)
    assert_same(outcome(tmp_path / "run"), outcome(tmp_path / "whole"))


def test_a_run_that_reads_its_pictures_step_by_step_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    images, _ = draw_figures(60, 1, 24, 26, seed=3)
    for i, image in enumerate(images):
        file = tmp_path / "pictures" / f"class{i % 10}" / f"{i}.bmp"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0].numpy()).save(file)
    data = Data(name=f"folder:{tmp_path / 'pictures'}", in_memory=False, validation=10)
    recipe = ALL.model_copy(update={"data": data, "epochs": 1})
    threads = threading.active_count()
    go(tmp_path / "whole", recipe)
    result = go(tmp_path / "run", recipe, report=StopsAfter(1))
    stops = 1
    while result.signal is not None:
        result = go(tmp_path / "run", recipe, resume=True, report=StopsAfter(1))
        stops += 1
    assert stops == 3
    assert_same(outcome(tmp_path / "run"), outcome(tmp_path / "whole"))
    assert threading.active_count() == threads

    monkeypatch.chdir(tmp_path)
    by_name = recipe.model_copy(update={"data": data.model_copy(update={"name": "folder:pictures"})})
    go(tmp_path / "other", by_name, report=StopsAfter(1))
    monkeypatch.chdir("/")
    assert RunFolder(tmp_path / "other").recipe_text() == recipe.to_yaml()
    file.parents[1].rename(tmp_path / "moved")
    with pytest.raises(TrainingError, match=r"pictures: there is no such folder; where .* moved, say --data"):
        go(tmp_path / "other", recipe, resume=True)
    moved = recipe.model_copy(update={"data": data.model_copy(update={"name": f"folder:{tmp_path / 'moved'}"})})
    go(tmp_path / "other", moved, resume=True)
    assert RunFolder(tmp_path / "other").recipe_text() == moved.to_yaml()

    class Deletes(Silence):
        def on_step(self, epoch: int, images_done: int, loss: float) -> None:
            if epoch == 1:
                (tmp_path / "moved").rename(tmp_path / "gone")

    failing = moved.model_copy(update={"epochs": 2, "batch_size": 64, "evaluate_every": 2})
    with pytest.raises(TrainingError, match="there is no such file") as raised:
        go(tmp_path / "failing", failing, report=Deletes())
    assert raised.value.exit_code == 3
    assert "there is no such file" in (RunFolder(tmp_path / "failing").failure() or "")
    (tmp_path / "gone").rename(tmp_path / "moved")

    file = tmp_path / "moved" / file.parent.name / file.name
    before, other = file.read_bytes(), next(file.parent.iterdir()).read_bytes()
    assert len(before) == len(other)
    file.write_bytes(other)
    with pytest.raises(TrainingError, match="the names and sizes that they had then, and others are in them"):
        go(tmp_path / "other", moved, resume=True)
    real = run.load_newest

    def load_older(folder: Path) -> Any:
        content, *more = real(folder)
        del content["facts"]["heads"]
        return content, *more

    with monkeypatch.context() as of_older:  # A run that was begun before this was kept.
        of_older.setattr(run, "load_newest", load_older)
        go(tmp_path / "other", moved, resume=True)

    file.write_bytes(before)
    file.rename(file.with_name("renamed.bmp"))
    with pytest.raises(TrainingError, match="the images or their labels are others than then"):
        go(tmp_path / "other", moved, resume=True)


def test_where_published_images_were_found_is_where_they_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ARCHDSL_DATA", raising=False)
    go(tmp_path / "run", ALL.model_copy(update={"epochs": 1}), data_dir=Path("sets"))
    folder = RunFolder(tmp_path / "run")
    assert run.data_folder(None, folder) == Path.cwd() / "sets"
    assert run.data_folder(Path("here"), folder) == Path("here")
    assert run.data_folder(None) == Path("data")
    (tmp_path / "run" / "environment.json").write_text("damaged")
    assert run.data_folder(None, folder) == Path("data")


@pytest.mark.slow
def test_a_compiled_network_goes_on(tmp_path: Path) -> None:
    recipe = ALL.model_copy(update={"compile": True, "epochs": 2, "evaluate_every": 1})
    go(tmp_path / "whole", recipe)
    go(tmp_path / "run", recipe, report=StopsAfter(3))
    torch.compiler.reset()
    go(tmp_path / "run", recipe, resume=True)
    assert_same(outcome(tmp_path / "run"), outcome(tmp_path / "whole"))


def test_a_run_that_is_done_stays_as_it_is(tmp_path: Path) -> None:
    first = go(tmp_path / "run")
    before = outcome(tmp_path / "run")
    for damage in (None, "{", '{"test_loss": "high"}'):
        if damage is not None:
            (tmp_path / "run" / "result.json").write_text(damage)
        again = go(tmp_path / "run", resume=True)
        assert (again.step, again.test_accuracy, again.signal) == (first.step, first.test_accuracy, None)
        assert_same(outcome(tmp_path / "run"), before)


def lose(file: Path) -> None:
    file.unlink(missing_ok=True)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-8])


@pytest.mark.parametrize("damage", [lose, cut])
def test_weights_that_are_lost_are_kept_anew_where_the_run_has_them(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    recipe = ALL.model_copy(update={"data": Data(train=42, test=20), "early_stop": None})
    go(tmp_path / "run", recipe)
    before = outcome(tmp_path / "run")
    damage(tmp_path / "run" / WEIGHTS)
    go(tmp_path / "run", recipe, resume=True)
    assert_same(outcome(tmp_path / "run"), before)


@pytest.mark.parametrize("damage", [lose, cut])
def test_best_weights_that_are_lost_are_told_before_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
) -> None:
    """They were in their file alone, so that a run that went on would have none in the end."""
    monkeypatch.setattr(loop, "_best_accuracy", lambda epochs: 0.5 if epochs else -1.0)
    monkeypatch.setattr(run, "best_epoch", lambda epochs: 1)
    recipe = ALL.model_copy(update={"evaluate_every": 1})
    folder = tmp_path / "run"
    go(folder, recipe, report=StopsAfter(10))
    before = checkpoints(folder)
    damage(folder / WEIGHTS)
    with pytest.raises(TrainingError) as told:
        go(folder, recipe, resume=True)
    lines = str(told.value).splitlines()
    assert lines[0].startswith(f"{folder}/{WEIGHTS} no longer has the weights of epoch 1, the best so far: ")
    assert lines[-1].endswith(f"with --weights {before[0]}")
    assert checkpoints(folder) == before
    assert RunFolder(folder).failure() is None


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    folder = tmp_path / "run"
    with pytest.raises(Crash):
        go(folder, save_every=0.0, report=CrashesAfter(8))
    newest = checkpoints(folder)[0]
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    told: list[str] = []

    class Listens(Silence):
        def begin(self, plan: Any) -> None:
            told.extend(plan.start)

    assert go(folder, resume=True, report=Listens()).resumed_at == 6
    assert newest.name in told[0]
    assert "its checksum differs; the one before it is used" in told[0]
    assert_same(outcome(folder), undisturbed)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"batch_size": 13}, "batch_size: 12 then, 13 now"),
        ({"ema": None}, "ema: 0.9 then, None now"),
        ({"data": ALL.data.model_copy(update={"seed": 1})}, "data.seed: 0 then, 1 now"),
    ],
)
def test_another_recipe_is_refused(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    go(tmp_path / "run", report=StopsAfter(1))
    with pytest.raises(TrainingError, match=told) as caught:
        go(tmp_path / "run", ALL.model_copy(update=change), resume=True)
    assert caught.value.exit_code == 2


def test_other_classes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(tmp_path / "run", report=StopsAfter(1))
    real = setup.load_data
    for change, told in (
        (lambda names: (*names[:3], "blob", *names[4:]), "class 3: frame then, blob now"),
        (lambda names: (*names, "blob"), "classes: 10 then, 11 now"),
    ):
        monkeypatch.setattr(
            setup, "load_data", lambda *a, change=change: real(*a)._replace(classes=change(real(*a).classes))
        )
        with pytest.raises(TrainingError, match=told) as caught:
            go(tmp_path / "run", resume=True)
        assert caught.value.exit_code == 2


def test_other_images_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(tmp_path / "run", report=StopsAfter(1))
    real = setup.load_data

    def one_pixel_flipped(*arguments: Any) -> Any:
        data = real(*arguments)
        data.train.images[3, 0, 5, 5] ^= 1
        return data

    monkeypatch.setattr(setup, "load_data", one_pixel_flipped)
    with pytest.raises(TrainingError, match="the images or their labels are others than then"):
        go(tmp_path / "run", resume=True)


def test_what_keeps_it_from_being_exact_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(tmp_path / "run", report=StopsAfter(1))
    real = run.describe_environment
    monkeypatch.setattr(run, "describe_environment", lambda *a: {**real(*a), "torch": "9.9", "threads": 64})
    told: list[str] = []

    class Listens(Silence):
        def begin(self, plan: Any) -> None:
            told.extend(plan.start)

    go(tmp_path / "run", resume=True, report=Listens())
    assert f"torch {torch.__version__} then, torch 9.9 now; " in told[0]
    assert re.search("threads? then, 64 threads now", told[0])


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("archdsl", ("0.1", "0.2"), "archdsl 0.1 then, archdsl 0.2 now"),
        ("torch", ("2.14", "2.15"), "torch 2.14 then, torch 2.15 now"),
        ("device", ("cpu", "cuda:0"), "the device cpu then, the device cuda:0 now"),
        ("device_name", ("x86_64", "arm64"), "a x86_64 then, a arm64 now"),
        ("threads", (1, 2), "1 thread then, 2 threads now"),
        ("processes", (2, 1), "2 processes then, 1 process now"),
    ],
)
def test_all_is_told_that_the_last_bits_depend_on(name: str, values: tuple[Any, Any], told: str) -> None:
    same = {"archdsl": "0.1", "torch": "2.14", "device": "cpu", "device_name": "x86_64", "threads": 1, "processes": 2}
    before, after = ({**same, name: value} for value in values)
    assert not_exact_because(before, after) == [told]
    assert not_exact_because(before, before) == []


def test_what_was_killed_before_it_began_is_begun_anew(
    tmp_path: Path, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "write_spec", killed)
        with pytest.raises(Crash):
            go(tmp_path / "run")
    go(tmp_path / "run")
    assert_same(outcome(tmp_path / "run"), undisturbed)


def test_of_two_runs_that_found_a_folder_empty_the_second_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first comes to its end after the second has looked, and before it has the lock."""
    real = RunFolder.lock

    def late(folder: RunFolder) -> Any:
        monkeypatch.setattr(RunFolder, "lock", real)
        go(tmp_path / "run")
        return real(folder)

    monkeypatch.setattr(RunFolder, "lock", late)
    with pytest.raises(TrainingError, match="run is not empty"):
        go(tmp_path / "run")
    assert RunFolder(tmp_path / "run").result() is not None


class OneOfTwo(World):
    """A process of two, of which the other adds nothing."""

    size = 2

    def __init__(self, rank: int, folder: Path) -> None:
        self.rank = rank
        self.folder = folder

    def from_first(self, make: Any) -> Any:
        return make() if self.is_first else str(self.folder)


class OneThread(World):
    """A process of two that is a thread; it fails where the other does not come to the same places."""

    size = 2
    both = threading.Barrier(2, timeout=20)
    told: ClassVar[dict[int, Any]] = {}

    def __init__(self, rank: int) -> None:
        self.rank = rank

    def all(self, value: Any) -> list[Any]:
        self.told[self.rank] = value
        self.both.wait()
        values = [self.told[rank] for rank in range(2)]
        self.both.wait()
        return values

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        first, second = self.all(values.clone())
        return values.copy_(first + second)

    def from_first(self, make: Any) -> Any:
        return self.all(make() if self.is_first else None)[0]

    def wait(self) -> None:
        self.both.wait()


def as_one_of_many(monkeypatch: pytest.MonkeyPatch, make: Callable[[], World]) -> None:
    monkeypatch.setattr(run, "is_one_of_many", lambda: True)
    monkeypatch.setattr(run, "Processes", lambda device: make())


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize(
    ("moment", "visit", "step"),
    [
        *(("on_step", visit, visit + (visit % 4 > 0)) for visit in (1, 3, 4, 8)),
        *(("on_epoch", visit, 4 * visit) for visit in (1, 2)),
    ],
)
def test_a_signal_to_one_process_stops_both_in_the_same_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: int, moment: str, visit: int, step: int
) -> None:
    """Neither leaves while the other waits for it: in the last step of an epoch, and of the run, too."""
    OneThread.both.reset()
    as_one_of_many(monkeypatch, lambda: OneThread(int(threading.current_thread().name)))
    stops = [StopRequest(), StopRequest()]
    monkeypatch.setattr(run, "stop_on_signals", lambda: nullcontext(stops[int(threading.current_thread().name)]))

    real, visits = getattr(Keeper, moment), [0, 0]

    def visited(keeper: Keeper, *told: Any) -> None:
        real(keeper, *told)
        of = keeper.job.world.rank
        visits[of] += 1
        if (of, visits[of]) == (rank, visit):
            stops[of].signal = signal.SIGINT

    monkeypatch.setattr(Keeper, moment, visited)
    results: dict[int, RunResult] = {}

    def work(of: int) -> None:
        results[of] = go(tmp_path / "run", ALL.model_copy(update={"epochs": 2}))

    threads = [threading.Thread(target=work, args=(of,), name=str(of)) for of in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [results[of].step for of in range(2)] == [step, step]
    assert (results[rank].signal, results[1 - rank].signal) == (signal.SIGINT, signal.SIGTERM)
    assert load_newest(tmp_path / "run")[0]["step"] == step


def test_a_process_that_is_not_the_first_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in steps, evaluations and saves, nor in the end."""
    folder = tmp_path / "run"
    folder.mkdir()
    as_one_of_many(monkeypatch, lambda: OneOfTwo(1, folder))
    monkeypatch.setattr(run, "_final_evaluation", lambda *_: (1.0, 0.5))  # It reads what the first has written.
    told: list[Any] = []
    assert go(folder, save_every=0.0, tensorboard=True, on_epoch=told.append).step == STEPS
    assert len(told) == 4
    assert list(folder.iterdir()) == []
    as_one_of_many(monkeypatch, lambda: OneOfTwo(0, folder))
    go(folder)
    assert {path.name for path in folder.iterdir()} >= {"metrics.jsonl", "result.json", "weights.safetensors"}


def test_another_process_that_is_asked_to_stop_stops_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the evaluation too, where this process alone has no signal."""
    monkeypatch.setattr(loop, "evaluate", lambda *_, **__: None)
    result = go(tmp_path / "run", ALL.model_copy(update={"evaluate_every": 1}))
    assert (result.signal, result.step, result.epochs) == (signal.SIGTERM, 4, ())
    monkeypatch.undo()
    assert go(tmp_path / "run", ALL.model_copy(update={"evaluate_every": 1}), resume=True).signal is None
