"""The processes that train one network together: most often one, else those that torchrun started.

Each has the same weights, and computes the gradient of its rows of every batch; torch's DistributedDataParallel
makes of them the gradient of the whole batch. The first process alone writes and prints.
"""

from __future__ import annotations

import datetime
import json
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

if TYPE_CHECKING:  # For torch can be built without it.
    from torch.distributed.distributed_c10d import Store

from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_FAILED

T = TypeVar("T")

PATIENCE = datetime.timedelta(minutes=30)
"""How long a process waits for the others, which may be drawing, reading or saving, until it takes them for dead."""

MEETING = 300.0
"""Seconds until a process gives up to meet the others at the start, and ends, so that torchrun starts all again."""


class World:
    """One process alone.

    rank: which process this is, from 0. size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    @property
    def rows(self) -> slice:
        """Which images of a batch, or of a set, are this process's."""
        return slice(self.rank, None, self.size)

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        return values

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Give tensors the values that they have in the first process, in place."""

    def from_first(self, make: Callable[[], T]) -> T:
        """What `make` gives in the first process, which alone calls it: text, numbers, and lists and dicts of them.

        Where it raises a TrainingError there, each process raises it.
        """
        return make()

    def wait(self) -> None:
        """Until all processes are here."""

    def parallel(self, model: nn.Module) -> nn.Module:
        """The model, but that the gradients of its parameters come to be the mean of those of all processes."""
        return model

    def no_sum(self, model: nn.Module) -> AbstractContextManager[object]:
        """While it is open, the gradients of a parallel model add up in each process alone."""
        return nullcontext()

    def is_lost(self, error: BaseException) -> bool:
        """Whether an exception says that another process can't be reached any more."""
        return False

    def close(self) -> None:
        """Leave the other processes."""


class Processes(World):
    """The processes of a torchrun, as its environment describes them."""

    def __init__(self, device: torch.device) -> None:
        from torch import distributed
        from torch.distributed.rendezvous import rendezvous

        self.device = device
        backend = "nccl" if device.type == "cuda" else "gloo"
        # Gloo waits for ever, whatever its timeout, for a process that is not there.
        with ended_after(MEETING, "the other processes of the training were not there"):
            try:
                store, self.rank, self.size = next(rendezvous("env://", timeout=PATIENCE))
                store = of_this_start(store, self.rank, self.size)
                distributed.init_process_group(
                    backend, store=store, rank=self.rank, world_size=self.size, timeout=PATIENCE
                )
            except (RuntimeError, ValueError) as error:
                why = str(error).partition("\n")[0]
                raise TrainingError(f"the other processes can't be reached: {why}", EXIT_FAILED) from error

    def sum(self, values: Tensor) -> Tensor:
        from torch import distributed

        distributed.all_reduce(values)
        return values

    def share(self, tensors: Iterable[Tensor]) -> None:
        from torch import distributed

        for tensor in tensors:
            distributed.broadcast(tensor, 0)

    def from_first(self, make: Callable[[], T]) -> T:
        answer: dict[str, Any] = {}
        if self.is_first:
            try:
                answer = {"value": make()}
            except TrainingError as error:
                answer = {"error": str(error), "exit_code": error.exit_code}
        answer = json.loads(self._text_of_first(json.dumps(answer)))
        if "error" in answer:
            raise TrainingError(answer["error"], answer["exit_code"], of_all=True)
        value: T = answer["value"]
        return value

    def _text_of_first(self, text: str) -> str:
        """The text that the first process has. Bytes are sent, for torch would send an object as a pickle."""
        from torch import distributed

        data = text.encode()
        length = torch.tensor(len(data), device=self.device)
        distributed.broadcast(length, 0)
        sent = torch.frombuffer(bytearray(data), dtype=torch.uint8) if self.is_first else None
        content = torch.empty(int(length), dtype=torch.uint8) if sent is None else sent
        content = content.to(self.device)
        distributed.broadcast(content, 0)
        return bytes(content.cpu().tolist()).decode()

    def wait(self) -> None:
        self.sum(torch.zeros((), device=self.device))

    def parallel(self, model: nn.Module) -> nn.Module:
        from torch.nn.parallel import DistributedDataParallel

        return DistributedDataParallel(model, device_ids=[self.device] if self.device.type == "cuda" else None)

    def no_sum(self, model: nn.Module) -> AbstractContextManager[object]:
        # A model that is not parallel adds up its gradients alone anyway.
        context: AbstractContextManager[object] = getattr(model, "no_sync", nullcontext)()
        return context

    def is_lost(self, error: BaseException) -> bool:
        from torch import distributed

        # Gloo's errors are RuntimeErrors that begin with the place in its source.
        return isinstance(error, distributed.DistError) or "gloo" in str(error)

    def close(self) -> None:
        from torch import distributed

        if distributed.is_initialized():
            distributed.destroy_process_group()


def of_this_start(store: Store, rank: int, size: int) -> Store:
    """The part of a store that no process of an earlier start has written to.

    Torchrun keeps one store for a training and all its restarts, without parts of their own
    (`next_rendezvous` in torch/distributed/elastic/rendezvous/dynamic_rendezvous.py), so that a process that is
    started again may find there the address of one that is dead. No count of restarts is the same on all machines.
    So each process asks with a word of its own, and the first answers those words alone with the name of the part.
    """
    from torch.distributed.distributed_c10d import PrefixStore

    word = secrets.token_hex(8)
    if rank:
        store.set(f"archdsl/asked by {rank}", word)
        word = store.get(f"archdsl/answer to {word}").decode()
    part = PrefixStore(f"archdsl/{word}", store)
    part.add("here", 1)
    while rank == 0 and part.add("here", 0) < size:
        for key in [f"archdsl/asked by {other}" for other in range(1, size)]:
            if store.check([key]):
                store.set(f"archdsl/answer to {store.get(key).decode()}", word)
        time.sleep(0.02)
    return part


@contextmanager
def ended_after(seconds: float, why: str) -> Iterator[None]:
    """End this process, wherever it hangs, if what is done within takes longer."""

    def end() -> None:
        print(f"archdsl: {why} after {seconds:g} seconds", file=sys.stderr, flush=True)
        os._exit(EXIT_FAILED)

    watch = threading.Timer(seconds, end)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
