"""Who may import whom: the absences that ARCHITECTURE.md promises, each held here."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "archdsl"


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def imported(path: Path) -> set[str]:
    """The modules that a file imports."""
    names: set[str] = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def who_imports(package: str) -> set[str]:
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in files()
        if any(name == package or name.startswith(package + ".") for name in imported(path))
    }


def test_lark_is_imported_by_the_parser_alone() -> None:
    assert who_imports("lark") == {"syntax/parse.py"}


READERS_OF_MODULES = {
    f"from_torch/{name}.py" for name in ("convert", "functions", "leaves", "load", "places", "trace", "verify")
}
"""What reads a torch module, to write its spec; the rest of that room needs no torch."""


def test_torch_is_imported_by_its_backend_and_by_training_alone() -> None:
    for path in who_imports("torch") | who_imports("torchvision"):
        allowed = path.startswith(("backends/pytorch", "training/", "weights/tensors.py"))
        allowed = allowed or path in READERS_OF_MODULES
        # A type checker's import is none at run time.
        assert allowed or path == "api.py", path


def test_typer_is_imported_by_the_command_line_alone() -> None:
    assert {Path(path).parent.name for path in who_imports("typer")} == {"cli"}


ABOVE = ("archdsl.training", "archdsl.runs", "archdsl.recipe", "archdsl.commands", "archdsl.cli", "archdsl.api")
ABOVE_RECIPES = tuple(name for name in ABOVE if name != "archdsl.recipe")


@pytest.mark.parametrize(
    ("room", "may_not_know"),
    [
        ("layers", ("archdsl.source", "archdsl.syntax", "archdsl.checker", "archdsl.diagnostics", "archdsl.network")),
        ("syntax", ("archdsl.layers", "archdsl.checker", "archdsl.network", "archdsl.shapes")),
        ("diagnostics", ("archdsl.checker", "archdsl.syntax", "archdsl.layers", "archdsl.network")),
        ("source", ("archdsl",)),
        ("shapes", ("archdsl",)),
        ("formula", ("archdsl",)),
        ("input_sizes", ("archdsl.checker", "archdsl.syntax", "archdsl.diagnostics", "archdsl.source")),
        ("network", ("archdsl.checker", "archdsl.syntax", "archdsl.diagnostics")),
        ("checker", ("archdsl.lint", "archdsl.backends", "archdsl.formats", "archdsl.fixes", *ABOVE)),
        ("lint", ("archdsl.backends", "archdsl.formats", "archdsl.fixes", *ABOVE)),
        ("fixes", ("archdsl.lint", "archdsl.backends", "archdsl.formats", "archdsl.reader", "archdsl.writer", *ABOVE)),
        ("writer", ("archdsl",)),
        ("reader", ("archdsl.checker", "archdsl.syntax", "archdsl.lint", "archdsl.formats", *ABOVE)),
        ("settings", ("archdsl.lint", "archdsl.backends", "archdsl.formats", *ABOVE)),
        ("topics", ("archdsl",)),
        ("examples", ("archdsl.commands", "archdsl.training", "archdsl.formats", "archdsl.cli")),
        ("reference", ("archdsl.commands", "archdsl.training", "archdsl.formats", "archdsl.cli")),
        ("formats", ("archdsl.commands", "archdsl.api", "archdsl.training", "archdsl.syntax", "archdsl.cli")),
        ("diagram", ("archdsl.checker", "archdsl.syntax", "archdsl.lint", "archdsl.formats", *ABOVE)),
        ("backends", ("archdsl.checker", "archdsl.syntax", "archdsl.lint", "archdsl.formats", *ABOVE)),
        ("cost", ("archdsl.checker", "archdsl.syntax", "archdsl.diagnostics", "archdsl.backends", *ABOVE)),
        ("compare", ("archdsl.checker", "archdsl.syntax", "archdsl.lint", "archdsl.formats", *ABOVE)),
        ("weights", ("archdsl.checker", "archdsl.syntax", "archdsl.lint", "archdsl.formats", *ABOVE)),
        ("recipe", ("archdsl.network", "archdsl.weights", "archdsl.formats", "archdsl.checker", *ABOVE_RECIPES)),
        ("errors", ("archdsl.diagnostics", "archdsl.checker", *ABOVE)),
        ("runs", ("archdsl.checker", "archdsl.commands", "archdsl.formats", "archdsl.cli", "archdsl.training")),
        ("from_torch", ("archdsl.commands", "archdsl.training", "archdsl.formats", "archdsl.lint", "archdsl.cli")),
        ("python_source", ("archdsl.lint", "archdsl.backends", "archdsl.formats", *ABOVE)),
        ("training", ("archdsl.commands", "archdsl.checker", "archdsl.syntax", "archdsl.cli")),
        ("api", ("archdsl.commands", "archdsl.training", "archdsl.formats", "archdsl.cli")),
        ("commands", ("archdsl.cli",)),
    ],
)
def test_imports_point_one_way(room: str, may_not_know: tuple[str, ...]) -> None:
    paths = list((PACKAGE / room).rglob("*.py")) or [PACKAGE / f"{room}.py"]
    for path in paths:
        for name in imported(path):
            assert not any(name == other or name.startswith(other + ".") for other in may_not_know), (path, name)


def test_every_room_stands_in_the_table_of_rooms() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = [path for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"]
    for room in rooms:
        assert f"`{room.name}/`" in text, room
    deep = [room for room in rooms if room.name in ("checker", "syntax", "lint")]
    for path in [each for folder in (PACKAGE, *deep) for each in folder.glob("*.py")]:
        assert path.name in ("__init__.py", "nodes.py") or f"`{path.name}`" in text, path
    paths = [
        path.as_posix() for folder in (PACKAGE, ROOT / "tests", ROOT / "benchmarks") for path in folder.rglob("*.py")
    ]
    for name in re.findall(r"`([\w/]+\.py)`", text):
        assert any(path.endswith(f"/{name}") for path in paths), name


def test_only_the_edges_print_and_read() -> None:
    allowed = {
        "reader.py",
        "writer.py",
        "reference.py",
        "examples.py",
        "cli/command_line.py",
        "__main__.py",
        "syntax/parse.py",
        "checker/modules.py",
        "weights/files.py",
        "recipe/page.py",
        "recipe/read.py",
        "runs/folder.py",
    }
    for path in files():
        name = path.relative_to(PACKAGE).as_posix()
        if name in allowed or name.startswith(("commands/", "training/")):
            continue
        for node in nodes_of(path):
            called = node.func if isinstance(node, ast.Call) else None
            name_called = getattr(called, "id", getattr(called, "attr", ""))
            assert name_called not in ("print", "open", "read_text", "write_text", "read_bytes"), (name, node.lineno)


def test_nothing_evaluates_text_as_code() -> None:
    for path in files():
        for node in nodes_of(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile", "__import__"), path
        # `from-torch` runs the Python that the user names on the command line; nothing that a file says is so named.
        by_name = set() if path == PACKAGE / "from_torch" / "load.py" else {"importlib"}
        assert not {"pickle", "marshal", "shelve", "dill", *by_name} & imported(path), path


@pytest.fixture(scope="module")
def python_without_torch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python environment that has what archdsl needs but for torch and torchvision."""
    folder = tmp_path_factory.mktemp("without-torch")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    packages = next((folder / "lib").glob("python*")) / "site-packages"
    (packages / "archdsl.pth").write_text(f"{ROOT}\n")
    for name in needed_by("filelock", "lark", "pyyaml", "typer", "rich", "pydantic"):
        for file in distribution(name).files or []:
            top = file.parts[0]
            source = Path(str(distribution(name).locate_file(top)))
            if top not in ("..", "__pycache__") and source.exists() and not (packages / top).exists():
                (packages / top).symlink_to(source)
    return folder / "bin" / "python"


