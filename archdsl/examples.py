"""The examples of pages, checked: what each gives is what the check says of it at that moment."""

from __future__ import annotations

import codecs
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from archdsl.api import ArchitectureError, check, load
from archdsl.checker.modules import library
from archdsl.checker.scope import Scope, Value
from archdsl.checker.session import Session
from archdsl.checker.values import NOWHERE, Evaluation
from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.diagnostics.pages import SPEC, Spec
from archdsl.diagnostics.render import render
from archdsl.network import Network
from archdsl.settings import read_range
from archdsl.shapes import OpenInput
from archdsl.source import Source
from archdsl.syntax import nodes
from archdsl.syntax.parse import parse


class Outcome(NamedTuple):
    """What a check says of an example.

    folder: where the example was; messages are shown without it.
    input: the input of a network, where sizes of it are names.
    """

    diagnostics: tuple[Diagnostic, ...]
    network: Network | None
    library: tuple[str, ...] | None
    folder: str
    input: OpenInput | None = None

    def rendered(self, color: bool = False, code: str | None = None) -> str:
        """What was found, as `archdsl check` prints it; with a code, nothing else."""
        shown = [each for each in self.diagnostics if code in (None, each.code)]
        return render(shown, color).replace(self.folder, "")

    def summary(self) -> str:
        """In a line: "fine, 1x28x28 gives 10"."""
        if self.network is not None:
            return f"fine, {self.network.input} gives {self.network.output}"
        if self.input is not None:
            return f"fine, takes {self.input}"
        return f"fine, definitions alone: {', '.join(self.library)}" if self.library else "fine, definitions alone"


def run_example(spec: Spec) -> Outcome:
    """Check a spec of a page in a folder of its own, with its files and options."""
    with TemporaryDirectory(prefix="archdsl-") as name:
        folder = Path(name).resolve()
        for file, text in spec.contents().items():
            data = codecs.escape_decode(text.encode())[0] if "escaped" in spec.ways else text.encode()
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(data)
        prefix = f"{folder}/"
        options = check_options(spec.options)
        if "loaded" in spec.ways:
            try:
                return Outcome((), load(folder / SPEC, **options), None, prefix)
            except ArchitectureError as error:
                return Outcome(error.diagnostics, None, None, prefix)
        asked, wrong_range = read_range(options.get("input"))
        if wrong_range:
            return Outcome(tuple(wrong_range), None, None, prefix)
        if asked is not None:
            options["input"] = str(asked.first)
        checked = check(folder / SPEC, **options)
        input = None if checked.sizes is None else checked.sizes.open
        return Outcome(checked.diagnostics, checked.network, checked.library, prefix, input)


def check_options(words: tuple[str, ...]) -> dict[str, Any]:
    """The arguments of `check` that options of the command line stand for."""
    options: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        value = next(rest)
        if word == "--set":
            name, _, value = value.partition("=")
            options.setdefault("set", {})[name] = value
        else:
            options[word.removeprefix("--").replace("-", "_")] = int(value) if word.startswith("--max-") else value
    return options


def value_of(text: str) -> Value:
    """What a value of a page gives."""
    source = Source("value", f"let value = {text}")
    file, errors = parse(source)
    (let,) = file.statements
    assert isinstance(let, nodes.Let), errors
    session = Session()
    scope = Scope(library(), None, "let", {})
    value = Evaluation(session, scope, NOWHERE).value(let.value)
    assert not session.findings(), render(session.findings())
    return value
