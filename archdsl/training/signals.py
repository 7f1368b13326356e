"""Ctrl-C, SIGTERM and SIGHUP: a wish to stop while a network is trained, and the end of the program otherwise."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from archdsl.training.start import rank

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

_ECHO = 1.0
"""Seconds in which the same wish may come twice: from the kernel and the shell, or a scheduler and its launcher."""


class StopRequest:
    """`signal` is the number of the signal that asked to stop, or None."""

    def __init__(self) -> None:
        self.signal: int | None = None


class EndedBySignal(KeyboardInterrupt):
    """What SIGTERM and SIGHUP raise where nothing is to be saved, as Ctrl-C raises a KeyboardInterrupt."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number


@contextmanager
def end_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise EndedBySignal, so that what is open is closed, and one line told.

    While a module is imported they end the program, as Ctrl-C does then: what is raised there may be lost in what
    Python calls back, or leave a module half made, which then fails in a way of its own.
    """

    def end(number: int, frame: FrameType | None) -> None:
        if _is_importing(frame):
            told = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
            with suppress(OSError):
                os.write(2, b"" if rank() else f"archdsl: {told}\n".encode())
            os._exit(128 + number)
        raise KeyboardInterrupt if number == signal.SIGINT else EndedBySignal(number)

    with _handled(end, _SIGNALS):
        yield


def _is_importing(frame: FrameType | None) -> bool:
    """Whether a frame is one of an import, or below one."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Note the first SIGINT, SIGTERM or SIGHUP; a second one acts at once, as it does outside.

    In a thread other than the main one, where Python takes no signals, nothing is noted.
    """
    request = StopRequest()
    asked_at: float | None = None

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal asked_at
        if asked_at is None:
            request.signal, asked_at = number, time.monotonic()
        elif number == signal.SIGINT or time.monotonic() - asked_at > _ECHO:
            restore()
            signal.raise_signal(number)

    with _handled(note, _SIGNALS) as restore:
        yield request


@contextmanager
def _handled(
    handler: Callable[[int, FrameType | None], None], numbers: tuple[int, ...]
) -> Iterator[Callable[[], None]]:
    """Handle signals, but for those that the program was started to ignore, as nohup does; gives what ends it."""
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in numbers}
        before = {number: old for number, old in before.items() if old != signal.SIG_IGN}

    def restore() -> None:
        for number, old in before.items():
            signal.signal(number, signal.SIG_DFL if old is None else old)

    try:
        for number in before:
            signal.signal(number, handler)
        yield restore
    finally:
        restore()
