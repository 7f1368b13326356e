"""The command line: exit codes, formats, and the two ways of reading `archdsl check`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from archdsl.cli.command_line import ORDER
from archdsl.formats.report import FORMATS

CommandLine: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]

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
    (tmp_path / "nets").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["check", "fine.arch"], 0),
        (["check", "library.arch"], 0),
        (["check", "wrong.arch"], 1),
        (["check", "fine.arch", "wrong.arch"], 1),
        (["check", "missing.arch"], 2),
        (["check", "."], 1),
        (["check", "nets"], 2),
        (["check", "fine.arch", "missing.arch"], 2),
        (["check", "fine.arch", "--input", "3x"], 2),
        (["check", "fine.arch", "--set", "width"], 2),
        (["check", "fine.arch", "--set", "width=3"], 2),
        (["check", "fine.arch", "--set", "width=import"], 2),
        (["check", "library.arch", "--set", "width=3"], 0),
        (["check", "fine.arch", "--format", "xml"], 2),
        (["check", "fine.arch", "--no-such-option"], 2),
        (["check"], 2),
        (["check", "fine.arch", "--watch", "--format", "json"], 2),
        (["check", "-", "--watch"], 2),
        (["check", "fine.arch", "--stdin-filename", "x.arch"], 2),
        (["check", "-", "--fix"], 2),
        (["check", "fine.arch", "--max-layers", "0"], 2),
        (["schema", "diagnostics"], 0),
        (["schema", "recipe"], 0),
        (["schema", "sweep"], 0),
        (["schema", "rates"], 0),
        (["schema", "nothing"], 2),
        ([], 2),
        (["chekc", "fine.arch"], 2),
        (["check", "fine.arch", "--max-layers", "2"], 1),
        (["check", "fine.arch", "--input", "3x2x2"], 1),
        (["explain", "conv"], 0),
        (["explain", "window-too-large"], 0),
        (["explain", "nothing-like-it"], 2),
        (["train", "wrong.arch"], 1),
        (["train", "missing.arch"], 2),
        (["train", "library.arch"], 2),
        (["runs", "nets"], 0),
        (["runs", "missing"], 2),
        (["compare", "nets", "nets"], 2),
        (["report", "nets"], 2),
        (["--version"], 0),
        (["--help"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_exit_codes(told: CommandLine, arguments: list[str], code: int) -> None:
    result = told(*arguments)
    assert result.returncode == code, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout or result.stderr


def test_the_help_has_each_command_in_a_line(folder: Path) -> None:
    listed = archdsl("--help", cwd=folder, COLUMNS="80").stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == [*ORDER]
    assert not [line for line in listed if line.endswith("...")]


def test_a_closed_pipe_is_silent(folder: Path) -> None:
    (folder / "long.arch").write_text(FINE.replace("relu", "relu" + " conv(8, 1) relu" * 10_000))
    for way in ("", "--max-layers 100000"):
        command = f"{sys.executable} -m archdsl check long.arch {way} | head -1; exit ${{PIPESTATUS[0]}}"
        result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=folder)
        assert result.stdout == "long.arch\n"
        assert result.stderr == ""
        assert result.returncode == 141


@pytest.mark.parametrize("way", [">&-", "2>&-", "> /dev/full", "<&-", "> /dev/full 2> /dev/full"])
def test_output_that_goes_nowhere_is_no_traceback(folder: Path, way: str) -> None:
    for file, format in (("fine.arch", "text"), ("wrong.arch", "sarif")):
        command = f"{sys.executable} -m archdsl check {file} --format {format} {way}"
        result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=folder)
        assert result.returncode == (2 if "full" in way else file == "wrong.arch")
        assert "Traceback" not in result.stderr
        if way == "> /dev/full":
            assert result.stderr == "archdsl: the output can't be written: No space left on device\n"


def test_output_needs_no_unicode_terminal(folder: Path) -> None:
    (folder / "comment.arch").write_text("input(3, 8, 8)\ncnov(3, 3) # café ☃\n")
    result = archdsl("check", "comment.arch", cwd=folder, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    assert result.returncode == 1, result.stderr
    assert "\\xe9" in result.stdout


QUICK: list[list[str]] = [
    ["check", "--fix", "a.arch", "--warnings-as-errors", "--trace"],
    ["check", "a.arch"],
    ["check", "a.arch", "b.arch", "-q"],
    ["check", "a.arch", "--quiet", "--format", "json"],
    ["check", "--input", "3x8x8", "a.arch", "--root", ".", "--set", "a=1", "--set=b=(1,2)"],
    ["check", "--input=3x8x8", "a.arch", "--format=text"],
    ["check", "-", "--stdin-filename", "a.arch", "--color", "never", "--watch"],
    ["check", "-", "a.arch", "--color=always", "--max-layers", "007", "--format", "json", "--format", "sarif"],
    *(["check", "a.arch", "--format", format] for format in FORMATS),
]
LEFT_TO_TYPER: list[list[str]] = [
    [],
    ["check"],
    ["check", "--help"],
    ["check", "a.arch", "--format", "xml"],
    ["check", "a.arch", "--input"],
    ["check", "a.arch", "--max-layers", "0"],
    ["check", "a.arch", "--max-layers", "3.5"],
    ["check", "a.arch", "--max-layers", "-3"],
    ["check", "a.arch", "--color", "blue"],
    ["check", "--", "-a.arch"],
    ["check", "-q=3", "a.arch"],
    ["check", "--stdin-filename", "-", "a.arch"],
    ["explain", "conv"],
]


@pytest.mark.parametrize("words", QUICK, ids=" ".join)
def test_the_quick_way_reads_as_typer_does(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The short way past typer gives `check` the same arguments."""
    import inspect

    from archdsl.__main__ import quick_check
    from archdsl.cli import command_line
    from archdsl.commands import check as module

    seen: list[dict[str, Any]] = []
    signature = inspect.signature(module.check)

    def record(*positional: Any, **named: Any) -> int:
        bound = signature.bind(*positional, **named)
        bound.apply_defaults()
        seen.append({name: list(value) if name == "settings" else value for name, value in bound.arguments.items()})
        return 0

    monkeypatch.setattr(module, "check", record)
    assert command_line.run_words(words) == 0
    quick = quick_check(words)
    assert quick is not None
    record(**quick)
    assert seen[0] == seen[1]


