"""`archdsl fmt`: what it prints, what it writes, and how it exits."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archdsl.commands import fmt as module
from archdsl.commands.fmt import fmt
from archdsl.syntax.format import UnfaithfulLayout
from archdsl.writer import replace_text

BEFORE = "input(3,8,8)   # ünï\nrelu\n"
AFTER = "input(3, 8, 8)  # ünï\nrelu\n"
WRONG = "input(3, 8, 8\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "fine.arch").write_text(AFTER, encoding="utf-8")
    (tmp_path / "loose.arch").write_text(BEFORE, encoding="utf-8")
    (tmp_path / "wrong.arch").write_text(WRONG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def archdsl(*arguments: str, cwd: Path, text: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "archdsl", *arguments],
        capture_output=True,
        input=text,
        cwd=cwd,
        env={**os.environ, **environment},
        timeout=120,
    )


def read(name: str) -> str:
    return Path(name).read_bytes().decode("utf-8")


def test_a_file_is_laid_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fmt(["loose.arch", "fine.arch"]) == 0
    assert capsys.readouterr() == ("loose.arch: formatted\n2 files: 1 formatted, 1 fine\n", "")
    assert read("loose.arch") == AFTER
    assert fmt(["loose.arch", "fine.arch"]) == 0
    assert capsys.readouterr().out == "2 files: 2 fine\n"
    assert sorted(os.listdir()) == ["fine.arch", "loose.arch", "wrong.arch"]


def test_what_is_in_its_layout_is_not_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(module, "replace_text", refuse)
    assert fmt(["fine.arch"]) == 0


def test_a_folder_and_a_spec_that_does_not_parse(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fmt(["."]) == 1
    output, errors = capsys.readouterr()
    assert output == "loose.arch: formatted\n3 files: 1 formatted, 1 fine, 1 with errors\n"
    assert errors.startswith("error[unclosed]: `(` is never closed\n --> wrong.arch:1:6\n")
    assert read("wrong.arch") == WRONG


def test_check_names_the_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fmt(["fine.arch"], check=True) == 0
    assert fmt(["fine.arch", "loose.arch"], check=True) == 1
    output = capsys.readouterr().out
    assert output == "1 file: 1 fine\nloose.arch: would be formatted\n2 files: 1 would be formatted, 1 fine\n"
    assert read("loose.arch") == BEFORE


def test_diff_is_one_that_patch_takes(folder: Path) -> None:
    Path("tail.arch").write_bytes(b"relu")
    Path("crlf.arch").write_bytes(b"\xef\xbb\xbfrelu\r\n\r\n\r\ntanh\r\n")
    Path("empty.arch").write_bytes(b" \n")
    result = archdsl("fmt", "--diff", "loose.arch", "fine.arch", "tail.arch", "crlf.arch", "empty.arch", cwd=folder)
    assert result.returncode == 1
    assert result.stderr == b""
    assert result.stdout.startswith(
        "--- loose.arch\n+++ loose.arch\n@@ -1,2 +1,2 @@\n"
        "-input(3,8,8)   # ünï\n+input(3, 8, 8)  # ünï\n relu\n--- tail.arch\n".encode()
    )
    assert b"-relu\n\\ No newline at end of file\n+relu\n" in result.stdout
    assert read("loose.arch") == BEFORE
    patched = subprocess.run(["git", "apply", "-p0"], input=result.stdout, capture_output=True, cwd=folder)
    assert patched.returncode == 0, patched.stderr
    assert read("loose.arch") == AFTER
    assert fmt(["loose.arch", "tail.arch", "crlf.arch", "empty.arch"], check=True) == 0


def test_a_diff_in_a_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    lines = list(module.difference("relu\r\n- x", "relu\n", "a\x1b.arch"))
    assert lines == [
        "\x1b[1m--- a\\x1b.arch\x1b[m\n",
        "\x1b[1m+++ a\\x1b.arch\x1b[m\n",
        "\x1b[36m@@ -1,2 +1 @@\x1b[m\n",
        "\x1b[31m-relu\\r\x1b[m\n",
        "\x1b[31m-- x\x1b[m\n",
        "\\ No newline at end of file\n",
        "\x1b[32m+relu\x1b[m\n",
    ]


def test_standard_input_to_output(folder: Path) -> None:
    result = archdsl("fmt", "-", cwd=folder, text=BEFORE.encode(), PYTHONIOENCODING="ascii")
    assert (result.returncode, result.stdout, result.stderr) == (0, AFTER.encode(), b"")
    result = archdsl("fmt", "-", cwd=folder, text=b"\xef\xbb\xbfrelu\r\ntanh")
    assert (result.returncode, result.stdout) == (0, b"relu\ntanh\n")


def test_standard_input_that_is_wrong(folder: Path) -> None:
    result = archdsl("fmt", "-", cwd=folder, text=WRONG.encode())
    assert (result.returncode, result.stdout) == (1, b"")
    assert b" --> <stdin>:1:6\n" in result.stderr
    result = archdsl("fmt", "-", cwd=folder, text=b"relu \xff")
    assert (result.returncode, result.stdout) == (1, b"")
    assert b"error[not-utf-8]" in result.stderr


def test_standard_input_with_check_and_diff(folder: Path) -> None:
    result = archdsl("fmt", "-", "--check", cwd=folder, text=BEFORE.encode())
    assert (result.returncode, result.stdout) == (1, b"<stdin>: would be formatted\n")
    result = archdsl("fmt", "-", "--check", cwd=folder, text=AFTER.encode())
    assert (result.returncode, result.stdout) == (0, b"")
    result = archdsl("fmt", "-", "--diff", cwd=folder, text=BEFORE.encode())
    assert result.returncode == 1
    assert result.stdout.startswith(b"--- <stdin>\n+++ <stdin>\n")


def test_standard_input_stands_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fmt(["-", "loose.arch"]) == 2
    assert capsys.readouterr().err == "archdsl: `-` stands alone, for standard output takes one spec\n"
    assert read("loose.arch") == BEFORE


def test_files_that_cannot_be_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "empty").mkdir()
    assert fmt(["missing.arch", "empty", "loose.arch", "bad\x1b.arch"]) == 2
    output, errors = capsys.readouterr()
    said = [
        "missing.arch can't be read: no such file or directory",
        "empty can't be read: a folder without `.arch` files",
        "bad\\x1b.arch can't be read: no such file or directory",
    ]
    assert [line for line in errors.splitlines() if line.startswith("error")] == [
        f"error[unreadable-file]: {each}" for each in said
    ]
    assert output == "loose.arch: formatted\n4 files: 1 formatted, 3 failed\n"


def test_control_characters_in_names_are_written_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "loose.arch").rename("a\x1b[2J\n.arch")
    assert fmt(["a\x1b[2J\n.arch"]) == 0
    assert capsys.readouterr().out == "a\\x1b[2J\\n.arch: formatted\n1 file: 1 formatted\n"


def test_a_file_keeps_its_mode_and_its_links(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    target = folder / "elsewhere" / "real.arch"
    target.write_text(BEFORE, encoding="utf-8")
    target.chmod(0o640)
    Path("link.arch").symlink_to("elsewhere/real.arch")
    assert fmt(["link.arch"]) == 0
    assert Path("link.arch").is_symlink()
    assert target.read_text(encoding="utf-8") == AFTER
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert os.listdir("elsewhere") == ["real.arch"]


@pytest.mark.parametrize("step", ["replace", "fsync", "chmod"])
def test_what_fails_leaves_the_old_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], step: str
) -> None:
    def fail(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, fail)
    assert fmt(["loose.arch", "fine.arch"]) == 2
    monkeypatch.undo()
    output, errors = capsys.readouterr()
    assert errors == "archdsl: loose.arch: no space left on device\n"
    assert output == "2 files: 1 fine, 1 failed\n"
    assert (folder / "loose.arch").read_text(encoding="utf-8") == BEFORE
    assert sorted(os.listdir(folder)) == ["fine.arch", "loose.arch", "wrong.arch"]


def test_an_interruption_leaves_the_old_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fmt(["loose.arch"])
    assert read("loose.arch") == BEFORE
    assert sorted(os.listdir()) == ["fine.arch", "loose.arch", "wrong.arch"]


def test_a_file_of_another_is_not_overwritten(folder: Path) -> None:
    """The name of the unfinished file is taken: nobody's file is lost."""
    taken = Path(f".archdsl-{os.getpid()}.unfinished")
    taken.write_text("mine")
    with pytest.raises(FileExistsError):
        replace_text(Path("loose.arch"), AFTER)
    assert taken.read_text() == "mine"
    assert read("loose.arch") == BEFORE


