"""A trained network from its file, and what it is asked: how good it is on images, and what it takes a picture for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_ERRORS, EXIT_FAILED
from archdsl.network import Network
from archdsl.recipe.recipe import Data, Recipe
from archdsl.runs.evaluation import Evaluation, Prediction
from archdsl.shapes import Image, Vector
from archdsl.source import Source
from archdsl.training.data.image_set import Images, ImageSet
from archdsl.training.data.load import load_data
from archdsl.training.data.pictures import read_image
from archdsl.training.data.prepare import Prepare
from archdsl.training.data.streamed import StreamedSet
from archdsl.training.evaluation import evaluate, images_at_once
from archdsl.training.out_of_memory import is_out_of_memory
from archdsl.training.precision import autocast_for
from archdsl.training.report import Report, Watch
from archdsl.training.setup import put_on_device, read_fitting
from archdsl.training.signals import StopRequest
from archdsl.training.world import World
from archdsl.weights import tensors
from archdsl.weights.files import Normalization, Origin


class Trained(NamedTuple):
    """A trained network with its weights, on a device.

    file: that of the weights. spec: its text, for messages.
    classes: their names; None where the file keeps none, for the network was not trained here.
    autocast: makes the context in which it is computed.
    images_at_once: of how many images, where nothing else is asked for.
    """

    file: str
    network: Network
    spec: Source
    model: nn.Module
    prepare: Prepare
    classes: tuple[str, ...] | None
    autocast: Callable[[], AbstractContextManager[object]]
    device: torch.device
    images_at_once: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes, or their numbers."""
        output = self.network.output
        assert isinstance(output, Vector)
        return self.classes or tuple(map(str, range(int(output.features or 0))))


def read_trained(
    file: Path,
    network: Network,
    spec: Source,
    origin: Origin,
    device: torch.device,
    normalization: Normalization | None = None,
    recipe: Recipe | None = None,
) -> Trained:
    """Read the weights of a network that its file keeps.

    normalization: stands for that of the file. recipe: in whose precision and layout of images it is computed.

    Raises TrainingError where the file is damaged or keeps another network's weights (exit code 1), or keeps no
    normalization and none is given, or where memory does not suffice (3).
    """
    from archdsl.backends.pytorch import build

    name = printable(str(file))
    normalization = normalization or origin.normalization
    if normalization is None:
        raise TrainingError(
            f"{name}: it keeps no normalization of pixels, for it was not trained here; say --mean and --std, as "
            "--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 for torchvision's weights of ImageNet"
        )
    _check_channels(name, network, normalization)
    if not isinstance(network.output, Vector):
        raise TrainingError(f"{name}: the network gives an image of {network.output}, and no number for each class")
    classes = network.output.features
    if origin.classes is not None and len(origin.classes) != classes:
        raise TrainingError(f"{name}: it names {len(origin.classes)} classes, and the network gives {classes} values")
    weights, found = read_fitting(file, network, spec.name)
    recipe = recipe or Recipe()
    with _too_little_memory_told(device, "with the network's weights"):
        model = build(network)
        tensors.put(weights, found, model)
        put_on_device(model, device, recipe.channels_last)
        prepare = Prepare(network.input, normalization, device, channels_last=recipe.channels_last)
    autocast, _ = autocast_for(recipe.precision, device)
    at_once = images_at_once(network, recipe.precision, device)
    return Trained(name, network, spec, model.eval(), prepare, origin.classes, autocast, device, at_once)


def _check_channels(name: str, network: Network, normalization: Normalization) -> None:
    """Refuse a normalization that is not one of the network's images."""
    shape, channels = network.input, len(normalization.mean)
    fits = channels in (1, shape.channels) if isinstance(shape, Image) else channels in (1, 3)
    if not fits or len(normalization.std) != channels:
        raise TrainingError(
            f"{name}: a mean and a deviation are needed for 1 channel, or for each channel of the network's input, "
            f"{shape}; there are {channels} and {len(normalization.std)}"
        )
    if not all(value > 0 for value in normalization.std):
        raise TrainingError(f"{name}: a deviation of {min(normalization.std):g} can't be divided by")


def load_part(
    trained: Trained, data: Data, part: str, data_dir: Path, download: bool = False, report: Report | None = None
) -> tuple[tuple[str, ...], Images]:
    """The names of the classes of a data set, and the images of a part of it, or of "all", on the device.

    Raises TrainingError where they can't be had, are not for this network, or do not fit into memory (exit code 3).
    """
    if not data.name.startswith("folder:"):  # Whether one is grey is told by all of its images.
        unused = {"test": {"train": 1, "validation": 0}, "validation": {"test": 1}, "train": {"test": 1}, "all": {}}
        data = data.model_copy(update=unused[part])
    try:
        found = load_data(data, trained.network, trained.spec, data_dir, download, report)
    except TrainingError as error:
        fault = str(error).partition("; ")[0]
        if not fault.startswith(f"{printable(trained.spec.name)}:"):
            raise
        # What follows is how the network would have to be, which its weights can't be any more.
        raise TrainingError(fault) from None
    for label, (ours, theirs) in enumerate(zip(trained.classes or (), found.classes, strict=False)):
        if ours != theirs:
            raise TrainingError(
                f"{trained.file} was trained on other classes than those of {printable(data.name)}: class {label} is "
                f"{printable(ours)}, and there it is {printable(theirs)}"
            )
    images: Images | None = getattr(found, part)
    if images is None:
        raise TrainingError("--part validation: the recipe holds no images back; see `data.validation`")
    with _too_little_memory_told(trained.device, "with the images"):
        return found.classes, _of_channels(images, trained.prepare.channels, data.name).to(trained.device)


