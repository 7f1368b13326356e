"""What the documents show is run: networks are checked and built, commands give the output that is printed."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

import archdsl
from archdsl.backends.pytorch import build
from archdsl.layers import LAYERS
from archdsl.network import Leaf
from archdsl.reference import example_network, with_words

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "grammar/README.md",
]
FRAGMENT_INPUT = "input(3, 64, 64) "


class Example(NamedTuple):
    """A fenced block: its language, its text, and where it stands."""

    language: str
    text: str
    document: Path
    line: int

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


def examples(*languages: str) -> list[Example]:
    found = []
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for match in re.finditer(r"^```([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, match.start()) + 1
            found.append(Example(match[1], match[2], document, line))
    return [each for each in found if each.language in languages]


def test_every_block_has_a_language_that_is_tested() -> None:
    known = {"arch", "arch fragment", "console", "python", "sh", "text", "mermaid", "yaml"}
    for document in DOCUMENTS:
        fences = re.findall(r"^```(.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(fences[::2]) <= known, document


@pytest.mark.parametrize("example", examples("arch", "arch fragment"), ids=str)
def test_networks_in_the_documents_are_as_they_say(example: Example) -> None:
    """Each is fine, or has the errors and warnings that comments on its lines name; what is fine is built and run."""
    text = (FRAGMENT_INPUT if example.language.endswith("fragment") else "") + example.text
    expected = [
        (number, code)
        for number, line in enumerate(text.splitlines(), 1)
        for code in re.findall(r"# (?:error|warning): \[([a-z0-9-]+)\]", line)
    ]
    checked = archdsl.check(text)
    found = [(each.primary.span.source.position(each.primary.span.start)[0], each.code) for each in checked.diagnostics]
    assert found == expected
    if checked.network is not None:
        run_on_meta(checked.network)


def run_on_meta(network: archdsl.Network) -> torch.nn.Sequential:
    """Build the network without memory for it, and hold its output and parameters against what was computed."""
    with torch.device("meta"):
        model = build(network).eval()
        output = model(torch.empty(2, *network.input))
    assert tuple(output.shape) == (2, *network.output)
    heads = sum(p.numel() for m in model.modules() if type(m).__name__ == "Aux" for p in m.parameters())
    assert sum(p.numel() for p in model.parameters()) - heads == network.cost.parameters
    return model


@pytest.mark.parametrize("word", LAYERS)
def test_the_example_of_each_word_is_what_torch_says(word: str) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    network = example_network(LAYERS[word].example)
    model = run_on_meta(network)
    counter = FlopCounterMode(display=False)
    with torch.device("meta"), counter:
        model(torch.empty(1, *network.input))
    assert counter.get_total_flops() == 2 * network.cost.macs
    assert any(isinstance(place.node, Leaf) for place in network.walk())


def test_the_reference_has_the_words_as_they_are() -> None:
    page = (ROOT / "grammar" / "README.md").read_text(encoding="utf-8")
    assert page == with_words(page), "run `make reference`"
    for word in LAYERS:
        assert f"\n### {word}\n" in page


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a fresh checkout has it, to run commands in."""
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


def run(command: str) -> tuple[int, str]:
    """Run `archdsl ...` or `cat FILE` in this process: its exit code and what it prints."""
    from archdsl.__main__ import main

    words = shlex.split(command)
    output = io.StringIO()
    if words[0] == "cat":
        return 0, Path(words[1]).read_text(encoding="utf-8")
    assert words[0] == "archdsl", command
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        patch.setattr("sys.argv", words)
        with pytest.raises(SystemExit) as end:
            main()
    return int(end.value.code or 0), output.getvalue()


@pytest.mark.parametrize("example", examples("console"), ids=str)
def test_commands_in_the_documents_print_what_is_shown(example: Example, workplace: Path) -> None:
    """`$ command` is run; what follows is its output, where `...` stands for any lines, and `# exit N` for its code."""
    for part in re.split(r"^\$ ", example.text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        command, _, expected_exit = command.partition("  # exit ")
        if match := re.fullmatch(r"cat (\S+)", command):
            target = workplace / match[1]
            if not target.exists():
                target.write_text(shown, encoding="utf-8")
        code, output = run(command)
        assert code == int(expected_exit or 0), output
        lines = shown.strip().splitlines()
        pattern = "".join(r"(?:.*\n)*" if line == "..." else re.escape(line) + r"\n" for line in lines)
        assert re.fullmatch(pattern, output.strip() + "\n"), output


@pytest.mark.parametrize("example", examples("python"), ids=str)
def test_python_in_the_documents_runs(example: Example, workplace: Path) -> None:
    for library in ("lightning", "accelerate"):
        if re.search(rf"^(import|from) {library}\b", example.text, re.MULTILINE):
            pytest.importorskip(library)
    code = compile(example.text, str(example), "exec")
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, {"__name__": "__main__"})


