"""`archdsl check --watch`: check again whenever a file changes.

The files' times are looked at several times a second, which costs a few system calls a file. `watchfiles` would be told
of changes by the system, but is a compiled dependency for what a person can't tell apart, and is told of nothing on
network disks and in containers.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from archdsl.checker.check import Checked
from archdsl.commands.check import Request, printed
from archdsl.diagnostics.catalog.entry import plural
from archdsl.reader import read_source, spec_files

INTERVAL = 0.2
"""Seconds between two looks."""

PATIENCE = 5
"""Looks that a file may be missing for: editors take a file away for a moment before they put the new one there."""

_CLEAR = "\x1b[2J\x1b[H"

Stamps: TypeAlias = dict[str, "tuple[int, int, int] | None"]
"""When each file was written, its size and its number on the disk; None where it is not there."""


def watch(request: Request) -> int:
    """Check, and check again whenever a file changes, until Ctrl-C, which is the only way out."""
    is_screen = sys.stdout is not None and sys.stdout.isatty() and request.format != "jsonl"
    while True:
        if is_screen:
            print(end=_CLEAR, flush=True)
        before = stamps(spec_files(request.files))
        imports: dict[str, str | None] = {}
        for result in printed(request):
            imports |= imported_by(result.checked)
        before |= stamps(imports.keys() - before.keys())
        if any(text_of(path) != text for path, text in imports.items()):
            continue  # It was written while the check ran, and its stamp is that of what was not read.
        if is_screen:
            print(f"\nwatching {plural(len(before), 'file')}; Ctrl-C ends", flush=True)
        wait_for_change(request, before)
        if not is_screen and request.format == "text":
            print(flush=True)


def wait_for_change(request: Request, before: Stamps) -> None:
    """Wait until a file differs and has come to rest: what is written in two steps is checked once."""
    missing = {path for path, stamp in before.items() if stamp is None}
    looks_at_missing = 0
    last = before
    while True:
        time.sleep(INTERVAL)
        now = stamps({*spec_files(request.files), *before})
        if now == before:
            last, looks_at_missing = before, 0
            continue
        is_gone = any(stamp is None for path, stamp in now.items() if path not in missing)
        looks_at_missing += is_gone
        if now == last and (not is_gone or looks_at_missing > PATIENCE):
            return
        last = now


def stamps(paths: Iterable[str]) -> Stamps:
    """What tells whether a file is still the same."""
    found: Stamps = {}
    for path in paths:
        try:
            status = os.stat(path)
            found[path] = (status.st_mtime_ns, status.st_size, status.st_ino)
        except (OSError, ValueError):
            found[path] = None
    return found


def imported_by(checked: Checked) -> dict[str, str | None]:
    """The text of each file that a spec imports; None for those that are not there yet."""
    imports: dict[str, str | None] = {str(each.path): each.text for each in checked.imports if each.path is not None}
    for diagnostic in checked.diagnostics:
        source = diagnostic.primary.span.source
        if diagnostic.code == "import-unreadable":
            folder = Path() if source.path is None else source.path.parent
            imports[str(folder / diagnostic.primary.span.text.partition('"')[2].removesuffix('"'))] = None
    return imports


def text_of(path: str) -> str | None:
    try:
        return read_source(Path(path))[0].text
    except (OSError, ValueError):
        return None
