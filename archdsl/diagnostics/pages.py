"""A page on one thing, as a docstring holds it: a summary, an explanation, examples.

    The summary, in one line.

    What is to be known, in paragraphs.

    Example, with --set width=3:
        let width = 4
        input(1, 28, 28)
        conv(width, 64)

    Mended:
        input(1, 28, 28)
        conv(4, 5)

`Example:` begins an example, and `Mended:` says how it is mended; under `Values:` stand values to be computed, each on
a line. What follows a comma says more of the text below:

    with --set width=3      options of the command line, which hold for this text alone
    blocks.arch             a file beside the spec; with `Mended`, instead of the one in the example
    1.arch ... 9.arch       several files, the numbers in them counted up
    escaped                 the text has escapes as Python's bytes have, `\\x07`
    missing                 there is no such file
    loaded                  a network is wanted of it, as `archdsl train` does

A line `...` stands for the lines between its neighbours, the numbers in them counted up as on a blackboard. A `Mended`
without a text has that of the example.
"""

from __future__ import annotations

import re
import shlex
from inspect import cleandoc
from typing import NamedTuple

SPEC = "spec.arch"
"""How messages call the spec of an example."""

_HEADER = re.compile(r"(Example|Mended|Values)(?:, (.+))?:")
_NUMBER = re.compile(r"\d+")


class Spec(NamedTuple):
    """A spec as an example shows it, with what goes with it.

    text: as it is shown; `full` has its `...` filled in.
    files: further files beside it, each with its text as it is shown.
    options: options of the command line.
    ways: "escaped", "missing", "loaded".
    """

    text: str
    files: tuple[tuple[str, str], ...] = ()
    options: tuple[str, ...] = ()
    ways: frozenset[str] = frozenset()

    @property
    def is_plain(self) -> bool:
        """Whether the text that is shown is the whole of it."""
        return self == Spec(self.text) and self.text == filled(self.text)

    def contents(self) -> dict[str, str]:
        """The text of each file, in full, the spec's included."""
        named = [] if "missing" in self.ways else [(SPEC, self.text)]
        return {
            name: filled(text)
            for names, pattern in (*named, *self.files)
            for name, text in zip(filled_names(names), patterns(names, pattern), strict=True)
        }


class Example(NamedTuple):
    """A spec, and where it is wrong the same mended."""

    spec: Spec
    mended: Spec | None


class Page(NamedTuple):
    """What is told of one thing; `explanation` and the rest may be empty."""

    summary: str
    explanation: str
    examples: tuple[Example, ...]
    values: tuple[str, ...]


def read_page(docstring: str) -> Page:
    """The page that a docstring holds."""
    prose: list[str] = []
    sections: list[tuple[str, str, list[str]]] = []
    for line in cleandoc(docstring).splitlines():
        header = _HEADER.fullmatch(line)
        if header:
            sections.append((header[1], header[2] or "", []))
        elif sections and (line.startswith("    ") or not line):
            sections[-1][2].append(line)
        else:
            assert not sections, f"stands behind the examples: {line}"
            prose.append(line)
    summary, _, explanation = "\n".join(prose).strip().partition("\n")
    examples: list[Example] = []
    values: tuple[str, ...] = ()
    for kind, details, lines in sections:
        text = cleandoc("\n" + "\n".join(lines))
        if kind == "Values":
            values = tuple(text.splitlines())
        elif is_file(details):
            examples[-1] = with_file(examples[-1], kind, details, text)
        elif kind == "Example":
            examples.append(Example(spec_of(text, details), None))
        else:
            wrong = examples[-1].spec
            text = text or wrong.text
            examples[-1] = Example(wrong, spec_of(text, details)._replace(files=wrong.files))
    return Page(summary, explanation.strip(), tuple(examples), values)


def spec_of(text: str, details: str) -> Spec:
    """A text with what its header says of it."""
    if details.startswith("with "):
        return Spec(text, options=tuple(shlex.split(details.removeprefix("with "))))
    ways = frozenset(details.split(", ")) if details else frozenset[str]()
    assert ways <= {"escaped", "missing", "loaded"}, details
    return Spec(text, ways=ways)


def is_file(details: str) -> bool:
    return details.endswith(".arch") and not details.startswith("with ")


def with_file(example: Example, kind: str, name: str, text: str) -> Example:
    """The example with one more file; the mended spec has those of the example but where it has its own."""
    if kind == "Example":
        return example._replace(spec=example.spec._replace(files=(*example.spec.files, (name, text))))
    mended = example.mended or example.spec
    files = {**dict(mended.files), name: text}
    return example._replace(mended=mended._replace(files=tuple(files.items())))


# `...`


def filled(text: str) -> str:
    """The text with each line `...` replaced by the lines that it stands for."""
    lines = text.splitlines()
    result: list[str] = []
    for index, line in enumerate(lines):
        if line.strip() == "..." and 0 < index < len(lines) - 1:
            result += counted(lines[index - 1], lines[index + 1])[1:-1]
        else:
            result.append(line)
    return "\n".join(result) + "\n" if result else ""


def counted(first: str, last: str) -> list[str]:
    """The texts from the first to the last: the numbers that differ between them grow by 1 each time."""
    starts, ends = ([int(number) for number in _NUMBER.findall(text)] for text in (first, last))
    assert _NUMBER.sub("#", first) == _NUMBER.sub("#", last), (first, last)
    steps = {end - start for start, end in zip(starts, ends, strict=True)} - {0}
    assert len(steps) == 1, (first, last)
    return [moved(first, starts, ends, step) for step in range(steps.pop() + 1)]


def moved(text: str, starts: list[int], ends: list[int], step: int) -> str:
    """The text with each number that grows so many steps larger."""
    numbers = iter(zip(starts, ends, strict=True))

    def larger(_: re.Match[str]) -> str:
        start, end = next(numbers)
        return str(start if start == end else start + step)

    return _NUMBER.sub(larger, text)


def filled_names(names: str) -> list[str]:
    """The files that a header names: "blocks.arch", or "1.arch ... 9.arch"."""
    first, dots, last = names.partition(" ... ")
    return counted(first, last) if dots else [names]


def patterns(names: str, text: str) -> list[str]:
    """The text of each of the files: the number of the first, where it stands in the text, becomes that of the file."""
    first, *others = filled_names(names)
    if not others:
        return [text]
    number = _NUMBER.search(first)
    assert number is not None, names
    whole = re.compile(rf"(?<!\d){number[0]}(?!\d)")
    return [whole.sub(str(int(number[0]) + step), text) for step in range(len(others) + 1)]
