"""Specs at a revision of git: their texts, and those of what they import, as they were then."""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path

from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.diagnostics.render import visible
from archdsl.reader import source_of
from archdsl.source import Files, Source


class GitError(Exception):
    """Git can't give what is asked for. Its text is what git says, in a line."""


def read_at(spec: Path, revision: str) -> tuple[Source, list[Diagnostic]]:
    """The text of a spec at a revision, as a source whose imports are read from there too.

    It is called REVISION:PATH, as git calls it. Raises GitError where there is no such revision, or no such file in it.
    """
    path = spec.resolve()
    if path.is_dir():
        raise GitError(f"{visible(str(spec))} is a folder, not a file")
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    if revision.startswith("-"):
        raise GitError(f"`{visible(revision)}` is no revision")
    top = Path(_git(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n"))
    try:
        commit = _git(top, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    except GitError:
        raise GitError(f"there is no revision `{visible(revision)}`") from None

    def text_at(name: str) -> bytes:
        try:
            # Not `git show`, which would run what the repository's attributes name for showing.
            return _git(top, "cat-file", "blob", f"{commit}:{name}")
        except GitError as error:
            raise GitError(str(error).replace(commit, visible(revision))) from None

    def read(wanted: Path) -> bytes:
        if not wanted.is_relative_to(top):
            raise FileNotFoundError(errno.ENOENT, "not in the repository")
        try:
            return text_at(wanted.relative_to(top).as_posix())
        except GitError as error:
            raise FileNotFoundError(errno.ENOENT, str(error)) from None

    if not path.is_relative_to(top):
        raise GitError(f"{visible(str(spec))}: not in the repository")
    name = path.relative_to(top).as_posix()
    source, found = source_of(text_at(name), f"{revision}:{spec}", path)
    source.files = Files(read)
    return source, found


def _git(folder: Path, *arguments: str) -> bytes:
    """What git prints. Raises GitError with the last line of its complaint."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True)
    except FileNotFoundError:
        raise GitError("git is not installed, or not on the PATH") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise GitError(visible((said or ["it failed"])[0].removeprefix("fatal: ")))
    return done.stdout
