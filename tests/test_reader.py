"""Which files are meant, and how they are read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from archdsl.reader import read_source, read_spec, spec_files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b.arch", "a.arch", "notes.txt", "nets/z.arch", "nets/deep/y.arch", ".hidden/x.arch"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("relu\n")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_stands_for_its_specs(folder: Path) -> None:
    everything = ["a.arch", "b.arch", "nets/z.arch", "nets/deep/y.arch"]
    assert spec_files(["."]) == everything
    assert spec_files([str(folder)]) == [str(folder / name) for name in everything]
    assert spec_files(["nets", "b.arch"]) == ["nets/z.arch", "nets/deep/y.arch", "b.arch"]
    assert spec_files(["nets/"]) == ["nets/z.arch", "nets/deep/y.arch"]


def test_no_path_comes_twice(folder: Path) -> None:
    assert spec_files(["b.arch", ".", "b.arch"]) == ["b.arch", "a.arch", "nets/z.arch", "nets/deep/y.arch"]


def test_what_is_no_folder_stays_as_it_is(folder: Path) -> None:
    assert spec_files(["missing.arch", "notes.txt", "-"]) == ["missing.arch", "notes.txt", "-"]


def test_a_hidden_folder_is_read_where_it_is_named(folder: Path) -> None:
    assert spec_files([".hidden"]) == [".hidden/x.arch"]


def test_links_to_folders_are_not_followed(folder: Path) -> None:
    (folder / "nets" / "circle").symlink_to(folder)
    assert spec_files(["nets"]) == ["nets/z.arch", "nets/deep/y.arch"]


def test_a_folder_without_specs_is_an_error_when_it_is_read(folder: Path) -> None:
    assert spec_files(["empty"]) == ["empty"]
    with pytest.raises(OSError, match=r"^a folder without `\.arch` files$"):
        read_source(Path("empty"))
    with pytest.raises(OSError, match=r"^a folder, not a file$"):
        read_source(Path("nets"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_an_error_when_it_is_read(folder: Path) -> None:
    (folder / "nets" / "deep").chmod(0)
    try:
        assert spec_files(["nets"]) == ["nets/z.arch", "nets/deep"]
        with pytest.raises(PermissionError):
            read_source(Path("nets/deep"))
    finally:
        (folder / "nets" / "deep").chmod(0o700)


def test_a_link_that_leads_nowhere_is_not_what_was_meant(tmp_path: Path) -> None:
    (tmp_path / "broken.arch").symlink_to("nowhere")
    (tmp_path / "cr.arch").touch()
    for name in ("broken.arch", "-x.arch", "-"):
        assert read_spec(tmp_path / name)[1][0].help == ()
    assert read_spec(tmp_path / "crr.arch")[1][0].help == (f"did you mean `{tmp_path / 'cr.arch'}`?",)
