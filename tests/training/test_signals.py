"""Signals within this process; those of a whole training are in test_command.py."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from archdsl.commands.guard import guarded
from archdsl.training import signals
from archdsl.training.signals import EndedBySignal, end_on_signals, stop_on_signals

ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in ALL]


@pytest.mark.parametrize("first", ALL)
@pytest.mark.parametrize("second", ALL)
def test_the_first_asks_and_the_second_ends(
    first: signal.Signals, second: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "_ECHO", -1.0)
    before = handlers()

    def twice() -> None:
        with stop_on_signals() as stop:
            signal.raise_signal(first)
            assert stop.signal == first
            signal.raise_signal(second)

    with end_on_signals(), pytest.raises(KeyboardInterrupt) as raised:
        twice()
    assert getattr(raised.value, "number", signal.SIGINT) == second
    assert handlers() == before


def test_the_echo_of_a_signal_is_not_a_second_one() -> None:
    with end_on_signals(), stop_on_signals() as stop:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGTERM)
        assert stop.signal == signal.SIGHUP
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)  # A hand on the keyboard is meant at once.


def test_a_wish_of_another_process_leaves_the_first_signal_a_wish() -> None:
    with stop_on_signals() as stop:
        stop.signal = signal.SIGTERM
        signal.raise_signal(signal.SIGINT)
        assert stop.signal == signal.SIGINT


@pytest.mark.parametrize("rank", [0, 1])
def test_outside_a_training_a_signal_ends_with_its_name_and_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, rank: int
) -> None:
    """Of torchrun's processes the first alone tells it: the others are ended so when it has told what is wrong."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", str(rank))

    def command() -> int:
        with end_on_signals():
            signal.raise_signal(number)
        return 0

    for number in ALL:
        assert guarded(command) == 128 + number
        told = "interrupted" if number == signal.SIGINT else f"ended by {number.name}"
        assert capsys.readouterr().err == ("" if rank else f"archdsl: {told}\n")
    for number in ALL[1:]:
        with pytest.raises(EndedBySignal, match=f"ended by {number.name}"), end_on_signals():
            signal.raise_signal(number)


def test_what_nohup_ignores_stays_ignored() -> None:
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with end_on_signals(), stop_on_signals() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert stop.signal is None
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, old)


def test_another_thread_takes_no_signals() -> None:
    before, seen = handlers(), []

    def work() -> None:
        with end_on_signals(), stop_on_signals() as stop:
            seen.append((handlers(), stop.signal))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(before, None)]


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("number", ALL)
def test_a_signal_amid_an_import_ends_the_program(
    number: signal.Signals,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    rank: int,
) -> None:
    """What is raised there may be lost: numpy, half imported, fails with a RecursionError."""

    class Left(Exception):
        pass

    def leave(code: int) -> None:
        raise Left(code)

    (tmp_path / "importing.py").write_text(f"import signal\nsignal.raise_signal({number:d})\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(signals.os, "_exit", leave)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", str(rank))
    with pytest.raises(Left, match=str(128 + number)), end_on_signals():
        import importing  # type: ignore[import-not-found]  # noqa: F401
    assert capfd.readouterr().err.startswith("archdsl: ") == (rank == 0)
