"""The literate cases of `tests/cases`: text in and text out. A heading is a case, and holds code blocks:

    ```arch                       the spec. Words after `arch` are options: --input, --set, --root, --max-layers,
                                  --trace;
                                  `escaped` (escapes as in Python), `times=9` (the text nine times over),
                                  `missing` (the file is not there), `load` (what `archdsl.load` raises)
    ```arch lib/blocks.arch       another file of the case
    ```text                       the rendered diagnostics, whole. ARCHDSL_REWRITE=1 writes what they are now
    ```keys                       the keys of the built network's state dict

At the end of a line of a spec stands what is expected of it. Every error must be expected, with its code, and in
`lint.md` every warning too; elsewhere warnings are beside the point:

    conv(256, 64)  # error: [window-too-large] "64" - at most 26; [another-code]
    conv(96, 11, s4)  # gives 96x54x54
    fc(10) softmax  # warning: [softmax-at-end] "softmax"

In quotes stand the characters at fault; after the dash, words of the message, the help or the notes.
"""

from __future__ import annotations

import codecs
import os
import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest
import torch

import archdsl
from archdsl.diagnostics.catalog import CATALOG
from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.diagnostics.render import render
from archdsl.network import Leaf, Network

CASES = Path(__file__).parent / "cases"
REWRITE = bool(os.environ.get("ARCHDSL_REWRITE"))

_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXPECTED = re.compile(r"# (?:error|warning): (.*)$|# gives (\S+)$", re.MULTILINE)
WITH_WARNINGS = CASES / "lint.md"
_ERROR = re.compile(r'\[([a-z0-9-]+)\](?: "([^"]*)")?(?: - (.*))?')


Error: TypeAlias = tuple[str, str | None, str | None]


class Block(NamedTuple):
    """A code block of a case. `start` and `end` are where its text stands in the Markdown."""

    kind: str
    options: list[str]
    text: str
    start: int
    end: int


class Case(NamedTuple):
    path: Path
    title: str
    blocks: list[Block]


