"""Other input sizes than the one that is given: which a network accepts, and which would mend a fault."""

from __future__ import annotations

from collections.abc import Sequence as Many
from typing import TYPE_CHECKING

from archdsl.checker.expand_file import Expanded
from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.catalog.layers import channels_first, sizes_that_work
from archdsl.diagnostics.diagnostic import Diagnostic, has_errors
from archdsl.network import Network
from archdsl.shapes import Image, OpenInput, seems_channels_last

if TYPE_CHECKING:
    from archdsl.input_sizes import InputSizes


def sizes_of(expanded: Expanded, open: OpenInput) -> InputSizes | None:
    """What the network accepts for the names of its input.

    None where it accepts none of the sizes that are tried, its own last of all.
    """
    from archdsl.input_sizes import TRIAL_SIZES, InputSizes

    unknown = expanded.at(open.at(dict.fromkeys(open.symbols)))
    if has_errors(unknown.diagnostics):
        return None
    network: Network | None = None
    steps = unknown.steps
    for size in TRIAL_SIZES:
        tried = expanded.at(open.at(dict.fromkeys(open.symbols, size)))
        network = tried.network
        steps += tried.steps
        if network is not None or steps > _MOST_STEPS_OF_TRIALS:
            break
    network = network or expanded.network
    if network is None or not isinstance(network.input, Image) or network.input.channels != open.channels:
        return None
    depends = unknown.depends_on_size is not None
    return InputSizes(network, open, (lambda input: expanded.at(input).network) if depends else None)


def sizes_of_names(expanded: Expanded, open: OpenInput) -> tuple[InputSizes | None, Many[Diagnostic]]:
    """What is accepted for the names of a file's input, or what is wrong with every size that is tried."""
    from archdsl.input_sizes import TRIAL_SIZES

    place = expanded.depends_on_size
    if place is not None:
        return None, [diagnose("size-not-given", place, names=open.symbols)]
    sizes = sizes_of(expanded, open)
    if sizes is not None:
        return sizes, expanded.diagnostics
    values = dict.fromkeys(open.symbols, TRIAL_SIZES[0])
    note = f"with {' and '.join(f'{name} = {value}' for name, value in values.items())}"
    found = expanded.at(open.at(values)).diagnostics
    return None, [each._replace(notes=(*each.notes, note)) for each in found]


_FAULTS_OF_SIZE = {"window-too-large", "branches-disagree", "padding-too-large", "nothing-to-normalize", "head-differs"}
"""What may be wrong because the picture has another size than the network is made for."""

_MOST_STEPS_OF_TRIALS = 1_000_000
"""No further size is tried after so many steps of the check, which is what the largest network takes."""

_MOST_EXPANDED_AGAIN = 1_000
"""Larger networks are not expanded again to tell which sizes would work, for that takes twice their own time."""


def with_sizes_that_work(expanded: Expanded) -> Many[Diagnostic]:
    """The findings, with the input sizes that would work where another size is all that is wanted."""
    found = expanded.diagnostics
    open = expanded.opened
    shape = expanded.shape
    if isinstance(shape, Image) and seems_channels_last(shape):
        meant = channels_first(shape)
        return [each._replace(help=(*each.help, meant)) if each.code in _FAULTS_OF_SIZE else each for each in found]
    fits = expanded.size <= _MOST_EXPANDED_AGAIN and {each.code for each in found} <= _FAULTS_OF_SIZE
    if not fits or open is None or not isinstance(shape, Image):
        return found
    sizes = sizes_of(expanded, open)
    least = None if sizes is None else sizes.least()
    if sizes is None or least is None:
        return found
    steps = {name: sizes.step_of(name) for name in open.symbols}
    text = sizes_that_work(shape, least, steps)
    return found if text is None else [each._replace(help=(*each.help, text)) for each in found]