def _of_channels(images: Images, channels: int, name: str) -> Images:
    """Images as the network has seen them in training: grey ones do for a network that learned from colours."""
    if images.channels == channels:
        return images
    if isinstance(images, StreamedSet):
        return images.of_channels(channels)
    if not isinstance(images, ImageSet) or images.channels != 1:
        raise TrainingError(f"the network learned from grey images, and those of {printable(name)} have colours")
    return replace(images, images=images.images.expand(-1, channels, -1, -1))


def evaluate_trained(
    trained: Trained,
    images: Images,
    classes: int,
    stop: StopRequest,
    report: Watch,
    batch_size: int | None = None,
    worst: int = 0,
) -> Evaluation | None:
    """Evaluate a trained network, in batches of what suits it by default; None where a stop was asked for meanwhile.

    Raises TrainingError where what it gives is not finite (exit code 1), or memory does not suffice (3).
    """
    batch_size = batch_size or trained.images_at_once
    with _too_little_memory_told(trained.device, f"with batches of {batch_size}", "a smaller --batch-size"):
        found = evaluate(
            trained.model,
            images,
            trained.prepare,
            World(),
            stop,
            report,
            classes=classes,
            batch_size=batch_size,
            autocast=trained.autocast,
            worst=worst,
        )
    if found is not None and not math.isfinite(found.loss):
        raise _not_finite(trained)
    return found


def predict(trained: Trained, files: Sequence[Path], top: int) -> Iterator[Prediction | TrainingError]:
    """What each picture is taken for, in order; or why it can't be read.

    Pictures are read as those of a folder are to train: grey where the network was trained on grey ones, scaled to
    cover the network's height and width, and cut around the middle. For a network that takes a vector they are
    squares.

    Raises TrainingError where what the network gives is not finite (exit code 1), or memory does not suffice (3).
    """
    height, width = _size(trained)
    at_once = trained.images_at_once
    for start in range(0, len(files), at_once):
        batch = files[start : start + at_once]
        read = [_read(file, height, width, trained.prepare.channels) for file in batch]
        images = [image for image in read if isinstance(image, Tensor)]
        answers = iter(_ask(trained, torch.stack(images)) if images else ())
        for file, image in zip(batch, read, strict=True):
            if isinstance(image, TrainingError):
                yield image
                continue
            found = next(answers).topk(min(top, len(trained.names)))
            yield Prediction(str(file), tuple(zip(found.indices.tolist(), found.values.tolist(), strict=True)))


def _read(file: Path, height: int, width: int, channels: int) -> Tensor | TrainingError:
    try:
        return read_image(file, height, width, channels)
    except TrainingError as error:
        return error


@torch.inference_mode()
def _ask(trained: Trained, images: Tensor) -> Tensor:
    """The probability of each class for images: uint8 (batch, C, H, W) in, float32 (batch, classes) out."""
    at = f"with {len(images)} picture{'s' if len(images) != 1 else ''} at once"
    with trained.autocast(), _too_little_memory_told(trained.device, at):
        logits: Tensor = trained.model(trained.prepare(images.to(trained.device)))
    if not logits.isfinite().all():
        raise _not_finite(trained)
    return logits.float().softmax(1).cpu()


def _size(trained: Trained) -> tuple[int, int]:
    shape = trained.network.input
    if isinstance(shape, Image):
        return int(shape.height or 0), int(shape.width or 0)
    side = math.isqrt(int(shape.features or 0) // trained.prepare.channels)
    if trained.prepare.channels * side * side != shape.features:
        raise TrainingError(f"{trained.file}: the network takes {shape} features, which are not the pixels of a square")
    return side, side


@contextmanager
def _too_little_memory_told(device: torch.device, at: str, hint: str = "") -> Iterator[None]:
    """Make a TrainingError, of exit code 3, where memory ends within. hint: what to try; by default the CPU."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        hint = hint or ("" if device.type == "cpu" else "--device cpu")
        raise TrainingError(f"out of memory on {device} {at}{hint and f'; try {hint}'}", EXIT_FAILED) from error


def _not_finite(trained: Trained) -> TrainingError:
    return TrainingError(
        f"{trained.file}: what the network gives is not finite; its weights are of no use", EXIT_ERRORS
    )
