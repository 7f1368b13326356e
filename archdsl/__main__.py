"""The way into the command line. A plain `check` or `fmt` goes by a short way, for typer alone costs more than it."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # For `signal` makes enumerations, which takes longer than some checks.
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

_VALUES = {
    "--input": "input",
    "--root": "root",
    "--max-layers": "max_layers",
    "--max-parameters": "max_parameters",
    "--stdin-filename": "stdin_filename",
    "--format": "format",
    "--color": "color",
}
_FLAGS = {
    "--quiet": "quiet",
    "-q": "quiet",
    "--fix": "fix",
    "--warnings-as-errors": "warnings_as_errors",
    "--trace": "trace",
    "--least-input": "least_input",
    "--watch": "watch",
}
_CHOICES = {
    "--format": ("text", "concise", "json", "jsonl", "github", "sarif"),
    "--color": ("auto", "always", "never"),
}


def program() -> NoReturn:
    """What the script `archdsl` runs."""
    main(leave)


def main(leave: Callable[[int], NoReturn] = sys.exit) -> NoReturn:
    """Run the command line and exit with its code; `leave` is how a command exits that keeps nothing open."""
    command: Callable[..., int]
    with _ended_by_interrupt():
        if (arguments := quick_check(sys.argv[1:])) is not None:
            from archdsl.commands.check import check as command
        elif (arguments := quick_fmt(sys.argv[1:])) is not None:
            from archdsl.commands.fmt import fmt as command
        else:
            from archdsl.cli.command_line import run
        from archdsl.commands.guard import guarded
    if arguments is None:
        from archdsl.training.start import is_one_of_many

        code = run()
        # Where Python takes down a process that trained with others, a thread of torch's may abort it at its very end.
        (leave if is_one_of_many() else sys.exit)(code)
    leave(guarded(lambda: command(**arguments)))


@contextmanager
def _ended_by_interrupt() -> Iterator[None]:
    """While modules are read, Ctrl-C ends this program as it ends any other, without a traceback."""
    is_pythons = _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler
    if is_pythons:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    yield
    if is_pythons:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)


def leave(code: int) -> NoReturn:
    """Exit at once: to take down a checked network, value by value, takes a tenth of the time of a small check."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.flush()
    os._exit(code)


def quick_check(words: list[str]) -> dict[str, Any] | None:
    """The arguments of a plain `archdsl check`, or None where typer must read them.

    Whatever is unusual is left to typer: help, an unknown option, a missing value. A test holds that both ways give
    the same arguments.
    """
    if len(words) < 2 or words[0] != "check":
        return None
    files: list[str] = []
    settings: list[str] = []
    arguments: dict[str, Any] = {"files": files, "settings": settings}
    rest = iter(words[1:])
    for word in rest:
        name, equals, value = word.partition("=")
        if word in _FLAGS:
            arguments[_FLAGS[word]] = True
        elif name in _VALUES or name == "--set":
            value = value if equals else next(rest, "")
            if not value or value.startswith("-") or value not in _CHOICES.get(name, (value,)):
                return None
            if name == "--set":
                settings.append(value)
            elif name.startswith("--max-"):
                if not (value.isascii() and value.isdecimal() and value.lstrip("0") and len(value) < 16):
                    return None
                arguments[_VALUES[name]] = int(value)
            else:
                arguments[_VALUES[name]] = value
        elif not word or (word.startswith("-") and word != "-"):
            return None
        else:
            files.append(word)
    return arguments if files else None


def quick_fmt(words: list[str]) -> dict[str, Any] | None:
    """The arguments of a plain `archdsl fmt`, or None where typer must read them; see `quick_check`."""
    if not words or words[0] != "fmt":
        return None
    files = [word for word in words[1:] if word == "-" or not word.startswith("-")]
    options = {word for word in words[1:] if word not in files}
    if not all(words) or not files or not options <= {"--check", "--diff"}:
        return None
    return {"files": files, "check": "--check" in options, "diff": "--diff" in options}


if __name__ == "__main__":
    program()
