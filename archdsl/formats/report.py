"""What every format shares: a file's result, the counts of all, and places as programs want them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from archdsl.checker.check import Checked
from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.exit_codes import EXIT_ERRORS, EXIT_FINE, EXIT_USAGE
from archdsl.source import Span

if TYPE_CHECKING:
    from archdsl.input_sizes import AcceptedSizes, LeastInput

FORMATS = ("text", "concise", "json", "jsonl", "github", "sarif")

VERSION = 1
"""The version of the JSON formats. Within one, keys may be added; none is removed, renamed or changes its meaning."""

_OPTIONS = ("--input", "--set", "--root")


class Result(NamedTuple):
    """One file after its check; without a name, what is wrong with the options themselves.

    is_written: False where fixes could not be written to it.
    least: the smallest input, where `--least-input` asks for it and there is one.
    accepted: what of a range is accepted, where `--input` is one; the check is that of the first size refused.
    untold: the findings without those that an earlier file had too, in what both import; None where all are new.
    """

    file: str | None
    checked: Checked
    is_written: bool = True
    least: LeastInput | None = None
    accepted: AcceptedSizes | None = None
    untold: tuple[Diagnostic, ...] | None = None

    @property
    def findings(self) -> Sequence[Diagnostic]:
        """What is told to programs, each finding once however many files import the one that has it."""
        return self.checked.diagnostics if self.untold is None else self.untold


class Counts(NamedTuple):
    """What was found in all files. A file with warnings alone is fine."""

    files: int = 0
    fine: int = 0
    with_errors: int = 0
    unreadable: int = 0
    errors: int = 0
    warnings: int = 0

    def plus(self, result: Result) -> Counts:
        code = exit_code_of(result.checked)
        errors = sum(each.severity == "error" for each in result.findings)
        is_file = result.file is not None
        return Counts(
            self.files + is_file,
            self.fine + (is_file and code == EXIT_FINE),
            self.with_errors + (is_file and not is_unreadable(result.checked) and code != EXIT_FINE),
            self.unreadable + (is_file and is_unreadable(result.checked)),
            self.errors + errors,
            self.warnings + len(result.findings) - errors,
        )


class Report(Protocol):
    """A format: the text to print for each file as it is checked, and that in the end. Each may be empty."""

    def file(self, result: Result) -> str: ...
    def end(self, counts: Counts) -> str: ...


def report_in(format: str, color: bool = False, quiet: bool = False) -> Report:
    """The report of a format. A run imports its own format alone, for a check must feel instant."""
    if format == "concise":
        from archdsl.formats.concise import Concise

        return Concise()
    if format == "json":
        from archdsl.formats.json import Document

        return Document()
    if format == "jsonl":
        from archdsl.formats.json import Lines

        return Lines()
    if format == "github":
        from archdsl.formats.github import GitHub

        return GitHub()
    if format == "sarif":
        from archdsl.formats.sarif import Sarif

        return Sarif()
    from archdsl.formats.text import Text

    return Text(color, quiet)


def exit_code_of(checked: Checked) -> int:
    """2 where a file can't be read or an option is at fault, 1 where the spec is."""
    if is_unreadable(checked) or any(is_about_an_option(each) for each in checked.errors):
        return EXIT_USAGE
    return EXIT_ERRORS if checked.errors else EXIT_FINE


def is_unreadable(checked: Checked) -> bool:
    return any(each.code == "unreadable-file" for each in checked.errors)


def is_about_an_option(diagnostic: Diagnostic) -> bool:
    """Whether what is at fault was given on the command line."""
    return _is_option(diagnostic.primary.span)


def _is_option(span: Span) -> bool:
    return span.source.path is None and span.source.name in _OPTIONS


class Place(NamedTuple):
    """Where a span is. Lines and columns count from 1, columns in characters; an end column is one past the last.

    file: None for what was given on the command line. The numbers are None where there is no text.
    """

    file: str | None
    line: int | None = None
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None


def place_of(span: Span) -> Place:
    """The place of a span."""
    if _is_option(span):
        return Place(None)
    if not span.source.text:
        return Place(span.source.name)
    return Place(span.source.name, *span.source.position(span.start), *span.source.position(span.end))
