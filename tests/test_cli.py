"""The command line: exit codes, formats, and the two ways of reading `archdsl check`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
FINE = "input(3, 32, 32)\nconv(8, 3) relu\nglobal_avgpool flatten fc(10)\n"
WRONG = "input(3, 32, 32)\nconv(8, 64) relu\ncnov(8, 3)\n"


def archdsl(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "archdsl", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        timeout=120,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fine.arch").write_text(FINE)
    (tmp_path / "wrong.arch").write_text(WRONG)
    (tmp_path / "library.arch").write_text("let width = 8\nblock stem { conv(8, 3) relu }\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["check", "fine.arch"], 0),
        (["check", "library.arch"], 0),
        (["check", "wrong.arch"], 1),
        (["check", "fine.arch", "wrong.arch"], 1),
        (["check", "missing.arch"], 2),
        (["check", "."], 2),
        (["check", "fine.arch", "missing.arch"], 2),
        (["check", "fine.arch", "--input", "3x"], 2),
        (["check", "fine.arch", "--set", "width"], 2),
        (["check", "fine.arch", "--set", "width=3"], 2),
        (["check", "fine.arch", "--set", "width=import"], 2),
        (["check", "library.arch", "--set", "width=3"], 0),
        (["check", "fine.arch", "--format", "xml"], 2),
        (["check", "fine.arch", "--no-such-option"], 2),
        (["check"], 2),
        (["chekc", "fine.arch"], 2),
        (["check", "fine.arch", "--max-layers", "2"], 1),
        (["check", "fine.arch", "--input", "3x2x2"], 1),
        (["explain", "conv"], 0),
        (["explain", "window-too-large"], 0),
        (["explain", "nothing-like-it"], 2),
        (["train", "wrong.arch"], 1),
        (["train", "missing.arch"], 2),
        (["train", "library.arch"], 2),
        (["--version"], 0),
        (["--help"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_exit_codes(folder: Path, arguments: list[str], code: int) -> None:
    result = archdsl(*arguments, cwd=folder)
    assert result.returncode == code, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout or result.stderr


def test_json_has_what_is_promised(folder: Path) -> None:
    result = archdsl("check", "fine.arch", "wrong.arch", "--format", "json", cwd=folder)
    report = json.loads(result.stdout)
    assert set(report) == {"diagnostics", "networks"}
    assert report["networks"] == [
        {"file": "fine.arch", "input": [3, 32, 32], "output": [10], "layers": 5, "parameters": 314, "macs": 194480}
    ]
    first, second = report["diagnostics"]
    place = ["file", "line", "column", "end_line", "end_column"]
    assert list(first) == ["code", "severity", "message", *place, "help", "notes", "related"]
    assert [first[key] for key in place] == ["wrong.arch", 2, 9, 2, 11]
    assert first["code"] == "window-too-large"
    assert list(first["related"][0]) == ["message", *place]
    assert [first["related"][0][key] for key in place] == ["wrong.arch", 1, 1, 1, 17]
    assert second["code"] == "unknown-layer"
    assert second["help"] == ["did you mean `conv`?"]


def test_color_is_for_terminals(folder: Path) -> None:
    assert "\x1b" not in archdsl("check", "wrong.arch", cwd=folder).stdout


def test_a_closed_pipe_is_silent(folder: Path) -> None:
    (folder / "long.arch").write_text(FINE.replace("relu", "relu" + " conv(8, 1) relu" * 10_000))
    command = f"{sys.executable} -m archdsl check long.arch | head -1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=folder)
    assert result.stdout == "long.arch\n"
    assert result.stderr == ""


def test_output_needs_no_unicode_terminal(folder: Path) -> None:
    (folder / "comment.arch").write_text("input(3, 8, 8)\ncnov(3, 3) # café ☃\n")
    result = archdsl("check", "comment.arch", cwd=folder, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    assert result.returncode == 1, result.stderr
    assert "\\xe9" in result.stdout


def test_what_a_terminal_would_obey_is_written_out(folder: Path) -> None:
    (folder / "escape.arch").write_bytes(b"input(3, 8, 8)\nrelu # \x1b[31m red\n")
    (folder / "bad\x1b[2Jname.arch").write_text(WRONG)
    for name in ("escape.arch", "bad\x1b[2Jname.arch"):
        result = archdsl("check", name, cwd=folder)
        assert result.returncode == 1
        assert not any(character < " " and character != "\n" for character in result.stdout + result.stderr)


QUICK: list[list[str]] = [
    ["check", "--fix", "a.arch", "--warnings-as-errors"],
    ["check", "a.arch"],
    ["check", "a.arch", "b.arch", "-q"],
    ["check", "a.arch", "--quiet", "--format", "json"],
    ["check", "--input", "3x8x8", "a.arch", "--root", ".", "--set", "a=1", "--set=b=(1,2)"],
    ["check", "--input=3x8x8", "a.arch", "--format=text"],
]
LEFT_TO_TYPER: list[list[str]] = [
    [],
    ["check"],
    ["check", "--help"],
    ["check", "a.arch", "--format", "xml"],
    ["check", "a.arch", "--input"],
    ["check", "a.arch", "--max-layers", "3"],
    ["check", "--", "-a.arch"],
    ["explain", "conv"],
]


@pytest.mark.parametrize("words", QUICK, ids=" ".join)
def test_the_quick_way_reads_as_typer_does(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The short way past typer gives `check` the same arguments."""
    import inspect

    from typer.testing import CliRunner

    from archdsl import cli
    from archdsl.__main__ import quick_check
    from archdsl.commands import check as module

    seen: list[dict[str, Any]] = []
    signature = inspect.signature(module.check)

    def record(*positional: Any, **named: Any) -> int:
        bound = signature.bind(*positional, **named)
        bound.apply_defaults()
        seen.append({name: list(value) if name == "settings" else value for name, value in bound.arguments.items()})
        return 0

    monkeypatch.setattr(module, "check", record)
    result = CliRunner().invoke(cli.app, words)
    assert result.exit_code == 0, result.output
    quick = quick_check(words)
    assert quick is not None
    record(**quick)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("words", LEFT_TO_TYPER, ids=" ".join)
def test_the_unusual_is_left_to_typer(words: list[str]) -> None:
    from archdsl.__main__ import quick_check

    assert quick_check(words) is None


def test_checking_imports_neither_torch_nor_lark_nor_typer(folder: Path) -> None:
    code = (
        "import sys; sys.argv = ['archdsl', 'check', 'wrong.arch']\n"
        "from archdsl.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'torchvision', 'numpy', 'lark', 'typer', 'rich', 'pydantic', 'yaml'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder)
    assert result.stderr == "[]\n"
