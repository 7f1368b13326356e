"""What every data set is once it is read: a set of labelled images that gives batches for requests.

A request names its images, so that order and chance are decided elsewhere, by the step alone. A set has no state that
a resumed training would miss.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self, TypeVar

import torch
from torch import Tensor

from archdsl.errors import TrainingError
from archdsl.training.randomness import generator_of
from archdsl.training.transfer import to_device

if TYPE_CHECKING:
    from archdsl.training.augment import Draws


class Request(NamedTuple):
    """Which images are wanted: int64 (count,), on the CPU; and what was drawn for them, if they are augmented."""

    indices: Tensor
    draws: Draws | None = None


class Images(Protocol):
    """A set of labelled images.

    labels: the classes, int64 (count,), on the device.
    channels: 1 where all are grey, else 3.
    files: where each was read from; None where they have no files of their own.
    crops_on_read: whether `read` applies the random crop of a request's draws, so that it is taken from the whole
        image at its own size.
    """

    @property
    def labels(self) -> Tensor: ...
    @property
    def channels(self) -> int: ...
    @property
    def files(self) -> tuple[str, ...] | None: ...
    @property
    def crops_on_read(self) -> bool: ...

    def __len__(self) -> int: ...

    def read(self, requests: Iterable[Request]) -> Generator[tuple[Request, Tensor, Tensor], None, None]:
        """For each request in turn: itself, uint8 (count, channels, H, W) and int64 (count,), on the device.

        Closing the iterator ends what runs behind it.
        """

    def sample(self) -> Tensor:
        """The images that colours are measured on, always the same ones: uint8 (count, channels, H, W)."""

    def digest(self) -> str:
        """A text that is another one for other images, other labels, or another order of them."""

    def digest_of_heads(self) -> str | None:
        """The same of how files begin, where `digest` does not know what is in them; None where it does."""

    def take(self, indices: Tensor) -> Self:
        """The set of the images at these indices."""

    def joined(self, others: Sequence[Self]) -> Self:
        """The set of these images and then those of others of its kind."""

    def to(self, device: torch.device) -> Self:
        """The set that gives its images on a device."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageSet:
    """Images in memory: uint8 (count, channels, height, width); and their classes: int64 (count,)."""

    images: Tensor
    labels: Tensor
    files: tuple[str, ...] | None = None

    @property
    def channels(self) -> int:
        return self.images.shape[1]

    @property
    def crops_on_read(self) -> bool:
        return False

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, requests: Iterable[Request]) -> Generator[tuple[Request, Tensor, Tensor], None, None]:
        for request in requests:
            chosen = to_device(request.indices, self.labels.device)
            # It copies whole images, in a twentieth of the time that `self.images[chosen]` takes for their numbers.
            yield request, self.images.index_select(0, chosen), self.labels[chosen]

    def sample(self) -> Tensor:
        return self.images

    def digest(self) -> str:
        hash = hashlib.sha256(self.labels.cpu().numpy().data)
        hash.update(self.images.cpu().contiguous().numpy().data)
        return hash.hexdigest()

    def digest_of_heads(self) -> str | None:
        return None

    def take(self, indices: Tensor) -> Self:
        files = self.files and tuple(self.files[index] for index in indices.tolist())
        return replace(self, images=self.images[indices], labels=self.labels[indices], files=files)

    def joined(self, others: Sequence[Self]) -> Self:
        sets = (self, *others)
        files = None if self.files is None else tuple(chain.from_iterable(each.files or () for each in sets))
        images, labels = torch.cat([each.images for each in sets]), torch.cat([each.labels for each in sets])
        return replace(self, images=images, labels=labels, files=files)

    def to(self, device: torch.device) -> Self:
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))


class DataSet(NamedTuple):
    """Images to learn from, images never learned from, and the names of the classes in the order of their labels.

    validation: images held back to choose by, or None.
    """

    name: str
    classes: tuple[str, ...]
    train: Images
    test: Images
    validation: Images | None = None

    @property
    def all(self) -> Images:
        """The images of all parts: those to learn from, those held back, those to test on."""
        return self.train.joined([part for part in (self.validation, self.test) if part is not None])

    def digest(self) -> str:
        """A text that is another one where an image, a label, or the part that an image is in is another."""
        return _digest_of_all(part.digest() for part in self.parts)

    def digest_of_heads(self) -> str | None:
        """The same of how files begin, of images that stay in them; None where no image does."""
        heads = [part.digest_of_heads() for part in self.parts]
        return _digest_of_all(filter(None, heads)) if any(heads) else None

    @property
    def parts(self) -> tuple[Images, ...]:
        """The parts that there are."""
        return tuple(part for part in (self.train, self.test, self.validation) if part is not None)

    def to(self, device: torch.device) -> DataSet:
        """The same where each set gives its images on a device."""
        validation = None if self.validation is None else self.validation.to(device)
        return self._replace(train=self.train.to(device), test=self.test.to(device), validation=validation)


def _digest_of_all(digests: Iterable[str]) -> str:
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()


Taken = TypeVar("Taken", bound=Images)


def limit(images: Taken, count: int | None, seed: int) -> Taken:
    """A random part of `count` images, always the same for a seed; all of them where there are no more."""
    if count is None or count >= len(images):
        return images
    generator = torch.Generator().manual_seed(seed)
    return images.take(torch.randperm(len(images), generator=generator)[:count].sort().values)


def hold_back(images: Taken, count: int, seed: int) -> tuple[Taken, Taken | None]:
    """What is left to learn from, and `count` images held back; None for 0.

    Each class gives its share, to the nearest image, and which of its images is a function of the seed. Raises
    TrainingError where nothing would be left.
    """
    if count == 0:
        return images, None
    if count >= len(images):
        raise TrainingError(
            f"data.validation: {count} images are to be held back, and there are {len(images)} to learn from"
        )
    labels = images.labels.cpu()
    sizes = labels.bincount()
    exact = sizes.double() * count / len(labels)
    shares = exact.floor().long()
    missing = count - int(shares.sum())
    shares[(exact - shares).argsort(descending=True, stable=True)[:missing]] += 1
    held = torch.zeros(len(labels), dtype=torch.bool)
    for label, share in enumerate(shares.tolist()):
        of_class = (labels == label).nonzero().flatten()
        held[of_class[torch.randperm(len(of_class), generator=generator_of(seed, "validation", label))[:share]]] = True
    return images.take((~held).nonzero().flatten()), images.take(held.nonzero().flatten())