def needed_by(*names: str) -> set[str]:
    """The distributions with all that they need."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for requirement in distribution(name).requires or []:
            if ";" not in requirement:
                match = re.match(r"[A-Za-z0-9._-]+", requirement)
                assert match
                waiting.append(match.group())
    return found


def run(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=120)


@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "archdsl", "check", "specs/googlenet.arch"),
        ("-m", "archdsl", "check", "specs/googlenet.arch", "--format", "json"),
        ("-m", "archdsl", "check", "specs/alexnet.arch", "--max-layers", "1000"),  # The way through typer.
        ("-m", "archdsl", "fmt", "--check", "specs"),
        ("-m", "archdsl", "explain", "conv"),
        ("-m", "archdsl", "diagram", "specs/googlenet.arch", "--format", "html"),
        ("-m", "archdsl", "show", "specs/googlenet.arch", "--batch", "32", "--fits", "8GB"),
        ("-m", "archdsl", "show", "specs/lenet.arch", "--format", "json"),
        ("-m", "archdsl", "diff", "specs/vgg.arch", "specs/vgg.arch"),
        ("-m", "archdsl", "--help"),
        ("-m", "archdsl", "train", "--help"),
        ("-m", "archdsl", "sweep", "--help"),
        ("-m", "archdsl", "eval", "--help"),
        ("-m", "archdsl", "recipe", "show", "specs/lenet.arch"),
        ("-m", "archdsl", "export", "specs/googlenet.arch", "--to", "python"),
        ("-c", "import archdsl.runs.folder; print('read without torch')"),
        ("-c", "import archdsl; print(archdsl.summary(archdsl.load('specs/alexnet.arch')))"),
    ],
)
def test_runs_where_torch_is_not_installed(python_without_torch: Path, arguments: tuple[str, ...]) -> None:
    result = run(python_without_torch, *arguments)
    assert result.returncode == 0, result.stderr
    assert result.stdout


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with its weights, which were not trained."""
    import archdsl
    from archdsl.recipe.recipe import Recipe
    from archdsl.runs.folder import ENVIRONMENT, RECIPE, WEIGHTS, RunFolder
    from archdsl.training.subject import Subject
    from archdsl.weights.tensors import save_weights

    run = RunFolder(tmp_path_factory.mktemp("trained"))
    checked = archdsl.check(ROOT / "specs" / "lenet.arch")
    assert checked.network is not None
    origin = Subject(checked.network, checked.source).origin()
    run.write_spec(origin)
    run.write_json(ENVIRONMENT, {})
    (run.path / RECIPE).write_text(Recipe().to_yaml())
    save_weights(run.path / WEIGHTS, archdsl.build(checked.network), origin)
    return run.path


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "specs/lenet.arch"),
        ("sweep", "specs/lenet.arch", "--over", "seed=1,2", "--quiet"),
        ("find-lr", "specs/lenet.arch", "--format", "json"),
        ("data", "show"),
        ("eval", "RUN"),
        ("predict", "RUN", "picture.png"),
        ("report", "RUN", "--device", "cpu"),
        ("export", "specs/lenet.arch", "-o", "RUN/net.onnx"),
        ("from-torch", "module:Net", "--input", "3x32x32"),
        ("weights", "load", "specs/lenet.arch", "RUN/net.pt", "-o", "RUN/net.safetensors"),
    ],
)
def test_what_needs_torch_says_so_in_a_line(
    python_without_torch: Path, trained_run: Path, arguments: tuple[str, ...]
) -> None:
    words = [word.replace("RUN", str(trained_run)) for word in arguments]
    result = run(python_without_torch, "-m", "archdsl", *words)
    assert result.returncode == 2
    lines = [line for line in result.stderr.splitlines() if not line.startswith("recipe: ")]
    assert lines == ["archdsl: this needs torch, which is not installed; `pip install torch torchvision` installs it"]


