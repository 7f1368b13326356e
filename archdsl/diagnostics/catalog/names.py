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
def unknown_layer(
    name: str,
    suggestion: str | None,
    mend: str | None,
    less: bool,
    idiom: str | None,
    elsewhere_only: bool,
    with_body: bool,
    value: bool,
    function: bool,
    labels: bool,
) -> Wording:
    """A word in a chain is no layer, no block of this file or of its imports, and no block of the library.

    The words have their own names, all in small letters: `conv`, not `Conv2d`; `fc`, not `Linear` or `Dense`. See
    `archdsl explain words`. A name of torch, Keras or a paper gets the word that is meant. Their arguments differ too:
    the channels that come in are known here and not said.

    Example:
        input(1, 28, 28)
        Conv2d(6, 5)

    Mended:
        input(1, 28, 28)
        conv(6, 5)

    Example:
        input(1, 28, 28)
        stem { conv(6, 5) relu }

    Mended:
        input(1, 28, 28)
        stem: { conv(6, 5) relu }
    """
    help: tuple[str, ...] = ()
    if mend:
        help = (f"write `{mend}`{': what comes in is known' if less else ''}",)
    elif idiom:
        help = (f"write it out, as in `{idiom}`",)
    elif elsewhere_only:
        help = ("there is no such layer here; `archdsl explain words` lists all",)
    elif suggestion:
        help = did_you_mean(suggestion)
    if with_body:
        help = (*help, f"to name a chain, write `{name}: {{ ... }}`")
    if value:
        help = (*help, f"`{name}` is a value; a layer stands here")
    if function:
        help = (*help, f"`{name}` is a function of values; a layer stands here")
    if name[:1] == "x" and name[1:].isdecimal():
        help = (f"to repeat, write `repeat({name[1:]}) {{ ... }}`",)
    elif name[1:].isdecimal() and not help:
        help = (f"a flag stands in the parentheses of its layer, as in `conv(64, 3, {name})`",)
    if labels:
        help = (*help, f"to name the next layer, write `{name}: ...`")
    if not help:
        help = (f"define it with `block {name} {{ ... }}`, or see `archdsl explain words`",)
    return Wording(f"`{name}` is not a layer or block", "unknown", help)


@code("unknown-name")
def unknown_name(
    name: str,
    suggestion: str | None,
    visible: tuple[str, ...],
    below: bool,
    function: bool,
    layer: str | None,
    comment: bool,
) -> Wording:
    """A name in a value is bound to nothing here.

    A value is named by a `let` above, by a parameter of the block, or by the variable of a loop around. A `let` is seen
    below itself, and one in a chain to the end of that chain only.

    Example:
        let width = 6
        input(1, 28, 28)
        conv(2 * widht, 5)

    Mended:
        let width = 6
        input(1, 28, 28)
        conv(2 * width, 5)

    Example:
        input(1, 28, 28)
        conv(2 * width, 5)
        let width = 6

    Mended:
        let width = 6
        input(1, 28, 28)
        conv(2 * width, 5)
    """
    if below:
        return Wording(f"`{name}` is defined below its use", "not yet defined", ("move its `let` above",))
    if function:
        return Wording(f"`{name}` is a function, and no value", "a function", (f"call it: `{name}(...)`",))
    help = did_you_mean(suggestion) or (f"define it above: `let {name} = ...`",)
    if name.lower() in ("true", "false"):
        help = (f"write `{name.lower()}`",)
    elif name.lower() in ("none", "null", "nil", "undefined", "nan", "inf"):
        help = ("there is no such value: an argument that is not wanted is left out",)
    elif layer:
        help = (f"`{layer}` is a layer, and a value stands here",)
    elif comment:
        help = (*help, "`//` divides; a comment begins with `#`")
    notes = (f"bound here: {listed(visible)}",) if visible else ()
    return Wording(f"`{name}` is not bound to a value here", "unknown", help, notes)


