"""The command line: typer reads the words, and the command that they ask for is run when it is done."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
import typer.core

from archdsl.cli import networks, runs, training
from archdsl.cli.options import Command
from archdsl.commands.guard import guarded
from archdsl.diagnostics.render import visible
from archdsl.exit_codes import EXIT_FINE, EXIT_INTERRUPTED, EXIT_USAGE
from archdsl.training.start import told_by_first, wait_for_first

ORDER = (
    *("check", "fmt", "explain", "show", "diagram", "diff"),
    *("train", "data", "recipe", "find-lr", "sweep"),
    *("eval", "predict", "runs", "compare", "report"),
    *("export", "from-torch", "weights", "schema"),
)
"""The commands as the help lists them: in the order of work."""


class InOrder(typer.core.TyperGroup):
    """The commands in the order of work; typer would put those that have commands of their own last."""

    def list_commands(self, ctx: object) -> list[str]:
        return sorted(self.commands, key=ORDER.index)


app = typer.Typer(
    name="archdsl",
    cls=InOrder,
    help="Networks as text: shapes checked before a run, plain PyTorch behind.",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for part in (networks, training, runs):
    app.add_typer(part.commands)


def print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"archdsl {version('archdsl')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Networks as text: shapes checked before a run, plain PyTorch behind."""


def run() -> int:
    """Run the command line of this process; returns the exit code."""
    return guarded(lambda: run_words(sys.argv[1:]))


def run_words(words: list[str]) -> int:
    """Read the words of a command line and run what they ask for; without any, show the help."""
    if (empty := empty_word(words)) is not None:
        with told_by_first():
            print(f"archdsl: {visible(empty)}; is a variable of the shell not set?", file=sys.stderr)
        wait_for_first()
        return EXIT_USAGE
    try:
        command: Command | int | None = app(words or ["--help"], prog_name="archdsl", standalone_mode=False)
    except typer.TyperException as error:
        where = getattr(getattr(error, "ctx", None), "command_path", "archdsl")
        if where == "archdsl" and words[0] in command_names():
            where += f" {words[0]}"  # Of an option without its value typer does not tell the command.
        with told_by_first():
            print(f"archdsl: {visible(in_our_words(error))}\narchdsl: see `{where} --help`", file=sys.stderr)
        wait_for_first()
        return EXIT_USAGE
    if callable(command):
        return command()
    if command == EXIT_INTERRUPTED:
        raise KeyboardInterrupt  # Which typer makes a number of.
    return EXIT_FINE if words else EXIT_USAGE


def empty_word(words: list[str]) -> str | None:
    """Which word of a command line is empty, or has an empty value, if one is.

    Nothing that is empty is meant, and taken for a path it would be this folder.
    """
    for before, word in zip(["archdsl", *words], words, strict=False):
        option, equals, value = word.partition("=")
        if not word and before != "--call":
            return f"the word behind `{before}` is empty"
        if option.startswith("--") and option != "--call" and equals and not value:
            return f"the value of `{option}` is empty"
    return None


def command_names() -> set[str]:
    """The commands, as they are called on the command line."""
    return set(typer.main.get_group(app).commands)


_OUR_WORDS = (
    ("Value error, ", ""),
    ("Input should be a valid integer, unable to parse string as an integer", "a whole number is needed"),
    ("Input should be a valid number, unable to parse string as a number", "a number is needed"),
    ("Input should be", "it must be"),
    (". Did you mean", "; did you mean"),
    (". Choose from:\n\t", "; it is one of "),
    (",\n\t", ", "),
)


def in_our_words(error: typer.TyperException) -> str:
    """What typer and pydantic say of wrong use, in the manner of all other messages."""
    near = getattr(error, "possibilities", None)
    message = f"{error.message}; did you mean {near[0]}?" if near else error.format_message()
    group = getattr(getattr(error, "ctx", None), "command", None)
    if message.startswith("Missing command") and isinstance(group, typer.core.TyperGroup):
        message = (
            f"missing command; {'it is one of' if len(group.commands) > 1 else 'it is'} {', '.join(group.commands)}"
        )
    for theirs, ours in _OUR_WORDS:
        message = message.replace(theirs, ours)
    return (message[:1].lower() + message[1:]).removesuffix(".")
