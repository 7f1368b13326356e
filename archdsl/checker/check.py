"""File to Network: names, values, shapes and costs, all decided without torch."""

from __future__ import annotations

from collections.abc import Sequence as Many
from typing import TYPE_CHECKING, NamedTuple

from archdsl.checker.expand_file import Expanded
from archdsl.checker.scope import Module
from archdsl.checker.session import Options, interpreter_for_checks
from archdsl.checker.sizes import sizes_of, sizes_of_names, with_sizes_that_work
from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.catalog.entry import plural
from archdsl.diagnostics.diagnostic import Diagnostic, has_errors
from archdsl.network import Network
from archdsl.shapes import OpenInput
from archdsl.source import Source, Span
from archdsl.syntax import nodes
from archdsl.syntax.parse import parse

if TYPE_CHECKING:
    from archdsl.input_sizes import InputSizes


class Checked(NamedTuple):
    """A spec after the check.

    network: None where there are errors, or where the file has definitions alone.
    diagnostics: all findings, by their place in the text.
    sizes: where sizes of the input are names, `input(3, H, W)`, what the network accepts for them. It has no errors
        then, and no network, for that has numbers.
    nothing_to_build: why there is no network, where there are no errors.
    library: the names of the blocks, where the file has definitions alone.
    imports: the files that it imports, directly or through others.
    file, module: the syntax tree of the text, and what it defines and imports, where there are no errors.
    """

    source: Source
    network: Network | None
    diagnostics: tuple[Diagnostic, ...]
    library: tuple[str, ...] | None = None
    imports: tuple[Source, ...] = ()
    sizes: InputSizes | None = None
    nothing_to_build: Diagnostic | None = None
    file: nodes.File | None = None
    module: Module | None = None

    def __repr__(self) -> str:
        kinds = (self.errors, "error"), (self.warnings, "warning")
        counts = ", ".join(plural(len(found), name) for found, name in kinds if found)
        return f"<Checked {self.source.name}: {counts or 'fine'}>"

    def __str__(self) -> str:
        """The findings as they are shown, or that there are none."""
        from archdsl.diagnostics.render import render  # A check alone shows nothing.

        return render(self.diagnostics) if self.diagnostics else f"{self.source.name}: fine"

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(each for each in self.diagnostics if each.severity == "error")

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return tuple(each for each in self.diagnostics if each.severity == "warning")


@interpreter_for_checks()
def check_source(source: Source, options: Options = Options()) -> Checked:  # noqa: B008 - a frozen value.
    """Check a text: parse it, expand it, compute every shape. Never raises for a mistake in the text."""
    file, found = parse(source)
    expanded = Expanded(file, options)
    imports, diagnostics, sizes = expanded.imports, expanded.diagnostics, None
    if not found:
        if expanded.open is not None and not has_errors(diagnostics):
            sizes, diagnostics = sizes_of_names(expanded, expanded.open)
        elif has_errors(diagnostics):
            diagnostics = with_sizes_that_work(expanded)
    diagnostics = in_order(better_said(found, diagnostics))
    if has_errors(diagnostics):
        return Checked(source, None, diagnostics, None, imports)
    nothing = None
    if sizes is not None:
        nothing = diagnose(
            "input-not-given", expanded.input_span, names=sizes.open.symbols, channels=sizes.open.channels
        )
    elif expanded.network is None:
        nothing = diagnose("no-network", Span(source, 0, 0))
    library, module = expanded.library, expanded.module
    return Checked(source, expanded.network, diagnostics, library, imports, sizes, nothing, file, module)


@interpreter_for_checks()
def accepted_sizes(source: Source, options: Options, open: OpenInput | None = None) -> InputSizes | None:
    """What input sizes a network accepts, or None where it accepts none that was tried.

    Args:
        open: the input; by default the spec's own, its height and width taken as open.
    """
    file, found = parse(source)
    if found:
        return None
    expanded = Expanded(file, options)
    open = open or expanded.open or expanded.opened
    return None if open is None else sizes_of(expanded, open)


_PASSED_ON = ("dotted-name", "malformed-name", "text-as-value")
"""What the parser passes on as a name, and reports, for the checker may say more of it."""


def better_said(parsed: list[Diagnostic], checked: Many[Diagnostic]) -> list[Diagnostic]:
    """The findings without those of the parser that the checker says better, and those that a mended call leads to."""
    # Of a call that was mended it is not known which arguments it lacks.
    places = [(each.primary.span.line, each.primary.span.start) for each in parsed]
    rest = [
        each
        for each in checked
        if each.code != "missing-argument"
        or not any(line == each.primary.span.line and start >= each.primary.span.end for line, start in places)
    ]
    others = [each.primary.span for each in rest if each.code not in _PASSED_ON]
    return [
        each
        for each in (*parsed, *rest)
        if each.code not in _PASSED_ON or not any(within(each.primary.span, span) for span in others)
    ]


def within(inner: Span, outer: Span) -> bool:
    return inner.source is outer.source and outer.start <= inner.start and inner.end <= outer.end


def in_order(diagnostics: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The findings by their place, file after file, the files as they came first."""
    files: dict[str, int] = {}
    for each in diagnostics:
        files.setdefault(each.primary.span.source.name, len(files))
    order = sorted(diagnostics, key=lambda each: (files[each.primary.span.source.name], each.primary.span.start))
    return tuple(order)
