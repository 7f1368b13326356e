"""The wheel and the editable install both carry the grammar, the library and the command."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PROBE = """
import archdsl, archdsl.syntax.parse as parse
from archdsl.syntax.parse import Tables, grammar_path, load_tables
print(archdsl.__file__)
print(grammar_path().read_text(encoding="utf-8").count("statement"))
checked = archdsl.check("input(3, 32, 32) vgg_block(1, 8)")
print(checked.network.output)
assert "lark" not in __import__("sys").modules
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


def test_the_wheel_carries_grammar_library_and_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {"archdsl/syntax/archdsl.lark", "archdsl/syntax/tables.json", "archdsl/py.typed"}
    wanted |= {f"archdsl/library/{path.name}" for path in (ROOT / "archdsl" / "library").glob("*.arch")}
    assert wanted <= names
    assert not any(name.startswith(("tests/", "specs/")) for name in names)


def test_an_installed_wheel_finds_its_grammar(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    result = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n{PROBE}"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    file, count, output = result.stdout.splitlines()
    assert Path(file).is_relative_to(tmp_path)
    assert int(count) > 1
    assert output == "8x16x16"


def test_an_editable_install_finds_its_grammar(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-P", "-c", PROBE], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert Path(result.stdout.splitlines()[0]).is_relative_to(ROOT)


def test_the_command_is_installed(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("archdsl")
    result = subprocess.run([command, "--version"], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert result.stdout.startswith("archdsl ")
