"""`archdsl weights load`: the weights of a file into a network, and both into one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from archdsl.commands.output import complain, refuse, refuse_file, write, wrong_output
from archdsl.commands.spec import read_network
from archdsl.diagnostics.render import visible
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_ERRORS, EXIT_FINE
from archdsl.training.start import load_torch
from archdsl.weights.errors import WeightsError
from archdsl.weights.explain import summary, table
from archdsl.weights.files import SUFFIX, origin_of
from archdsl.weights.state import state_of


def load(
    spec: str,
    file: str,
    *,
    out: str,
    input: str | None = None,
    settings: Sequence[str] = (),
    root: str | None = None,
    leave_out: Sequence[str] = (),
    verbose: bool = False,
) -> int:
    """Load weights into a network and write both as safetensors.

    Args:
        file: safetensors, or a state dict that torch saved.
        out: the new file, FILE.safetensors.
        leave_out: modules that keep the weights that torch gives them.
        verbose: tell of each tensor where it went.

    Returns:
        0 when done, 1 where the spec has errors or the weights do not fit, 2 on wrong use or an unreadable file.
    """
    if Path(out).suffix.lower() != SUFFIX:
        return refuse(f"-o writes safetensors: name a file that ends in {SUFFIX}, not {visible(out)}")
    read = read_network(spec, input=input, settings=settings, root=root)
    if isinstance(read, int):
        return read
    if (misplaced := wrong_output(out, [*read.files, Path(file)])) is not None:
        return refuse(misplaced)
    network = read.network
    try:
        load_torch()
    except TrainingError as error:
        return complain(error)
    from archdsl.backends.pytorch import build
    from archdsl.weights.tensors import fit, put, read_weights, save_weights

    try:
        weights = read_weights(Path(file))
        found = fit(weights, state_of(network), read.checked.source.name, leave_out)
    except WeightsError as error:
        code = refuse("\n  ".join(str(error).splitlines()))
        return EXIT_ERRORS if error.does_not_fit else code
    model = build(network)
    put(weights, found, model)
    origin = origin_of(read.checked.source, read.checked.imports, network.input, read.settings)
    before = weights.header.origin if weights.header is not None else None
    if before is not None and not leave_out:
        origin = origin._replace(classes=before.classes, normalization=before.normalization)
    try:
        save_weights(Path(out), model, origin)
    except OSError as error:
        return refuse_file(out, error)
    if verbose:
        write("\n".join(table(found)))
    write("\n".join(summary(found, file, network.name, verbose)))
    write(f"written to {visible(out)}")
    return EXIT_FINE
