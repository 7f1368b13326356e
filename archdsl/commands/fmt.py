"""`archdsl fmt`: specs in their canonical layout."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from archdsl.commands.output import refuse, refuse_file, wants_color, write, write_exactly
from archdsl.diagnostics.catalog.entry import plural
from archdsl.diagnostics.render import render, unobeyed, visible
from archdsl.exit_codes import EXIT_ERRORS, EXIT_FINE, EXIT_USAGE
from archdsl.reader import MAX_BYTES, STDIN, read_bytes, source_of, spec_files, unreadable
from archdsl.syntax.format import UnfaithfulLayout, formatted
from archdsl.writer import replace_text

FORMATTED, WOULD_BE, FINE, WRONG, FAILED = "formatted", "would be formatted", "fine", "with errors", "failed"
_EXITS = {FORMATTED: EXIT_FINE, WOULD_BE: EXIT_ERRORS, FINE: EXIT_FINE, WRONG: EXIT_ERRORS, FAILED: EXIT_USAGE}


def fmt(files: Sequence[str], *, check: bool = False, diff: bool = False, color: str = "auto") -> int:
    """Lay specs out anew, or tell which would change. What is wrong with a spec goes to standard error.

    Args:
        files: paths; a folder stands for the `.arch` files in it and below it. `-` alone reads standard input and
            writes standard output.
        check: change nothing, and name the files that would change.
        diff: change nothing, and print what would change as a unified diff.
        color: "auto", "always" or "never".

    Returns:
        0 where all is well, 1 where a spec does not parse or, with `check` or `diff`, would change, 2 where a file
        can't be read or written.
    """
    if STDIN in files and len(files) > 1:
        return refuse("`-` stands alone, for standard output takes one spec")
    from_stdin = STDIN in files
    outcomes: Counter[str] = Counter()
    for name in files if from_stdin else spec_files(files):
        outcomes[_format_one(name, check, diff, color)] += 1
    if not from_stdin and not diff:
        told = ", ".join(f"{outcomes[each]} {each}" for each in _EXITS if outcomes[each])
        print(f"{plural(outcomes.total(), 'file')}: {told}")
    return max((_EXITS[each] for each in outcomes), default=EXIT_FINE)


def _format_one(name: str, check: bool, diff: bool, color: str) -> str:
    """Format one file, print what is to be said of it, and return what became of it."""
    from_stdin = name == STDIN
    shown = "<stdin>" if from_stdin else name
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1) if from_stdin else read_bytes(Path(name))
    except (OSError, ValueError) as error:
        print(render(unreadable(Path(shown), error)[1], wants_color(sys.stderr, color)), end="\n\n", file=sys.stderr)
        return FAILED
    source, found = source_of(data, shown)
    try:
        text, found = (None, found) if found else formatted(source)
    except UnfaithfulLayout:
        print(
            f"archdsl: {visible(shown)}: laid out anew, it would not mean the same, so it is left as it is\n"
            "archdsl: this is a mistake in archdsl; please report it, with the file",
            file=sys.stderr,
        )
        return FAILED
    if text is None:
        print(render(found, wants_color(sys.stderr, color)), end="\n\n", file=sys.stderr)
        return WRONG
    changes = data != text.encode("utf-8")
    if diff and changes:
        write_exactly("".join(difference(data.decode("utf-8"), text, shown, color)))
    elif from_stdin and not (check or diff):
        write_exactly(text)
    if not changes:
        return FINE
    if check or diff:
        if not diff:
            write(unobeyed(f"{visible(shown)}: {WOULD_BE}"))
        return WOULD_BE
    if not from_stdin:
        try:
            replace_text(Path(name), text)
        except OSError as error:
            refuse_file(shown, error)
            return FAILED
        write(unobeyed(f"{visible(shown)}: {FORMATTED}"))
    return FORMATTED


def difference(before: str, after: str, name: str, when: str = "auto") -> Iterator[str]:
    """The lines of a unified diff; in color on a terminal, where what can't be seen is written out."""
    from difflib import unified_diff  # Needed by this option alone.

    color, in_terminal = wants_color(sys.stdout, when), sys.stdout.isatty()
    names = (visible(name), visible(name))
    lines = unified_diff(before.splitlines(True), after.splitlines(True), *names)
    for index, line in enumerate(lines):
        body = line.removesuffix("\n")
        shown = visible(body) if in_terminal else body
        paint = (_BOLD if index < 2 else _COLORS.get(line[0], "")) if color else ""
        yield f"{paint}{shown}{_PLAIN if paint else ''}\n"
        if body == line:
            yield "\\ No newline at end of file\n"


_COLORS = {"@": "\x1b[36m", "-": "\x1b[31m", "+": "\x1b[32m"}
_BOLD, _PLAIN = "\x1b[1m", "\x1b[m"
