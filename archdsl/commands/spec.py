"""What commands on one network share: its spec read and checked, or what is wrong told."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from archdsl.api import check
from archdsl.checker.check import Checked
from archdsl.commands.output import refuse, wants_color
from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.diagnostics.render import render
from archdsl.exit_codes import EXIT_USAGE
from archdsl.formats.report import exit_code_of
from archdsl.network import Network
from archdsl.reader import STDIN, read_spec, read_standard_input
from archdsl.settings import split_settings
from archdsl.source import Source
from archdsl.weights.errors import WeightsError
from archdsl.weights.files import SUFFIX, Origin, read_origin


class Spec(NamedTuple):
    """A spec that has a network.

    settings: the values of `--set`, and input: that of `--input`, as they were written; of a file of weights, its own.
    origin: what a file of weights keeps, where the spec is in one.
    """

    checked: Checked
    network: Network
    settings: Mapping[str, str]
    input: str | None
    origin: Origin | None

    @property
    def files(self) -> list[Path]:
        """The files that were read: the spec and its imports, or the file of weights that holds them."""
        source = self.checked.source
        if self.origin is not None and source.files is not None and source.files.root is not None:
            return [source.files.root]
        return [each.path for each in (source, *self.checked.imports) if each.path is not None]


def read_network(
    spec: str,
    *,
    input: str | None = None,
    settings: Sequence[str] = (),
    root: str | None = None,
    warnings: bool = True,
) -> Spec | int:
    """Check a spec, `-` being standard input, or that in a file of weights. Its findings go to standard error.

    warnings: whether warnings do too.

    Returns:
        The spec with its network, or an exit code: 1 where it has errors, 2 where an option is wrong, the file can't
        be read, or there is nothing to build.
    """
    given, wrong = split_settings(settings)
    if wrong is not None:
        return refuse(wrong)
    origin = None
    if spec.endswith(SUFFIX):
        try:
            origin = read_origin(Path(spec))
        except WeightsError as error:
            return refuse(str(error))
        input, given = origin.input if input is None else input, {**origin.settings, **given}
        source, unreadable = origin.source(Path(spec))
    else:
        source, unreadable = read_standard_input() if spec == STDIN else read_spec(Path(spec))
    return network_of(source, unreadable, input, given, root, warnings=warnings, origin=origin)


def network_of(
    source: Source,
    unreadable: Sequence[Diagnostic],
    input: str | None,
    given: Mapping[str, str],
    root: str | None,
    *,
    warnings: bool = True,
    origin: Origin | None = None,
) -> Spec | int:
    """Check a source that was read, as `read_network` does; `unreadable` is why it could not be read."""
    checked = Checked(source, None, tuple(unreadable)) if unreadable else check(source, input, given, root)
    nothing = [] if checked.nothing_to_build is None else [checked.nothing_to_build]
    if told := [*(checked.diagnostics if warnings else checked.errors), *nothing]:
        print(render(told, wants_color(sys.stderr)), file=sys.stderr)
    if checked.errors:
        return exit_code_of(checked)
    if checked.network is None:
        return EXIT_USAGE
    return Spec(checked, checked.network, given, input, origin)