def test_a_report_leaves_out_what_needs_torch(python_without_torch: Path, trained_run: Path) -> None:
    result = run(python_without_torch, "-m", "archdsl", "report", str(trained_run))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith(
        "could not be evaluated: this needs torch, which is not installed; `pip install "
        "torch torchvision` installs it\n"
    )


def test_the_environment_without_torch_has_none(python_without_torch: Path) -> None:
    """The test above could not fail if torch were found there after all."""
    result = run(python_without_torch, "-c", "import archdsl; archdsl.build('specs/lenet.arch')")
    assert result.returncode == 1
    assert "No module named 'torch'" in result.stderr


SLOW_TO_IMPORT = """
    argparse ast asyncio concurrent csv ctypes dataclasses datetime decimal difflib dis email fractions hashlib http
    importlib.metadata importlib.resources inspect logging multiprocessing pickle platform pprint pydantic random rich
    shutil signal socket ssl statistics string subprocess tempfile textwrap threading tokenize traceback typer
    typing_extensions unittest urllib.request yaml zipfile lark numpy torch torchvision
""".split()  # noqa: SIM905 - as a list it would take a page.
"""What a cold check of a right spec can do without; most of them take longer to import than a small spec to check."""


@pytest.mark.parametrize("arguments", [["check", "specs/googlenet.arch"], ["check", "--quiet", "specs/lenet.arch"]])
def test_a_check_imports_nothing_slow(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "before = set(sys.modules)  # What Python itself and an editable install need.\n"
        f"sys.argv = ['archdsl', *{arguments!r}]\n"
        "from archdsl.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*(name for name in sys.modules if name not in before), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    loaded = set(result.stderr.split())
    assert "archdsl.checker.check" in loaded
    assert not loaded & set(SLOW_TO_IMPORT)