def test_the_quick_way_takes_every_option() -> None:
    """A new one is forgotten nowhere."""
    import inspect
    from typing import get_args

    from archdsl import __main__
    from archdsl.cli.networks import Format
    from archdsl.cli.options import Color
    from archdsl.commands.check import check

    taken = {"files", "settings", *__main__._VALUES.values(), *__main__._FLAGS.values()}
    assert taken == set(inspect.signature(check).parameters)
    assert {"--format": FORMATS, "--color": get_args(Color)} == __main__._CHOICES
    assert get_args(Format) == FORMATS


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


def test_wrong_use_is_said_as_all_else(told: CommandLine) -> None:
    for words, line in {
        (
            "check",
            "fine.arch",
            "--qiet",
        ): "no such option: --qiet; did you mean --quiet?\narchdsl: see `archdsl check --help`",
        ("check",): "missing argument 'files'\narchdsl: see `archdsl check --help`",
        ("check", "fine.arch", "--max-layers", "ten"): (
            "invalid value for '--max-layers': a whole number is needed\narchdsl: see `archdsl check --help`"
        ),
        ("chekc", "fine.arch"): "no such command 'chekc'; did you mean 'check'?\narchdsl: see `archdsl --help`",
        ("check", "fine.arch", "--set"): "option '--set' requires an argument\narchdsl: see `archdsl check --help`",
        ("check", ""): "the word behind `check` is empty; is a variable of the shell not set?",
        ("fmt", "--check", ""): "the word behind `--check` is empty; is a variable of the shell not set?",
        ("train", "fine.arch", "--out="): "the value of `--out` is empty; is a variable of the shell not set?",
        ("runs", "fine.arch"): "fine.arch: a file, and no folder",
        ("find-lr", "fine.arch", "-o", "nets"): "-o nets names a folder, not a file",
        ("find-lr", "fine.arch", "-o", "none/lr.html"): "none/lr.html: there is no folder none",
        ("find-lr", "fine.arch", "-o", "lr.png"): "the page is HTML, so -o lr.png must end in .html",
        ("compare", "a", "b", "-o", "a/recipe.yaml"): "a/recipe.yaml: there is no folder a",
        ("compare", "a", "b", "-o", "recipe.yaml"): "the page is HTML, so -o recipe.yaml must end in .html",
        ("train", "fine.arch", "--recipe", "nets"): "nets: a folder, not a file",
        ("schema",): (
            "missing argument 'name'; it is one of diagnostics, lines, cost, evaluation, prediction, runs, "
            "comparison, sweep, rates, recipe\n"
            "archdsl: see `archdsl schema --help`"
        ),
        ("recipe",): "missing command; it is one of explain, show\narchdsl: see `archdsl recipe --help`",
        ("check", "fine.arch", "--set", "width"): "--set takes name=value, not `width`",
    }.items():
        result = told(*words)
        assert result.stderr == f"archdsl: {line}\n"
        assert result.stdout == ""


def test_color_is_for_terminals_and_as_it_is_asked_for(told: CommandLine) -> None:
    plain = {"NO_COLOR": "", "FORCE_COLOR": ""}
    for options, environment, colored in [
        ((), {}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "0"}, False),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ]:
        result = told("check", "wrong.arch", *options, **{**plain, **environment})
        assert ("\x1b[" in result.stdout) == colored, (options, environment)
    for format in FORMATS[1:]:
        assert "\x1b" not in told("check", "wrong.arch", "--color", "always", "--format", format).stdout


def test_on_a_terminal_there_is_color(folder: Path) -> None:
    import pty

    for environment, colored in (({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"NO_COLOR": "1"}, False)):
        outer, inner = pty.openpty()
        subprocess.run(
            [sys.executable, "-m", "archdsl", "check", "wrong.arch"],
            stdout=inner,
            cwd=folder,
            env={**os.environ, "NO_COLOR": "", "FORCE_COLOR": "", **environment},
        )
        os.close(inner)
        assert (b"\x1b[" in os.read(outer, 10_000)) == colored, environment
        os.close(outer)