def read_cases() -> list[Case]:
    cases = []
    for path in sorted(CASES.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        # Comments of a spec begin like headings.
        outside = _FENCE.sub(lambda match: " " * len(match.group()), text)
        headings = list(re.finditer(r"^#+ (.*)$", outside, re.MULTILINE))
        for heading, after in zip(headings, [*headings[1:], None], strict=True):
            found = _FENCE.finditer(text, heading.end(), after.start() if after else len(text))
            blocks = [Block(m[1], shlex.split(m[2]), m[3], m.start(3), m.end(3)) for m in found]
            if blocks:
                cases.append(Case(path, heading[1], blocks))
    return cases


ALL = read_cases()


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.path.relative_to(CASES).with_suffix('')}: {case.title}")
def test_case(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    specs = {
        "spec.arch" if not is_file(block) else block.options[0]: block for block in case.blocks if block.kind == "arch"
    }
    for name, block in specs.items():
        if "missing" not in block.options:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_bytes(contents(block))
    network, found = check(specs["spec.arch"])
    if case.path != WITH_WARNINGS:
        found = tuple(each for each in found if each.severity == "error")
    expected = [(name, line, *error) for name, block in specs.items() for line, error in errors_of(block)]
    rendered = [block for block in case.blocks if block.kind == "text"]
    if expected or not rendered:
        compare_errors(expected, found)
    for block in rendered:
        compare_rendering(case, block, render(found) + "\n")
    if network is not None:
        compare_shapes(network, specs["spec.arch"])
        model = built_and_run(network)
        for block in case.blocks:
            if block.kind == "keys":
                assert list(model.state_dict()) == block.text.split()


def is_file(block: Block) -> bool:
    return bool(block.options) and block.options[0].endswith(".arch")


def contents(block: Block) -> bytes:
    times = next((int(each.partition("=")[2]) for each in block.options if each.startswith("times=")), 1)
    if "escaped" in block.options:
        return codecs.escape_decode(block.text.rstrip("\n").encode())[0] * times  # type: ignore[no-any-return]
    return block.text.encode() * times


def check(spec: Block) -> tuple[Network | None, tuple[Diagnostic, ...]]:
    """Check the spec in the current folder with the options of its block."""
    options: dict[str, Any] = {}
    words = iter(spec.options)
    for word in words:
        if word == "--set":
            name, _, value = next(words).partition("=")
            options.setdefault("set", {})[name] = value
        elif word == "--trace":
            options["trace"] = True
        elif word.startswith("--"):
            value = next(words)
            options[word[2:].replace("-", "_")] = int(value) if word.startswith("--max-") else value
    if "load" in spec.options:
        try:
            return archdsl.load("spec.arch", **options), ()
        except archdsl.ArchitectureError as error:
            return None, error.diagnostics
    checked = archdsl.check(Path("spec.arch"), **options)
    return checked.network, checked.diagnostics


def errors_of(block: Block) -> list[tuple[int, Error]]:
    """What a spec expects: each line with an error, its code, the characters at fault and words of the message."""
    errors = []
    for match in _EXPECTED.finditer(block.text):
        for text in match[1].split("; ") if match[1] else ():
            error = _ERROR.fullmatch(text.strip())
            assert error, text
            errors.append((block.text.count("\n", 0, match.start()) + 1, (error[1], error[2], error[3])))
    return errors


def compare_errors(expected: list[tuple[str, int, str, str | None, str | None]], found: tuple[Diagnostic, ...]) -> None:
    """Exactly what is expected was found."""
    places = [(span.source.name, span.source.position(span.start)[0]) for span in (d.primary.span for d in found)]
    assert sorted((*place, d.code) for place, d in zip(places, found, strict=True)) == sorted(
        (name, line, code) for name, line, code, _, _ in expected
    ), render(found)
    for name, line, code, characters, words in expected:
        here = [d for place, d in zip(places, found, strict=True) if (*place, d.code) == (name, line, code)]
        assert characters is None or characters in [d.primary.span.text for d in here], render(here)
        assert words is None or any(words in said(d) for d in here), render(here)


def said(diagnostic: Diagnostic) -> str:
    """All that a finding says, without the line of the text, for that is where the test says what is expected."""
    labels = [label.message for label in (diagnostic.primary, *diagnostic.related)]
    return " ".join([diagnostic.message, *labels, *diagnostic.notes, *diagnostic.help])


def compare_rendering(case: Case, block: Block, rendering: str) -> None:
    """The rendering is that of the case; to rewrite, the file is read anew, for earlier blocks may have grown."""
    if REWRITE and block.text != rendering:
        index = case.blocks.index(block)
        now = next(each for each in read_cases() if each[:2] == case[:2]).blocks[index]
        text = case.path.read_text(encoding="utf-8")
        case.path.write_text(text[: now.start] + rendering + text[now.end :], encoding="utf-8")
    else:
        assert rendering == block.text


def compare_shapes(network: Network, spec: Block) -> None:
    """The last node that stands on a line, of those that stand in no other, gives what the line says."""
    outputs: dict[int, tuple[int, int, str]] = {}
    for place in network.walk():
        node = place.node
        span = node.span if isinstance(node, Leaf) or node.call is None else node.call.span
        if span.source is network.root.span.source:
            line = span.source.position(span.end)[0]
            rank = (-len(place.keys), span.start)
            if line not in outputs or rank >= outputs[line][:2]:
                outputs[line] = (*rank, str(node.output))
    for match in _EXPECTED.finditer(spec.text):
        if match[2]:
            line = spec.text.count("\n", 0, match.start()) + 1
            assert outputs[line][2] == match[2], line


def built_and_run(network: Network) -> torch.nn.Module:
    """Build the network without memory for its weights, and hold its output shape against ours."""
    with torch.device("meta"):
        model = archdsl.build(network).eval()
        assert tuple(model(torch.empty(2, *network.input)).shape) == (2, *network.output)
    assert sum(each.numel() for each in model.parameters()) == network.cost.parameters + network.head_cost.parameters
    return model


def test_every_code_has_a_case() -> None:
    cases = "".join(path.read_text(encoding="utf-8") for path in CASES.rglob("*.md"))
    limits = "".join(
        (Path(__file__).parent / name).read_text(encoding="utf-8")
        for name in ("test_limits.py", "test_lint.py", "test_check_sizes.py")
    )
    for code in CATALOG:
        assert f"[{code}]" in cases or f'"{code}"' in limits, code