@code("unknown-flag")
def unknown_flag(
    name: str,
    word: str,
    suggestion: str | None,
    flags: tuple[str, ...],
    layer: bool = False,
    flag_of: tuple[str, ...] = (),
    mend: str | None = None,
) -> Wording:
    """A bare word among the arguments is no flag of the word that is called, and no value.

    Flags are few, and each word has its own; `archdsl explain conv` lists those of `conv`. Activations are none, as
    they are in Keras: they are layers that follow.

    Example:
        input(1, 28, 28)
        conv(6, 5, nobais)

    Mended:
        input(1, 28, 28)
        conv(6, 5, nobias)

    Example:
        input(1, 28, 28)
        conv(6, 5, relu)

    Mended:
        input(1, 28, 28)
        conv(6, 5) relu
    """
    help = did_you_mean(suggestion)
    if mend is not None:
        help = (f"write `{mend}`" if mend else "leave it out: a flag that is not said is false",)
    elif layer:
        help = (f"`{name}` is a layer: let it follow, `{word}(...) {name}`",)
    notes: tuple[str, ...] = (f"flags of `{word}`: {listed(flags)}",) if flags else (f"`{word}` has no flags",)
    if flag_of:
        notes = (*notes, f"`{name}` is a flag of {listed(flag_of)}")
    return Wording(f"`{name}` is no flag of `{word}` and no value here", "unknown", help, notes)


@code("unknown-function")
def unknown_function(name: str, suggestion: str | None, known: tuple[str, ...], layer: bool, value: bool) -> Wording:
    """A function is called that the language does not have.

    Those that sizes of networks need are there: min, max, round, floor, ceil, len, range, zip, choose, make_divisible.
    A name directly before a parenthesis is always a call: to multiply, write `*`.

    Example:
        let width = 6.4
        input(1, 28, 28)
        conv(int(width), 5)

    Mended:
        let width = 6.4
        input(1, 28, 28)
        conv(round(width), 5)
    """
    help = did_you_mean(suggestion)
    if value:
        help = (f"`{name}` is a value, and is not called; to multiply, write `*`", *help)
    elif layer:
        help = (f"`{name}` is a layer, and a value stands here",)
    return Wording(f"there is no function `{name}`", "unknown", help, (f"there are {listed(known)}",))


@code("unknown-argument")
def unknown_argument(
    word: str,
    name: str,
    suggestion: str | None,
    known: tuple[str, ...],
    flag: bool,
    layer: str | None,
    mend: str | None,
) -> Wording:
    """An argument is given by a name that the word or block does not have.

    The names are short: `out`, `kernel`, `stride`, `pad`. What torch or Keras says the other way round is a flag here:
    `bias=False` is `nobias`.

    Example:
        input(1, 28, 28)
        conv(6, 5, padding=2)

    Mended:
        input(1, 28, 28)
        conv(6, 5, pad=2)

    Example:
        input(1, 28, 28)
        conv(6, 5, bias=false)

    Mended:
        input(1, 28, 28)
        conv(6, 5, nobias)
    """
    notes = (f"it has {listed(known)}",) if known else ("it has no arguments",)
    help = (f"there is the flag `{suggestion}`",) if flag else did_you_mean(suggestion)
    if mend is not None:
        help = (f"write `{mend}`" if mend else "leave it out: it is known, or so in any case",)
    elif layer is not None:
        help = (f"`{layer}` is a layer: let it follow, `{word}(...) {layer}`",)
    return Wording(f"`{word}` has no argument `{name}`", "unknown", help, notes)


@code("unknown-setting")
def unknown_setting(name: str, suggestion: str | None, known: tuple[str, ...]) -> Wording:
    """`--set` names a let that the file does not have.

    It stands for the value of a `let` at file level, and for no parameter of a block, loop variable or let of a chain.

    Example, with --set widht=12:
        let width = 6
        input(1, 28, 28)
        conv(width, 5)

    Mended, with --set width=12:
        let width = 6
        input(1, 28, 28)
        conv(width, 5)
    """
    notes = (f"the file has {listed(known)}",) if known else ("the file has no lets",)
    return Wording(f"the file has no `let {name}`", "unknown", did_you_mean(suggestion), notes)


