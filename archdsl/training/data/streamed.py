"""Images that stay in their files, and are decoded ahead of the steps that need them.

Threads do it, for PIL lets go of the interpreter while it decodes: on two cores they give 1.5 times as many JPEGs of
500x375 at 224x224 as torch's DataLoader, which has processes and sends images between them.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, repeat
from typing import Any, Self

import torch
from torch import Tensor

from archdsl.errors import TrainingError
from archdsl.training.augment import Draws, crop_box
from archdsl.training.data.image_set import Request
from archdsl.training.data.pictures import CropBox, as_images, decode
from archdsl.training.transfer import to_device

SAMPLE = 2000
"""So many images, at even distances through the set, are what colours are measured on."""

_AHEAD = 2
"""So many requests are decoded while a step runs, and as many images for each thread if requests are small."""

_FIRST = torch.zeros(1, dtype=torch.int64)


@dataclass(frozen=True, slots=True, eq=False)
class StreamedSet:
    """Images in files, and their classes: int64 (count,), on the device that images are given on.

    A batch is a function of its request alone. With draws, the random crop is cut out of the picture as it is in
    the file. `read` raises TrainingError, with the file's name, for one that turned bad since it was looked at.
    marks: a hash of how each file begins, int64 (count,); None until they are looked at.
    """

    files: tuple[str, ...]
    labels: Tensor
    height: int
    width: int
    channels: int
    marks: Tensor | None = None

    @property
    def crops_on_read(self) -> bool:
        return True

    def __len__(self) -> int:
        return len(self.files)

    def read(self, requests: Iterable[Request]) -> Generator[tuple[Request, Tensor, Tensor], None, None]:
        threads = _threads()
        pool = ThreadPoolExecutor(threads, thread_name_prefix="archdsl-images")
        waiting: deque[tuple[Request, list[Future[bytes]]]] = deque()
        ahead = 0
        try:
            for request in requests:
                waiting.append((request, [pool.submit(*call) for call in self._calls(request)]))
                ahead += len(request.indices)
                if len(waiting) > _AHEAD and ahead - len(waiting[0][1]) >= _AHEAD * threads:
                    ahead -= len(waiting[0][1])
                    yield self._gather(*waiting.popleft())
            while waiting:
                yield self._gather(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def faults(self) -> list[TrainingError]:
        """Why files can't be read: each is tried, to its last pixel."""

        def fault_of(file: str) -> TrainingError | None:
            try:
                decode(file, self.height, self.width, self.channels)
            except TrainingError as error:
                return error
            return None

        with ThreadPoolExecutor(_threads(), thread_name_prefix="archdsl-images") as pool:
            return [fault for fault in pool.map(fault_of, self.files) if fault is not None]

    def sample(self) -> Tensor:
        indices = torch.linspace(0, len(self) - 1, min(SAMPLE, len(self)), dtype=torch.float64).long()
        return torch.cat([images for _, images, _ in self.read(map(Request, torch.split(indices, 100)))])

    def digest(self) -> str:
        """Of the labels, and of each file's name and size: to read what is in all of them would take too long."""
        hash = hashlib.sha256(self.labels.cpu().numpy().tobytes())
        for file in self.files:
            folder, name = os.path.split(file)
            hash.update(f"{os.path.basename(folder)}/{name} {os.path.getsize(file)}\n".encode(errors="surrogateescape"))
        return hash.hexdigest()

    def digest_of_heads(self) -> str | None:
        """Of how each file begins, where one has looked."""
        return None if self.marks is None else hashlib.sha256(self.marks.numpy().tobytes()).hexdigest()

    def take(self, indices: Tensor) -> Self:
        files = tuple(self.files[index] for index in indices.tolist())
        marks = None if self.marks is None else self.marks[indices]
        return replace(self, files=files, labels=self.labels[indices.to(self.labels.device)], marks=marks)

    def joined(self, others: Sequence[Self]) -> Self:
        sets = (self, *others)
        files = tuple(chain.from_iterable(each.files for each in sets))
        return replace(self, files=files, labels=torch.cat([each.labels for each in sets]))

    def of_channels(self, channels: int) -> Self:
        """The same images, grey or in colours."""
        return replace(self, channels=channels)

    def to(self, device: torch.device) -> Self:
        return replace(self, labels=self.labels.to(device))

    def _calls(self, request: Request) -> Iterator[tuple[Any, ...]]:
        """What the threads are to do for a request."""
        crops = _crops(request)
        for index in request.indices.tolist():
            yield decode, self.files[index], self.height, self.width, self.channels, next(crops)

    def _gather(self, request: Request, decoded: list[Future[bytes]]) -> tuple[Request, Tensor, Tensor]:
        images = as_images((future.result() for future in decoded), self.height, self.width, self.channels)
        device = self.labels.device
        if device.type == "cuda":  # From such memory a copy runs beside what the device computes.
            images = images.pin_memory()
        return request, to_device(images, device), self.labels[to_device(request.indices, device)]


def _crops(request: Request) -> Iterator[CropBox | None]:
    """Where each image of a request is cut."""
    values = {} if request.draws is None else request.draws.values
    if "crop" not in values:
        yield from repeat(None)
    for crop, place in zip(torch.split(values["crop"], 1), torch.split(values["crop_place"], 1), strict=True):
        yield partial(crop_box, draws=Draws(1, _FIRST, {"crop": crop, "crop_place": place}))


def _threads() -> int:
    """As many as this process has cores, where several processes train on this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(2, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
