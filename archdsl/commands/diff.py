"""`archdsl diff`: two specs compared by what they build."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from archdsl.checker.session import interpreter_for_checks
from archdsl.commands.output import refuse, wants_color, write
from archdsl.commands.spec import Spec, network_of, read_network
from archdsl.compare.compare import compare
from archdsl.diagnostics.render import unobeyed
from archdsl.exit_codes import EXIT_ERRORS, EXIT_FINE, EXIT_USAGE
from archdsl.reader import STDIN
from archdsl.settings import split_settings


def diff(
    before: str,
    after: str | None = None,
    *,
    against: str | None = None,
    input: str | None = None,
    settings: Sequence[str] = (),
    settings_after: Sequence[str] = (),
    root: str | None = None,
    format: str = "text",
    color: str = "auto",
) -> int:
    """Compare two specs and print what differs.

    Args:
        before, after: the specs, files of weights included; `-` is standard input.
        against: a revision of git, instead of `after`: what `before` was then is compared with what it is.
        input, settings: for both specs; settings_after win over them for the second, which may be the first again.
        format: "text" or "json".

    Returns:
        0 where they build the same, 1 where they do not, 2 where one has errors or can't be read, or on wrong use.
    """
    if after is None and against is None and settings_after:
        after = before
    if (after is None) == (against is None):
        return refuse("diff takes two specs, or one and --against REVISION")
    if before == STDIN and (after == STDIN or against is not None):
        return refuse("diff reads one spec from standard input")
    if after is None:
        assert against is not None
        first = read_at_revision(before, against, input=input, settings=settings, root=root)
        second = before
    else:
        first, second = read_network(before, input=input, settings=settings, root=root, warnings=False), after
    if isinstance(first, int):
        return EXIT_USAGE
    names_after = {text.partition("=")[0].strip() for text in settings_after}
    for_both = [text for text in settings if text.partition("=")[0].strip() not in names_after]
    then = read_network(second, input=input, settings=[*for_both, *settings_after], root=root, warnings=False)
    if isinstance(then, int):
        return EXIT_USAGE
    with interpreter_for_checks():
        comparison = compare(first.network, then.network)
    sources = first.checked.source, then.checked.source
    names = sources[0].name, sources[1].name
    if settings_after:
        names = _with_settings(names[0], first.settings), _with_settings(names[1], then.settings)
    if format == "json":
        from archdsl.compare.json import document_of
        from archdsl.formats.json import written

        write(written(document_of(comparison, names), indent=2))
    else:
        from archdsl.compare.text import Printed, text_of

        write(unobeyed(text_of(comparison, Printed(names, sources, wants_color(sys.stdout, color)))))
    return EXIT_FINE if comparison.equal else EXIT_ERRORS


def _with_settings(name: str, settings: Mapping[str, str]) -> str:
    """What a spec is called where settings tell it from another."""
    return f"{name} ({', '.join(f'{let}={value}' for let, value in settings.items())})" if settings else name


def read_at_revision(
    spec: str, revision: str, *, input: str | None, settings: Sequence[str], root: str | None
) -> Spec | int:
    """The network that a spec had at a revision, as `read_network` gives it."""
    from archdsl.commands.revision import GitError, read_at

    given, wrong = split_settings(settings)
    if wrong is not None:
        return refuse(wrong)
    try:
        source, unreadable = read_at(Path(spec), revision)
    except GitError as error:
        return refuse(f"git: {error}")
    return network_of(source, unreadable, input, given, root, warnings=False)
