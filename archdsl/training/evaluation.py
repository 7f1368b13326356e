"""A network held against labelled images: each counts once, however many processes share them."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn

from archdsl.cost.memory import forecast_inference
from archdsl.network import Network
from archdsl.runs.evaluation import Bin, Evaluation, Mistake
from archdsl.training.data.image_set import Images, Request
from archdsl.training.data.prepare import Prepare
from archdsl.training.precision import computed_in
from archdsl.training.report import Watch
from archdsl.training.signals import StopRequest
from archdsl.training.world import World

BINS = 15

FEWEST, MOST = 16, 256

ROOM, ROOM_OF_CPU = 2**31, 2**27
"""Bytes that may lie between a network's layers, on a GPU and on a CPU, which is no faster with more."""


def images_at_once(network: Network, precision: str, device: torch.device) -> int:
    """How many images a network is best evaluated on at once, in a recipe's precision: 16 to 256, as have room.

    It depends on these alone, and not on what memory is free now: in another batch a device may round in another way,
    and a run that goes on is to be evaluated as it would have been.
    """
    forecast = forecast_inference(network, computed_in(precision, device))
    room = ROOM_OF_CPU if device.type == "cpu" else ROOM
    fitting = forecast.largest_batch(forecast.at(1).weights + room)
    return min(max(fitting, FEWEST), MOST)


class _Answers(NamedTuple):
    """What the network says of each image of this process; tensors of (images,).

    probability: of the predicted class. loss: -log of the probability of the image's own.
    """

    place: Tensor
    label: Tensor
    predicted: Tensor
    probability: Tensor
    loss: Tensor
    in_top5: Tensor


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    images: Images,
    prepare: Prepare,
    world: World,
    stop: StopRequest,
    report: Watch,
    *,
    classes: int,
    batch_size: int,
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
    worst: int = 0,
) -> Evaluation | None:
    """Evaluate a model on all images of a set, in eval mode; None where a stop was asked for before the end.

    Each process takes its own rows, and all get the same result, so all of them must call this.

    Args:
        report: is told how far it is.
        classes: how many logits the model gives for an image.
        batch_size: how many images of a process are computed at once; the numbers do not depend on it.
        autocast: the context in which the model runs; what it gives is then reckoned with in single precision.
        worst: how many of the images most wrong are told.
    """
    trained = model.training
    model.eval()
    mine = torch.arange(len(images))[world.rows]
    batches = torch.split(mine, batch_size) if len(mine) else ()
    answers, whole = [], True
    read = images.read(map(Request, batches))
    for request, pixels, labels in report.watch(
        read, len(images), "images evaluated", each=lambda read: len(read[2]) * world.size
    ):
        if stop.signal is not None:
            whole = False
            break
        with autocast():
            logits = model(prepare(pixels))  # (batch, classes)
        answers.append(_answers(request.indices, labels, logits.float()))
    model.train(trained)
    # All is still on the device, so that it never waited for the next batch to be asked for.
    told = _Answers(*(torch.cat(parts).cpu() for parts in zip(*answers, strict=True))) if answers else _no_answers()
    sums = _sums(told, whole, classes, min(worst, len(images)), world)
    device = images.labels.device
    # Processes on GPUs add up on them; Apple's, of which there is one, have no float64.
    total = world.sum(sums.to(device) if device.type == "cuda" else sums).cpu()
    return _evaluation(total, classes, worst, images.files)


def _answers(indices: Tensor, labels: Tensor, logits: Tensor) -> _Answers:
    log_probability = logits.log_softmax(1)
    predicted = logits.argmax(1)
    return _Answers(
        place=indices,
        label=labels,
        predicted=predicted,
        probability=log_probability.gather(1, predicted[:, None])[:, 0].exp(),
        loss=-log_probability.gather(1, labels[:, None])[:, 0],
        in_top5=(logits.topk(min(5, logits.shape[1])).indices == labels[:, None]).any(1),
    )


def _no_answers() -> _Answers:
    whole, part = torch.zeros(0, dtype=torch.int64), torch.zeros(0)
    return _Answers(whole, whole, whole, part, part, whole.bool())


def _sums(answers: _Answers, whole: bool, classes: int, worst: int, world: World) -> Tensor:
    """All that is added up over the processes, as one row of float64, which holds counts up to 2^53 exactly."""
    right = answers.predicted == answers.label
    # The bins are ((m - 1) / 15, m / 15]. What is not a number has no bin of its own, and shows in the loss.
    in_bin = (answers.probability.double().nan_to_num(0) * BINS).ceil().long().sub(1).clamp(0, BINS - 1)

    def binned(values: Tensor) -> Tensor:
        return torch.bincount(in_bin, values.double(), minlength=BINS)

    wrong = torch.nonzero(~right)[:, 0]
    wrong = wrong[answers.loss[wrong].sort(descending=True, stable=True).indices[:worst]]
    columns = (answers.place + 1, answers.label, answers.predicted, answers.probability, answers.loss)
    places = torch.zeros(world.size, worst, len(columns), dtype=torch.float64)
    places[world.rank, : len(wrong)] = torch.stack([column[wrong].double() for column in columns], dim=1)
    parts = (
        torch.tensor([not whole], dtype=torch.float64),
        answers.loss.double().sum()[None],
        answers.in_top5.double().sum()[None],
        binned(torch.ones_like(in_bin)),
        binned(answers.probability),
        binned(right),
        torch.bincount(answers.label * classes + answers.predicted, minlength=classes**2).double(),
        places.flatten(),
    )
    return torch.cat(parts)


def _evaluation(sums: Tensor, classes: int, worst: int, files: tuple[str, ...] | None) -> Evaluation | None:
    """What the sums of all processes come to."""
    sizes = [1, 1, 1, BINS, BINS, BINS, classes**2, sums.numel() - 3 - 3 * BINS - classes**2]
    stopped, loss, in_top5, in_bins, confidence, right, confusion, wrong = (
        part.tolist() for part in torch.split(sums, sizes)
    )
    if stopped[0]:
        return None
    count = int(sum(in_bins))
    bins = tuple(
        Bin(int(images), sure / max(images, 1), hits / max(images, 1))
        for images, sure, hits in zip(in_bins, confidence, right, strict=True)
    )
    matrix = tuple(tuple(map(int, confusion[start : start + classes])) for start in range(0, classes**2, classes))
    mistakes = [wrong[start : start + 5] for start in range(0, len(wrong), 5) if wrong[start]]
    mistakes.sort(key=lambda each: (-each[4], each[0]))
    return Evaluation(
        images=count,
        loss=loss[0] / count,
        accuracy=sum(right) / count,
        top5_accuracy=in_top5[0] / count if classes > 5 else None,
        calibration_error=sum(each.images * abs(each.accuracy - each.confidence) for each in bins) / count,
        bins=bins,
        confusion=matrix,
        worst=tuple(
            Mistake(
                int(place) - 1,
                int(label),
                int(predicted),
                probability,
                math.exp(-loss),
                None if files is None else files[int(place) - 1],
            )
            for place, label, predicted, probability, loss in mistakes[:worst]
        ),
    )
