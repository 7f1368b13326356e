"""The words for faults of names: unknown, taken, reserved."""

from __future__ import annotations

from archdsl.diagnostics.catalog.entry import Wording, code


def did_you_mean(suggestion: str | None) -> tuple[str, ...]:
    return (f"did you mean `{suggestion}`?",) if suggestion else ()


def listed(names: tuple[str, ...], most: int = 12) -> str:
    """Names in one line, cut where there are many."""
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return f"{shown}, ..." if len(names) > most else shown


@code("unknown-layer")
def unknown_layer(name: str, suggestion: str | None, with_body: bool, value: bool, function: bool) -> Wording:
    """A word in a chain is no layer, no block of this file or its imports, and no block of the library."""
    help = did_you_mean(suggestion)
    if with_body:
        help = (*help, f"to name a chain, write `{name}: {{ ... }}`")
    if value:
        help = (*help, f"`{name}` is a value; a layer stands here")
    if function:
        help = (*help, f"`{name}` is a function of values; a layer stands here")
    if not help:
        help = (f"define it with `block {name} {{ ... }}`, or see `archdsl explain words`",)
    return Wording(f"`{name}` is not a layer or block", "unknown", help)


@code("unknown-name")
def unknown_name(name: str, suggestion: str | None, visible: tuple[str, ...], below: bool, function: bool) -> Wording:
    """A name in a value is bound to nothing here: no let above, no parameter, no loop variable, and no flag."""
    if below:
        return Wording(f"`{name}` is defined below its use", "not yet defined", ("move its `let` above",))
    if function:
        return Wording(f"`{name}` is a function, and no value", "a function", (f"call it: `{name}(...)`",))
    help = did_you_mean(suggestion) or (f"define it above: `let {name} = ...`",)
    notes = (f"bound here: {listed(visible)}",) if visible else ()
    return Wording(f"`{name}` is not bound to a value here", "unknown", help, notes)


@code("unknown-flag")
def unknown_flag(name: str, word: str, suggestion: str | None, flags: tuple[str, ...]) -> Wording:
    """A bare word among the arguments is no flag of the word that is called, and no value."""
    help = did_you_mean(suggestion)
    notes = (f"flags of `{word}`: {listed(flags)}",) if flags else (f"`{word}` has no flags",)
    return Wording(f"`{name}` is no flag of `{word}` and no value here", "unknown", help, notes)


@code("unknown-function")
def unknown_function(name: str, suggestion: str | None, known: tuple[str, ...], value: bool) -> Wording:
    """A function is called that the language does not have."""
    help = did_you_mean(suggestion)
    if value:
        help = (f"`{name}` is a value, and is not called; to multiply, write `*`", *help)
    return Wording(f"there is no function `{name}`", "unknown", help, (f"there are {listed(known)}",))


@code("unknown-argument")
def unknown_argument(word: str, name: str, suggestion: str | None, known: tuple[str, ...], flag: bool) -> Wording:
    """An argument is given by a name that the word or block does not have."""
    notes = (f"it has {listed(known)}",) if known else ("it has no arguments",)
    help = (f"there is the flag `{suggestion}`",) if flag else did_you_mean(suggestion)
    return Wording(f"`{word}` has no argument `{name}`", "unknown", help, notes)


@code("unknown-setting")
def unknown_setting(name: str, suggestion: str | None, known: tuple[str, ...]) -> Wording:
    """`--set` names a let that the file does not have."""
    notes = (f"the file has {listed(known)}",) if known else ("the file has no lets",)
    return Wording(f"the file has no `let {name}`", "unknown", did_you_mean(suggestion), notes)


@code("name-taken")
def name_taken(name: str, by: str) -> Wording:
    """One name is bound twice in one scope, or a let takes the name of a parameter or loop variable around it."""
    return Wording(f"`{name}` is already the name of a {by} here", "taken", ("choose another name",))


@code("name-reserved")
def name_reserved(name: str) -> Wording:
    """`in_channels` and `in_features` are what enters a layer, and can't be names of values."""
    return Wording(f"`{name}` is the language's own name", "reserved", ("choose another name",))


@code("block-name-reserved")
def block_name_reserved(name: str) -> Wording:
    """A block may take any name but `input seq repeat concat add mul aux`, by which a network is put together."""
    return Wording(f"`{name}` can't be the name of a block", "reserved", ("choose another name",))


@code("label-reserved")
def label_reserved(name: str) -> Wording:
    """A label becomes an attribute of the `nn.Sequential` around it, and this one would hide one of its own.

    All that begin with an underscore are torch's: which of them it uses differs from version to version.
    """
    if name.startswith("_"):
        mend = name.strip("_") or "a name"
        return Wording(f"`{name}` can't be a label", "names with `_` in front are torch's", (f"write `{mend}`",))
    return Wording(f"`{name}` can't be a label", "a name of nn.Sequential itself", (f"write `{name}_`, or another",))


@code("duplicate-label")
def duplicate_label(key: str) -> Wording:
    """Two modules would have one key in the state dict."""
    return Wording(f"two modules are called `{key}` here", "again", ("choose another label",))


@code("flag-or-value")
def flag_or_value(name: str, word: str, instead: str) -> Wording:
    """A bare word is a flag of the word that is called, and also the name of a value: which is meant is not clear."""
    return Wording(
        f"`{name}` is both a flag of `{word}` and a value here",
        "flag or value?",
        (f"write `{instead}`, or rename the value",),
    )
