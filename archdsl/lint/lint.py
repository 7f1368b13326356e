"""Every warning of a file: the rules run, and what comments allow is taken out."""

from __future__ import annotations

from archdsl.checker.check import Checked
from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.lint.flow import Flow, read_flow
from archdsl.lint.layers import SIZE_CODES, input_warnings, layer_warnings
from archdsl.lint.names import name_warnings
from archdsl.lint.neighbours import neighbour_warnings

MAX_WARNINGS = 1_000
"""Nobody reads more."""


def lint(checked: Checked, as_written: bool) -> list[Diagnostic]:
    """The warnings of a file without errors, by their place; of one with errors none, for they may be consequences.

    Rules on names read the text; rules on layers read the network, so that in a file of definitions alone, and in a
    block that is never called, only names are looked at. Files that are imported are not looked at here. Where sizes of
    the input are names, rules that ask for sizes are left out.

    Args:
        as_written: no `--input` and no `--set` stands for what the file says. Only then is a comment that allows
            what is not found itself reported, for with other sizes it may be needed.
    """
    if checked.file is None or checked.module is None or checked.errors:
        return []
    source = checked.source
    found = name_warnings(checked.file, checked.module, exports=checked.library is not None)
    flow: Flow | None = None
    network = checked.network if checked.sizes is None else checked.sizes.network
    if network is not None:
        flow = read_flow(network.root, source)
        found += neighbour_warnings(flow)
        found += layer_warnings(flow, network)
        found += input_warnings(checked.file, source, network)
    if checked.sizes is not None:
        found = [each for each in found if each.code not in SIZE_CODES]
    if "allow:" in source.text:
        from archdsl.lint.allow import read_allows, report_allows, silenced  # Few texts need it.

        allows = read_allows(source)
        kept = silenced(found, allows)
        if as_written:
            kept += report_allows(found, allows, flow)
        found = kept
    found = sorted(found, key=lambda each: each.primary.span.start)
    if len(found) > MAX_WARNINGS:
        found[MAX_WARNINGS:] = [diagnose("too-many-warnings", found[MAX_WARNINGS].primary.span, limit=MAX_WARNINGS)]
    return found
