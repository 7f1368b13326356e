"""`archdsl check`: the shapes of specs, or what is wrong with them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from archdsl.api import accepted_sizes
from archdsl.api import check as check_spec
from archdsl.checker.check import Checked
from archdsl.checker.session import MAX_LAYERS, MAX_PARAMETERS
from archdsl.commands.output import refuse, wants_color, write
from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.render import unobeyed
from archdsl.exit_codes import EXIT_ERRORS, EXIT_FINE, EXIT_USAGE
from archdsl.formats.report import Counts, Result, exit_code_of, report_in
from archdsl.reader import STDIN, read_spec, read_standard_input, spec_files
from archdsl.settings import read_input, read_range, read_settings, split_settings, wrong_root
from archdsl.shapes import OpenInput, SizeRange
from archdsl.source import Source, Span

if TYPE_CHECKING:
    from archdsl.input_sizes import LeastInput

WATCHABLE = ("text", "concise", "jsonl")
"""The formats that may follow each other: the others are one document."""


class Request(NamedTuple):
    """What is asked for. `files` are paths of files and folders, and `-` for standard input."""

    files: tuple[str, ...]
    input: str | None
    settings: dict[str, str]
    root: str | None
    max_layers: int
    max_parameters: int
    least_input: bool
    format: str
    quiet: bool
    fix: bool
    warnings_as_errors: bool
    trace: bool
    color: bool
    stdin_filename: str | None

    @property
    def of_the_check(self) -> tuple[str | None, dict[str, str], str | None, int, int]:
        """The arguments that `archdsl.check` takes, and `archdsl.accepted_sizes`."""
        return self.input, self.settings, self.root, self.max_layers, self.max_parameters


def check(
    files: Sequence[str],
    *,
    input: str | None = None,
    settings: Sequence[str] = (),
    root: str | None = None,
    max_layers: int = MAX_LAYERS,
    max_parameters: int = MAX_PARAMETERS,
    least_input: bool = False,
    format: str = "text",
    quiet: bool = False,
    fix: bool = False,
    warnings_as_errors: bool = False,
    trace: bool = False,
    color: str = "auto",
    stdin_filename: str | None = None,
    watch: bool = False,
) -> int:
    """Check specs and print what was found to standard output, each as it is checked.

    Args:
        files: paths of files and folders; `-` is standard input.
        input: stands for the spec's own; a range, "3x64..256x64..256", asks which of its sizes are accepted.
        least_input: tell the smallest input that is accepted, instead of the table.
        fix: first mend in the files what carries a fix.
        warnings_as_errors: warnings give 1 too.
        trace: show the way from the input to a shape that does not fit.
        color: "auto", "always" or "never".
        stdin_filename: standard input is read as if it were the text of this file.
        watch: check again whenever a file changes, until Ctrl-C.

    Returns:
        0 where all are fine, 1 where one has errors, 2 where a file can't be read or written or an option is wrong.
    """
    given, wrong = split_settings(settings)
    if wrong is not None:
        return refuse(wrong)
    from_stdin = STDIN in files
    if stdin_filename is not None and not from_stdin:
        return refuse("--stdin-filename names what is read from standard input; give `-` as the file too")
    if fix and from_stdin:
        return refuse("--fix writes to files, and `-` is none")
    if fix and any(file.endswith(".safetensors") for file in files):
        return refuse("--fix writes to .arch files, and a file of weights is none")
    request = Request(
        tuple(files),
        input,
        given,
        root,
        max_layers,
        max_parameters,
        least_input,
        format,
        quiet,
        fix,
        warnings_as_errors,
        trace,
        wants_color(sys.stdout, color),
        stdin_filename,
    )
    if input is not None and ".." in input and (fix or least_input):
        return refuse(f"--input with a range does not go with {'--fix' if fix else '--least-input'}")
    if not watch:
        return max((exit_code(result, request) for result in printed(request)), default=EXIT_FINE)
    if from_stdin:
        return refuse("--watch looks at files, and `-` is none")
    if format not in WATCHABLE:
        return refuse(f"--watch prints again and again, and --format {format} is one document")
    from archdsl.commands.watch import watch as watch_files

    return watch_files(request)


def exit_code(result: Result, request: Request) -> int:
    """What one file counts for."""
    if not result.is_written:
        return EXIT_USAGE
    code = exit_code_of(result.checked)
    return max(code, EXIT_ERRORS) if request.warnings_as_errors and result.checked.warnings else code


def printed(request: Request) -> Iterator[Result]:
    """Each result when it is printed; none is kept here, so that a thousand files take no more memory."""
    is_for_people = request.format in ("text", "concise")
    report = report_in(request.format, request.color, request.quiet)
    counts = Counts()
    seen: set[tuple[object, ...]] = set()
    for each in results(request):
        result = without_told(each, seen)
        counts = counts.plus(result)
        text = report.file(result)
        write(unobeyed(text) if is_for_people else text)
        yield result
    write(report.end(counts))


def without_told(result: Result, seen: set[tuple[object, ...]]) -> Result:
    """The result, its findings compared with those seen before, which grow by them."""
    untold = []
    for each in result.checked.diagnostics:
        source, start, end = each.primary.span
        # One file may be imported by several names.
        file = source.name if source.path is None else os.path.abspath(source.path)
        key = (file, start, end, each.code, each.message)
        if key not in seen:
            seen.add(key)
            untold.append(each)
    return result if len(untold) == len(result.checked.diagnostics) else result._replace(untold=tuple(untold))


def results(request: Request) -> Iterator[Result]:
    """The files after their checks. Where an option itself is wrong, that alone, for it is wrong for all of them."""
    asked, wrong_range = read_range(request.input)
    wrong_input = wrong_range if asked or wrong_range else read_input(request.input)[1]
    wrong = [*wrong_input, *read_settings(request.settings)[1], *wrong_root(request.root)]
    if wrong:
        yield Result(None, Checked(wrong[0].primary.span.source, None, tuple(wrong)))
        return
    for file in spec_files(request.files):
        yield result_of(file, request, asked)


def result_of(file: str, request: Request, asked: SizeRange | None) -> Result:
    """One file after its check; `asked` are the sizes that are asked about."""
    if file.endswith(".safetensors"):
        from archdsl.weights.files import opened  # Needed by such files alone.

        source, found, input, settings = opened(Path(file), request.input, request.settings)
        request = request._replace(input=input, settings=dict(settings))
    elif file == STDIN:
        source, found = read_standard_input(request.stdin_filename)
    else:
        source, found = read_spec(Path(file))
    if found:
        return Result(source.name, Checked(source, None, tuple(found)))
    if asked is not None:
        return result_of_range(source, asked, request)
    checked = check_source(source, request)
    is_written = True
    if request.fix:
        from archdsl.commands.fix import fix_file  # Needed by this option alone.

        checked, is_written = fix_file(Path(file), checked, lambda each: check_source(each, request))
    return Result(source.name, checked, is_written, least=least_of(source, request) if request.least_input else None)


def check_source(source: Source, request: Request) -> Checked:
    return check_spec(source, *request.of_the_check, trace=request.trace)


def least_of(source: Source, request: Request) -> LeastInput | None:
    """The smallest input that a network accepts; None where it takes no image, or has another mistake."""
    sizes = accepted_sizes(source, *request.of_the_check)
    if sizes is None:
        return None
    from archdsl.input_sizes import least_input

    return least_input(sizes)


def result_of_range(source: Source, asked: SizeRange, request: Request) -> Result:
    """Which sizes of a range are accepted, with the check of the first that is not."""
    from archdsl.input_sizes import MOST_CHECKS, TooManySizes, accepted_of

    first = request._replace(input=str(asked.first))
    sizes = accepted_sizes(source, *first.of_the_check, open=OpenInput(asked.channels, "H", "W"))
    if sizes is None:
        # What is wrong has nothing to do with the size, or no size is accepted.
        return Result(source.name, check_source(source, first))
    try:
        accepted = accepted_of(sizes, asked)
    except TooManySizes:
        span = Span(Source("--input", request.input or ""), 0, len(request.input or ""))
        found = diagnose("range-too-large", span, count=asked.size_count, limit=MOST_CHECKS, one_by_one=True)
        return Result(source.name, Checked(source, None, (found,)))
    refused = accepted.first_refused
    checked = check_source(source, first if refused is None else request._replace(input=str(refused)))
    # Warnings of one size of many say little.
    return Result(source.name, checked._replace(diagnostics=checked.errors), accepted=accepted)