@code("name-taken")
def name_taken(name: str, by: str) -> Wording:
    """One name is bound twice in one scope, or a let takes the name of a parameter or loop variable around it.

    A value never changes in this language, so a second `let` of the name would hide the first, which is most often not
    meant. Give it another name; `--set` changes the value of a let from outside.

    Example:
        let width = 6
        let width = 12
        input(1, 28, 28)
        conv(width, 5)

    Mended:
        let width = 6
        let wider = 12
        input(1, 28, 28)
        conv(width, 5) relu
        conv(wider, 5)
    """
    return Wording(
        f"`{name}` is already the name of a {by} here", "taken", ("choose another name, or delete one of the two",)
    )


@code("name-reserved")
def name_reserved(name: str) -> Wording:
    """`in_channels` and `in_features` can't be names of values.

    They are what enters the layer in which they stand, and need no definition.

    Example:
        let in_channels = 16
        input(1, 28, 28)
        conv(in_channels, 5)

    Mended:
        let width = 16
        input(1, 28, 28)
        conv(width, 5)
    """
    return Wording(f"`{name}` is the language's own name", "reserved", ("choose another name",))


@code("block-name-reserved")
def block_name_reserved(name: str) -> Wording:
    """A block takes the name of a word of structure: input, seq, repeat, concat, add, mul or aux.

    By these a network is put together, and they mean the same in every file. Any other name is free, those of layers
    too.

    Example:
        block add(width) { conv(width, 3, p1) relu }

    Mended:
        block unit(width) { conv(width, 3, p1) relu }
    """
    return Wording(f"`{name}` can't be the name of a block", "reserved", ("choose another name",))


@code("label-reserved")
def label_reserved(name: str) -> Wording:
    """A label has a name that torch needs for itself.

    A label becomes an attribute of the `nn.Sequential` around it, and this one would hide one of its own, as `forward`
    and `train`. All that begin with an underscore are torch's: which of them it uses differs from version to version.

    Example:
        input(1, 28, 28)
        forward: conv(6, 5)

    Mended:
        input(1, 28, 28)
        stem: conv(6, 5)
    """
    if name.startswith("_"):
        mend = name.strip("_") or "a name"
        return Wording(f"`{name}` can't be a label", "names with `_` in front are torch's", (f"write `{mend}`",))
    return Wording(f"`{name}` can't be a label", "a name of nn.Sequential itself", (f"write `{name}_`, or another",))


@code("duplicate-label")
def duplicate_label(key: str) -> Wording:
    """Two modules would have one key in the state dict.

    The layers of one chain have different labels. Inside a loop a label is counted by itself: `layer: { ... }` in a
    `repeat` becomes layer1, layer2 and so on.

    Example:
        input(1, 28, 28)
        stage: { conv(6, 5) relu }
        stage: { conv(16, 5) relu }

    Mended:
        input(1, 28, 28)
        stage1: { conv(6, 5) relu }
        stage2: { conv(16, 5) relu }
    """
    name = key.rstrip("0123456789")
    other = f"{name}{int(key[len(name) :] or 1) + 1}"
    return Wording(f"two modules are called `{key}` here", "again", (f"choose another label, as `{other}`",))


@code("flag-or-value")
def flag_or_value(name: str, word: str, instead: str) -> Wording:
    """A bare word is a flag of the word that is called, and also the name of a value: which is meant is not clear.

    By name it is: `s=s2` gives the value, `s=2` what the flag would. Or rename the value.

    Example:
        let s2 = 3
        input(3, 32, 32)
        conv(64, 3, s2)

    Mended:
        let step = 3
        input(3, 32, 32)
        conv(64, 3, s=step)
    """
    return Wording(
        f"`{name}` is both a flag of `{word}` and a value here",
        "flag or value?",
        (f"write `{instead}`, or rename the value",),
    )
