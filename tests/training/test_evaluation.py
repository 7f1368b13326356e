"""What is measured of a network: the numbers against their definitions, and each image once in any world."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archdsl import load
from archdsl.cost.memory import forecast_inference
from archdsl.formats.evaluation import mean_of
from archdsl.runs.evaluation import Evaluation, Mistake
from archdsl.shapes import Image
from archdsl.training.data.image_set import ImageSet
from archdsl.training.data.prepare import Prepare
from archdsl.training.evaluation import FEWEST, MOST, ROOM_OF_CPU, evaluate, images_at_once
from archdsl.training.report import Silence
from archdsl.training.signals import StopRequest
from archdsl.training.world import World
from archdsl.weights.files import Normalization

SPECS = Path(__file__).parents[2] / "specs"
AS_BYTES = Prepare(Image(1, 1, 2), Normalization((0.0,), (1 / 255,)), torch.device("cpu"))


class Table(nn.Module):
    """Gives the image with the number n, which is in its two pixels, the logits of row n."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, x: Tensor) -> Tensor:
        assert len(x), "not every network takes a batch of nothing"
        high, low = x.flatten(1).round().long().T
        return self.logits[256 * high + low]


def numbered(labels: Tensor) -> ImageSet:
    pixels = torch.stack([torch.arange(len(labels)) // 256, torch.arange(len(labels)) % 256], dim=1)
    return ImageSet(pixels.to(torch.uint8).view(-1, 1, 1, 2), labels)


def drawn(count: int, classes: int) -> tuple[Tensor, Tensor]:
    """Logits that are right more often than not, and labels; the last class is never right, nor the one before told."""
    generator = torch.Generator().manual_seed(count)
    labels = torch.randint(0, classes, (count,), generator=generator)
    logits = torch.randn(count, classes, generator=generator) + 2 * nn.functional.one_hot(labels, classes)
    logits[labels == classes - 1, classes - 1] = -9
    logits[:, classes - 2] = -9
    return logits, labels


def on_table(logits: Tensor, labels: Tensor, **more: Any) -> Evaluation:
    asked = {"classes": logits.shape[1], "batch_size": 64, **more}
    found = evaluate(Table(logits), numbered(labels), AS_BYTES, World(), StopRequest(), Silence(), **asked)
    assert found is not None
    return found


def test_the_numbers_are_those_of_their_definitions() -> None:
    logits, labels = drawn(300, 7)
    found = on_table(logits, labels)
    raised = np.exp(logits.double().numpy())
    probabilities, truth = raised / raised.sum(1, keepdims=True), labels.numpy()
    taken, confidence = probabilities.argmax(1), probabilities.max(1)
    right = taken == truth
    assert found.images == 300
    assert found.loss == pytest.approx(-np.log(probabilities[np.arange(300), truth]).mean(), rel=1e-6)
    assert found.accuracy == right.mean()
    first_five = np.argsort(-probabilities, axis=1)[:, :5]
    assert found.top5_accuracy == (first_five == truth[:, None]).any(1).mean()
    for label in range(7):
        for other in range(7):
            assert found.confusion[label][other] == ((truth == label) & (taken == other)).sum()
        true_positive = (right & (truth == label)).sum()
        scores = found.classes[label]
        assert scores.images == (truth == label).sum()
        assert scores.recall == true_positive / scores.images
        if label == 5:
            assert scores.precision is None
        else:
            assert scores.precision == true_positive / (taken == label).sum()
            expected = 0 if true_positive == 0 else 2 / (1 / scores.precision + 1 / scores.recall)
            assert scores.f1 == pytest.approx(expected)
    gap = 0.0
    for index, each in enumerate(found.bins):
        inside = (confidence > index / 15) & (confidence <= (index + 1) / 15)
        assert each.images == inside.sum()
        if each.images:
            assert each[1:] == pytest.approx((confidence[inside].mean(), right[inside].mean()))
            gap += inside.sum() / 300 * abs(confidence[inside].mean() - right[inside].mean())
    assert found.calibration_error == pytest.approx(gap)
    assert 0.01 < gap < 0.5


@pytest.mark.slow
def test_scikit_learn_finds_the_same() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    logits, labels = drawn(300, 7)
    labels[labels == 3] = 2  # No image is of class 3, but some may be taken for it.
    found = on_table(logits, labels)
    probabilities, predicted, every = logits.double().softmax(1).numpy(), logits.argmax(1), list(range(7))
    assert found.loss == pytest.approx(metrics.log_loss(labels, probabilities, labels=every), rel=1e-6)
    assert found.accuracy == metrics.accuracy_score(labels, predicted)
    assert found.top5_accuracy == pytest.approx(metrics.top_k_accuracy_score(labels, logits, k=5, labels=every))
    assert np.array_equal(found.confusion, metrics.confusion_matrix(labels, predicted, labels=every))
    columns = list(zip(*found.classes, strict=True))
    expected = metrics.precision_recall_fscore_support(labels, predicted, labels=every, zero_division=np.nan)
    for mine, theirs in zip((*columns[1:], columns[0]), expected, strict=True):
        assert np.allclose(np.array(mine, dtype=float), theirs, equal_nan=True)
    macro = metrics.precision_recall_fscore_support(labels, predicted, average="macro", zero_division=0)
    assert mean_of(found.classes) == pytest.approx(macro[:3])


@pytest.mark.parametrize("batch_size", [1, 7, 256, 300])
def test_the_batch_changes_no_number(batch_size: int) -> None:
    logits, labels = drawn(300, 6)
    assert on_table(logits, labels, batch_size=batch_size, worst=4) == on_table(logits, labels, worst=4)


CPU = torch.device("cpu")


def test_as_many_images_are_evaluated_at_once_as_have_room() -> None:
    """By the forecast, which is held against what torch takes; see tests/cost."""
    found = {name: images_at_once(load(SPECS / f"{name}.arch"), "fp32", CPU) for name in ("lenet", "googlenet", "vgg")}
    assert found["lenet"] == MOST
    assert found["vgg"] == FEWEST
    forecast = forecast_inference(load(SPECS / "googlenet.arch"))
    weights, fitting = forecast.at(1).weights, found["googlenet"]
    assert FEWEST < fitting < MOST
    assert forecast.at(fitting).total <= weights + ROOM_OF_CPU < forecast.at(fitting + 1).total


def test_images_at_once_depend_on_precision_and_device() -> None:
    network = load(SPECS / "googlenet.arch")
    in_single = images_at_once(network, "auto", CPU)
    assert in_single < images_at_once(network, "bf16", CPU)
    assert in_single < images_at_once(network, "fp32", torch.device("cuda"))


class Added(Exception):
    """What a process adds to the sum, for others to be waited for."""


class Part(World):
    """One process of several, whose sum over all is told beforehand, or else ends it."""

    def __init__(self, rank: int, size: int, total: Tensor | None = None) -> None:
        self.rank, self.size, self.total = rank, size, total

    def sum(self, values: Tensor) -> Tensor:
        if self.total is None:
            raise Added(values)
        return self.total


def in_a_world(size: int, logits: Tensor, labels: Tensor, stopped: int | None = None) -> list[Evaluation | None]:
    """The result of each process, which runs once to be added up and once more to get the sum."""

    def run(world: World) -> Evaluation | None:
        stop = StopRequest()
        stop.signal = 15 if world.rank == stopped else None
        model, images = Table(logits), numbered(labels)
        return evaluate(
            model, images, AS_BYTES, world, stop, Silence(), classes=logits.shape[1], batch_size=64, worst=4
        )

    added = []
    for rank in range(size):
        with pytest.raises(Added) as caught:
            run(Part(rank, size))
        added.append(caught.value.args[0])
    return [run(Part(rank, size, torch.stack(added).sum(0))) for rank in range(size)]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [1, 5, 64, 193])
def test_each_image_counts_once_at_any_world_size(size: int, count: int) -> None:
    logits, labels = drawn(count, 6)
    alone = on_table(logits, labels, worst=4)
    for found in in_a_world(size, logits, labels):
        assert found is not None
        assert sum(map(sum, found.confusion)) == found.images == sum(each.images for each in found.bins) == count
        assert found.confusion == alone.confusion
        assert (found.accuracy, found.top5_accuracy, found.worst) == (alone.accuracy, alone.top5_accuracy, alone.worst)
        close = pytest.approx((alone.loss, alone.calibration_error), rel=1e-12, abs=1e-15)
        assert (found.loss, found.calibration_error) == close


@pytest.mark.parametrize("size", [1, 3])
def test_a_stop_of_one_process_leaves_no_result_on_any(size: int) -> None:
    assert in_a_world(size, *drawn(200, 6), stopped=size - 1) == [None] * size


def test_a_stop_in_the_middle_leaves_no_result() -> None:
    logits, labels = drawn(200, 6)
    stop = StopRequest()

    class Stopped(Table):
        def forward(self, x: Tensor) -> Tensor:
            stop.signal = 2
            return super().forward(x)

    images = numbered(labels)
    assert evaluate(Stopped(logits), images, AS_BYTES, World(), stop, Silence(), classes=6, batch_size=64) is None


def test_five_classes_have_no_top_five() -> None:
    assert on_table(*drawn(20, 5)).top5_accuracy is None
    assert on_table(*drawn(20, 6)).top5_accuracy is not None


def test_equal_logits_are_no_hit() -> None:
    """A network that tells nothing is as good as chance, not better."""
    labels = torch.arange(10).repeat(10)
    found = on_table(torch.zeros(100, 10), labels)
    assert (found.accuracy, found.top5_accuracy) == (0.1, 0.5)
    assert found.loss == pytest.approx(math.log(10))


def test_the_worst_are_those_most_sure_and_wrong() -> None:
    logits = torch.tensor([[0.0, 5, 0], [9, 0, 0], [0, 0, 3], [0, 9, 0], [2, 0, 0]])
    labels = torch.tensor([0, 0, 1, 2, 0])
    found = on_table(logits, labels, worst=2)
    assert [each[:3] for each in found.worst] == [(3, 2, 1), (0, 0, 1)]
    sure = 1 / (1 + 2 * math.exp(-5))
    assert found.worst[1] == Mistake(0, 0, 1, pytest.approx(sure), pytest.approx(sure * math.exp(-5)))
    assert len(on_table(logits, labels, worst=9).worst) == 3


def test_what_is_not_a_number_shows_in_the_loss() -> None:
    logits, labels = drawn(20, 6)
    logits[3] = math.nan
    found = on_table(logits, labels, worst=1)
    assert math.isnan(found.loss)
    assert found.images == 20


def test_the_model_is_in_eval_mode_and_then_as_it_was() -> None:
    images, labels = numbered(torch.arange(8) % 2), torch.arange(8) % 2
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(2), nn.Dropout(0.9), nn.Linear(2, 2))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    found = evaluate(model, images, AS_BYTES, World(), StopRequest(), Silence(), classes=2, batch_size=4)
    assert found is not None
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    logits = model.eval()(AS_BYTES(images.images))
    assert found.loss == pytest.approx(nn.functional.cross_entropy(logits, labels).item())


def test_autocast_is_around_the_model_and_not_the_loss() -> None:
    logits, labels = drawn(60, 6)

    def autocast() -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16)

    class Asks(Table):
        def forward(self, x: Tensor) -> Tensor:
            assert torch.is_autocast_enabled("cpu")
            return super().forward(x).bfloat16()

    images, stop = numbered(labels), StopRequest()
    found = evaluate(
        Asks(logits), images, AS_BYTES, World(), stop, Silence(), classes=6, batch_size=64, autocast=autocast
    )
    assert found is not None
    expected = nn.functional.cross_entropy(logits.bfloat16().float(), labels).item()
    assert found.loss == pytest.approx(expected, rel=1e-6)
