"""`archdsl check --fix`: the fixes of a spec's findings, written to its file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from archdsl.checker.check import Checked
from archdsl.commands.output import refuse_file
from archdsl.diagnostics.catalog.entry import plural
from archdsl.diagnostics.render import visible
from archdsl.fixes import fixed
from archdsl.reader import normalized, read_bytes
from archdsl.source import Source
from archdsl.syntax.format import UnfaithfulLayout, formatted
from archdsl.writer import replace_text


def fix_file(path: Path, found: Checked, check: Callable[[Source], Checked]) -> tuple[Checked, bool]:
    """Mend what can be mended of what was found in a file, write it, and say on standard error how much it was.

    A spec in the canonical layout stays in it, and any other layout is left alone. A byte order mark and CRLF stay as
    they are; a file that has both kinds of line ends gets line feeds.

    Returns:
        The check of what is in the file then, and whether all went well; where the file can't be written it is as it
        was, which is said too.
    """
    checked, mended = fixed(found, check)
    if not mended:
        return found, True
    try:
        old = read_bytes(path).decode("utf-8")
        if normalized(old) != found.source.text:
            raise OSError("it has changed meanwhile")
        text = laid_out_like(found.source, checked.source)
        if text != checked.source.text:
            checked = check(Source(found.source.name, text, found.source.path))
        replace_text(path, as_in(old, text))
    except (OSError, UnicodeDecodeError) as error:
        refuse_file(found.source.name, error)
        return found, False
    print(f"{visible(found.source.name)}: {plural(mended, 'finding')} fixed", file=sys.stderr)
    return checked, True


def laid_out_like(old: Source, new: Source) -> str:
    """The new text, in the canonical layout where the old one was in it."""
    with suppress(UnfaithfulLayout):
        if formatted(old)[0] == old.text:
            return formatted(new)[0] or new.text
    return new.text


def as_in(old: str, text: str) -> str:
    """The text with the byte order mark and the line ends of the old one."""
    if old.count("\n") == old.count("\r\n"):
        text = text.replace("\n", "\r\n")
    return "\ufeff" + text if old.startswith("\ufeff") else text