def test_standard_input_is_a_file_too(folder: Path) -> None:
    def check(text: str, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "archdsl", "check", *options]
        return subprocess.run(command, input=text, capture_output=True, text=True, cwd=folder, timeout=120)

    assert check(FINE, "-", "-q").stdout == "<stdin>: fine, 3x32x32 gives 10\n"
    assert check(WRONG, "-", "--format", "concise").stdout.startswith("<stdin>:2:9: error[window-too-large]")
    assert check("", "-").returncode == 1
    (folder / "nets" / "parts.arch").write_text("block stem { conv(8, 3) relu }\n")
    text = 'import "parts.arch"\ninput(3, 8, 8)\nstem flatten fc(10)\n'
    assert check(text, "-").returncode == 1
    result = check(text, "-q", "fine.arch", "-", "--stdin-filename", "nets/unsaved.arch")
    assert result.stdout.splitlines()[1] == "nets/unsaved.arch: fine, 3x8x8 gives 10"
    assert result.returncode == 0


def test_folders_and_several_files_end_in_a_line_on_all(folder: Path) -> None:
    (folder / "nets" / ".hidden").mkdir()
    (folder / "nets" / ".hidden" / "no.arch").write_text(WRONG)
    (folder / "nets" / "b.arch").write_text(FINE)
    (folder / "nets" / "a.arch").write_text(FINE)
    result = archdsl("check", "-q", "nets", "nets/../nets/b.arch", cwd=folder)
    lines = [f"nets/{name}.arch: fine, 3x32x32 gives 10" for name in "ab"]
    assert result.stdout.splitlines() == [*lines, "2 files: 2 fine"]
    result = archdsl("check", "-q", "nets/a.arch", "wrong.arch", "fien.arch", cwd=folder)
    assert result.returncode == 2
    assert "did you mean `fine.arch`?" in result.stdout
    assert result.stdout.splitlines()[-1] == "3 files: 1 fine, 1 with errors, 1 unreadable"


def test_a_wrong_option_is_said_once(folder: Path) -> None:
    result = archdsl("check", "fine.arch", "wrong.arch", "--input", "3x", cwd=folder)
    assert result.returncode == 2
    assert result.stdout.count("error[") == 1
    assert ".arch" not in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("terminal", [False, True])
def test_watching_checks_again_when_a_file_changes(folder: Path, terminal: bool) -> None:
    """The spec, what it imports, and an editor that takes the file away for a moment; Ctrl-C ends with 130."""
    import pty
    import signal
    import time

    (folder / "parts.arch").write_text("block stem { conv(8, 3) relu }\n")
    spec = folder / "spec.arch"
    spec.write_text('import "parts.arch"\ninput(3, 8, 8)\nstem\n')
    outer, inner = pty.openpty() if terminal else os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "archdsl", "check", "-q", "--watch", "spec.arch"],
        stdout=inner,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        # What runs in the background of a shell ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no thread runs here.
    )
    os.close(inner)
    told = b""

    def wait_for(text: str) -> None:
        nonlocal told
        end = time.monotonic() + 60
        while text.encode() not in told:
            assert time.monotonic() < end, told
            told += os.read(outer, 4096)
        told = told.split(text.encode(), 1)[1]

    try:
        wait_for("fine, 3x8x8 gives 8x6x6")
        (folder / "parts.arch").write_text("block stem { conv(16, 3) relu }\n")
        wait_for("fine, 3x8x8 gives 16x6x6")
        text = spec.read_text()
        spec.unlink()
        time.sleep(0.5)
        spec.write_text(text.replace("8, 8", "9, 9"))
        wait_for("fine, 3x9x9 gives 16x7x7")
        assert b"unreadable" not in told
        spec.unlink()
        wait_for("unreadable-file")
        spec.write_text(text.replace("stem", "stme"))
        wait_for("did you mean `stem`?")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b"archdsl: interrupted\n"
    finally:
        process.kill()
        process.wait()
        os.close(outer)


@pytest.mark.skipif(os.name == "nt", reason="a program there is not ended by a signal")
@pytest.mark.parametrize("module", ["archdsl.cli.command_line", "archdsl.network"])
def test_ctrl_c_while_the_program_is_read_is_no_traceback(module: str) -> None:
    code = (
        "import signal, sys\n"
        "class Finder:\n"
        "    def find_spec(name, *_): signal.raise_signal(signal.SIGINT) if name == sys.argv[1] else None\n"
        "sys.meta_path.insert(0, Finder)\n"
        "from archdsl.__main__ import main\n"
        "main()"
    )
    result = subprocess.run([sys.executable, "-c", code, module], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (-signal.SIGINT, "")


def test_ctrl_c_while_typer_reads_the_words_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    from archdsl.cli import command_line

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("typer.core.TyperGroup.invoke", lambda *_: interrupted())
    with pytest.raises(KeyboardInterrupt):
        command_line.run_words(["runs"])