def test_a_read_only_file_is_left_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Root may write everything, so what the system says is said for it.
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    assert fmt(["loose.arch"]) == 2
    assert capsys.readouterr().err == "archdsl: loose.arch: the file is read-only\n"
    assert read("loose.arch") == BEFORE


def test_a_mistake_of_ours_loses_no_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unfaithful(source: Any) -> None:
        raise UnfaithfulLayout(source.name)

    monkeypatch.setattr(module, "formatted", unfaithful)
    assert fmt(["loose.arch"]) == 2
    output, errors = capsys.readouterr()
    assert output == "1 file: 1 failed\n"
    assert errors.startswith("archdsl: loose.arch: laid out anew, it would not mean the same, so it is left as it is\n")
    assert read("loose.arch") == BEFORE


QUICK = [
    ["fmt", "a.arch"],
    ["fmt", "--check", "a.arch", "b"],
    ["fmt", "-", "--diff"],
    ["fmt", "a", "--diff", "--check"],
]
LEFT_TO_TYPER = [[], ["fmt"], ["fmt", "--check"], ["fmt", "--help"], ["fmt", "a", "--chekc"], ["fmt", "--", "-a"]]


@pytest.mark.parametrize("words", QUICK, ids=" ".join)
def test_the_quick_way_reads_as_typer_does(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from archdsl.__main__ import quick_fmt
    from archdsl.cli import command_line

    seen: list[dict[str, Any]] = []

    def record(files: list[str], *, check: bool, diff: bool, color: str) -> int:
        assert color == "auto"
        seen.append({"files": files, "check": check, "diff": diff})
        return 0

    monkeypatch.setattr(module, "fmt", record)
    assert command_line.run_words(words) == 0
    assert seen == [quick_fmt(words)]


@pytest.mark.parametrize("words", LEFT_TO_TYPER, ids=" ".join)
def test_the_unusual_is_left_to_typer(words: list[str]) -> None:
    from archdsl.__main__ import quick_fmt

    assert quick_fmt(words) is None


def test_exit_codes_of_the_command(told: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    for arguments, code in (
        (["fmt", "fine.arch", "--check"], 0),
        (["fmt", "loose.arch", "--check"], 1),
        (["fmt", "wrong.arch"], 1),
        (["fmt", "missing.arch"], 2),
        (["fmt", "--no-such-option", "fine.arch"], 2),
        (["fmt"], 2),
    ):
        result = told(*arguments)
        assert result.returncode == code, arguments
        assert "Traceback" not in result.stderr


def test_formatting_imports_neither_torch_nor_lark_nor_typer(folder: Path) -> None:
    code = (
        "import sys; sys.argv = ['archdsl', 'fmt', 'loose.arch']\n"
        "from archdsl.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'lark', 'typer', 'rich', 'pydantic', 'yaml', 'difflib'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder)
    assert result.stderr == "[]\n"


def test_a_diff_is_in_color_where_it_is_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fmt(["loose.arch"], diff=True, color="always")
    assert "\x1b[31m-" in capsys.readouterr().out
    fmt(["loose.arch"], diff=True)
    assert "\x1b[" not in capsys.readouterr().out
