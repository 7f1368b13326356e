"""Imports over links, and checks in several threads: what the literate cases can't set up."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

import archdsl

BLOCK = "block b { relu }\n"
SPEC = 'import "blocks.arch"\ninput(3)\nb\n'


def codes(path: Path, root: Path | None = None) -> list[str]:
    return [each.code for each in archdsl.check(path, root=root).diagnostics]


def test_a_link_out_of_the_root_is_refused(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "blocks.arch").write_text(BLOCK)
    (inside / "blocks.arch").symlink_to(outside / "blocks.arch")
    (inside / "spec.arch").write_text(SPEC)
    assert codes(inside / "spec.arch") == ["import-outside-root"]
    assert codes(inside / "spec.arch", root=tmp_path) == []


def test_a_spec_that_is_a_link_imports_from_the_folder_in_which_it_is_named(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (there / "spec.arch").write_text(SPEC)
    (here / "spec.arch").symlink_to(there / "spec.arch")
    (here / "blocks.arch").write_text(BLOCK)
    assert codes(here / "spec.arch") == []
    assert codes(there / "spec.arch") == ["import-unreadable"]


def test_a_folder_that_is_a_link_is_followed(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "spec.arch").write_text(SPEC)
    (real / "blocks.arch").write_text(BLOCK)
    (tmp_path / "link").symlink_to(real)
    assert codes(tmp_path / "link" / "spec.arch") == []


@pytest.mark.parametrize("kind", ["circle", "fifo", "unreadable", "too long"])
def test_what_is_no_file_is_an_error(tmp_path: Path, kind: str) -> None:
    blocks = tmp_path / "blocks.arch"
    text = SPEC
    if kind == "circle":
        blocks.symlink_to("blocks.arch")
    elif kind == "fifo":
        os.mkfifo(blocks)
    elif kind == "unreadable":
        blocks.write_bytes(b"\xff\xfe")
    else:
        text = SPEC.replace("blocks", "b" * 5_000)
    (tmp_path / "spec.arch").write_text(text)
    assert codes(tmp_path / "spec.arch") == ["not-utf-8" if kind == "unreadable" else "import-unreadable"]


def test_checks_in_several_threads_leave_the_recursion_limit_as_it_was() -> None:
    text = "input(3) " + "if true { " * 90 + "relu" + "}" * 90
    before = sys.getrecursionlimit()
    results: list[bool] = []

    def many() -> None:
        results.extend(archdsl.check(text).network is not None for _ in range(30))

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 120
    assert sys.getrecursionlimit() == before