def shell_commands() -> list[str]:
    lines = [line.split("#")[0].strip() for example in examples("sh") for line in example.text.splitlines()]
    return [line for line in lines if line]


def test_make_has_the_targets_that_the_documents_name() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = [command.split()[1] for command in shell_commands() if command.startswith("make ")]
    assert {"train", "test"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_other_shell_commands_are_known() -> None:
    for command in shell_commands():
        assert command.startswith(("make ", "archdsl train ", "archdsl export ", ".venv/bin/python benchmarks/")), (
            command
        )
        if command.startswith(".venv/bin/python"):
            assert (ROOT / command.split()[1]).exists()


@pytest.mark.slow
@pytest.mark.parametrize("command", [each for each in shell_commands() if each.startswith("archdsl train ")])
def test_training_commands_of_the_documents_run(command: str, workplace: Path) -> None:
    """Each is run as it stands, but on a handful of images."""
    words = shlex.split(command)
    if "fashion-mnist" in words:
        command += f" --data-dir {real_data()}"
    if any(word.startswith("folder:") for word in words):
        draw_pictures(workplace / "pictures")
    command = re.sub(r" --(epochs|limit-train) \S+", "", command)
    code, output = run(f"{command} --epochs 1 --batch-size 4 --limit-train 8 --limit-test 20")
    assert code == 0, output
    assert "test accuracy" in output


@pytest.mark.slow
@pytest.mark.parametrize("command", [each for each in shell_commands() if each.startswith("archdsl export ")])
def test_exporting_commands_of_the_documents_run(command: str, workplace: Path) -> None:
    code, output = run(command)
    assert code == 0, output
    assert (workplace / shlex.split(command)[shlex.split(command).index("-o") + 1]).exists()


def real_data() -> Path:
    for folder in (os.environ.get("ARCHDSL_DATA"), ROOT.parent / "shared" / "data"):
        if folder and (Path(folder) / "FashionMNIST" / "raw").is_dir():
            return Path(folder)
    pytest.skip("needs the real Fashion-MNIST: set ARCHDSL_DATA")


def draw_pictures(folder: Path) -> None:
    """Ten classes of a few noisy pictures each."""
    from PIL import Image

    for label in range(10):
        (folder / f"class{label}").mkdir(parents=True)
        for index in range(6):
            pixels = torch.randint(0, 256, (32, 32), dtype=torch.uint8).numpy()
            Image.fromarray(pixels, "L").save(folder / f"class{label}" / f"{index}.png")


def test_the_public_names_are_documented() -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^#+ `archdsl\.(\w+)", page, re.MULTILINE))
    assert documented == set(archdsl.__all__)
    for name in archdsl.__all__:
        assert (getattr(archdsl, name).__doc__ or "").strip(), name


def test_the_hooks_are_those_of_the_document(workplace: Path) -> None:
    """Each hook of `.pre-commit-hooks.yaml` is shown, and its command runs on the specs that it is for."""
    import yaml

    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    shown = next(
        yaml.safe_load(block)
        for block in re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        if block.startswith("repos:")
    )["repos"][0]["hooks"]
    assert [{key: value for key, value in hook.items() if key != "description"} for hook in hooks] == shown
    for hook in hooks:
        assert re.search(hook["files"], "specs/lenet.arch")
        assert run(f"{hook['entry']} specs/lenet.arch specs/vgg.arch")[0] == 0


@pytest.mark.parametrize("page", ["docs/promises.md", "ARCHITECTURE.md"])
def test_the_tests_that_a_page_names_are_there(page: str) -> None:
    named = set(re.findall(r"`(tests/[\w./]+)`", (ROOT / page).read_text(encoding="utf-8")))
    assert len(named) > 10
    assert not [name for name in named if not (ROOT / name).exists()]
