"""The way into the command line. A plain `archdsl check` goes by a short way, for typer alone costs more than it."""

from __future__ import annotations

import sys
from typing import Any

_QUICK_OPTIONS = {"--input": "input", "--root": "root", "--format": "format", "--set": "settings"}
_FORMATS = ("text", "json")


def main() -> None:
    """Run the command line and exit with its code."""
    arguments = quick_check(sys.argv[1:])
    if arguments is None:
        from archdsl.cli import run

        sys.exit(run())
    from archdsl.commands.check import check
    from archdsl.commands.guard import guarded

    sys.exit(guarded(lambda: check(**arguments)))


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
        if word in ("--quiet", "-q"):
            arguments["quiet"] = True
        elif name in _QUICK_OPTIONS:
            value = value if equals else next(rest, "")
            if not value or value.startswith("-"):
                return None
            if name == "--set":
                settings.append(value)
            elif name == "--format" and value not in _FORMATS:
                return None
            else:
                arguments[_QUICK_OPTIONS[name]] = value
        elif word.startswith("-"):
            return None
        else:
            files.append(word)
    return arguments if files else None


if __name__ == "__main__":
    main()
