"""`archdsl check --fix` and `--warnings-as-errors`: what is written, what is said, and with which exit code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import archdsl
from archdsl.commands.check import check
from archdsl.commands.fix import fix_file
from archdsl.source import Source
from archdsl.syntax.format import formatted

BIASED = "input(3, 8, 8)\nconv(8, 3) batchnorm relu relu\nflatten fc(10)  # allow: softmax-at-end\n"
MENDED = "input(3, 8, 8)\nconv(8, 3, nobias) batchnorm relu relu\nflatten fc(10)\n"


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("spec.arch")
    path.write_bytes(BIASED.encode())
    return path


def test_what_can_be_fixed_is_and_the_rest_is_reported(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check([str(spec)], quiet=True, fix=True) == 0
    assert spec.read_bytes() == MENDED.encode()
    out, err = capsys.readouterr()
    assert err == "spec.arch: 2 findings fixed\n"
    assert out.count("warning[") == out.count("warning[activation-without-effect]") == 1
    assert out.endswith("spec.arch: fine, 1 warning, 3x8x8 gives 10\n")
    assert check([str(spec)], quiet=True, fix=True) == 0
    assert spec.read_bytes() == MENDED.encode()
    assert capsys.readouterr().err == ""


def test_warnings_give_1_only_where_it_is_asked_for(spec: Path) -> None:
    assert check([str(spec)]) == 0
    assert check([str(spec)], warnings_as_errors=True) == 1
    assert check([str(spec)], warnings_as_errors=True, fix=True) == 1
    spec.write_text(MENDED.replace(" relu relu", " relu"))
    assert check([str(spec)], warnings_as_errors=True) == 0
    spec.write_text("input(3) fc(0)")
    assert check([str(spec)], warnings_as_errors=True) == 1
    assert check(["missing.arch"], warnings_as_errors=True, fix=True) == 2


@pytest.mark.parametrize(("mark", "end"), [("\ufeff", "\r\n"), ("", "\r\n"), ("\ufeff", "\n")])
def test_line_ends_and_a_byte_order_mark_stay(spec: Path, mark: str, end: str) -> None:
    spec.write_bytes((mark + BIASED.replace("\n", end)).encode())
    check([str(spec)], fix=True)
    assert spec.read_bytes() == (mark + MENDED.replace("\n", end)).encode()


def test_mixed_line_ends_become_line_feeds(spec: Path) -> None:
    spec.write_bytes(BIASED.replace("\n", "\r\n", 1).encode())
    check([str(spec)], fix=True)
    assert spec.read_bytes() == MENDED.encode()


def test_a_file_that_needs_nothing_is_not_written(spec: Path) -> None:
    spec.write_text(MENDED)
    before = spec.stat()
    check([str(spec)], fix=True)
    after = spec.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_file_that_cannot_be_written_is_left_and_gives_2(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    assert check([str(spec)], fix=True, quiet=True) == 2
    out, err = capsys.readouterr()
    assert err == "archdsl: spec.arch: no space left on device\n"
    assert out.count("warning[") == 3
    assert spec.read_bytes() == BIASED.encode()
    assert os.listdir() == ["spec.arch"]


def test_a_file_that_has_changed_meanwhile_is_left(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = archdsl.check(spec)
    spec.write_text("# Mine.\n" + BIASED)
    checked, written = fix_file(spec, found, archdsl.check)
    assert not written
    assert checked == found
    assert spec.read_text() == "# Mine.\n" + BIASED
    assert capsys.readouterr().err == "archdsl: spec.arch: it has changed meanwhile\n"


def test_only_the_file_itself_is_fixed(spec: Path) -> None:
    blocks = "block unit { conv(8, 3) batchnorm relu }\n"
    Path("blocks.arch").write_text(blocks)
    spec.write_text('import "blocks.arch"\ninput(3, 8, 8)\nunit\n')
    assert check([str(spec)], fix=True, warnings_as_errors=True) == 0
    assert Path("blocks.arch").read_text() == blocks


def test_errors_that_are_sure_are_fixed_too(spec: Path) -> None:
    """Whatever fix an error carries is applied where it leaves fewer errors, or as many."""
    spec.write_text("input(3, 8, 8)\nconv(8, 3)) relu\n")
    found = archdsl.check(spec)
    assert found.errors
    has_fix = any(each.fix for each in found.errors)
    assert check([str(spec)], fix=True) == (0 if has_fix else 1)
    assert (spec.read_text() == "input(3, 8, 8)\nconv(8, 3) relu\n") == has_fix


def test_the_canonical_layout_stays(spec: Path) -> None:
    """A fix that makes a line too long for the layout has it broken; a text laid out otherwise keeps its layout."""
    long = "conv(8, 3, p1) batchnorm " + " ".join(["identity"] * 8) + "\n"
    text = f"input(3, 8, 8)\nconv(8, 3, p1) batchnorm relu\nrepeat(2) {{\n  conv(8, 3, p1) batchnorm relu\n}}\n{long}"
    spec.write_text(text)
    assert formatted(Source("", text))[0] == text
    check([str(spec)], fix=True)
    mended = spec.read_text()
    assert mended.count("nobias") == 3
    assert mended.count("\n") > text.count("\n")
    assert formatted(Source("", mended))[0] == mended
    loose = text.replace("conv(8, 3, p1)", "conv( 8,3,p1 )")
    spec.write_text(loose)
    check([str(spec)], fix=True)
    assert "conv( 8,3,p1, nobias ) batchnorm" in spec.read_text()
