"""The words for faults of calls: arguments missing or too many, bodies missing, the wrong kind of input."""

from __future__ import annotations

from archdsl.diagnostics.catalog.entry import Wording, code, plural
from archdsl.diagnostics.catalog.names import listed


@code("missing-argument")
def missing_argument(word: str, call: str, missing: tuple[str, ...]) -> Wording:
    """A word or block is called without an argument that has no default.

    In torch the first number of `Conv2d` is the channels that come in; here these are known and not said, so the first
    number is the channels that go out, and the second the kernel, which is needed.

    Example:
        input(1, 28, 28)
        conv(6)

    Mended:
        input(1, 28, 28)
        conv(6, 5)
    """
    names = " and ".join(f"`{name}`" for name in missing)
    return Wording(f"`{word}` needs {names}", "not given", (f"write `{call}`",))


@code("too-many-arguments")
def too_many_arguments(
    word: str, call: str, most: int, names: tuple[str, ...], meant: str | None = None, pair: str | None = None
) -> Wording:
    """More arguments stand in order than the word or block takes.

    Most often the channels that come in are said, as torch and Darknet need them: `Linear(84, 10)` is `fc(10)` here.
    What has no place in the order goes by name or as a flag: `d2` for dilation, `g4` for groups.

    Example:
        input(84)
        fc(84, 10)

    Mended:
        input(84)
        fc(10)

    Example:
        input(1, 28, 28)
        conv(6, 5, 1, 2, 2)

    Mended:
        input(1, 28, 28)
        conv(6, 5, 1, 2, d2)
    """
    if not most and not names:
        return Wording(f"`{word}` takes no arguments", "too many", (f"write `{word}`",))
    notes = (f"by name: {listed(names)}",) if names else ()
    help = f"the order is `{call}`"
    if meant is not None:
        help = f"did you mean `{meant}`? What comes in is known, and not said"
    elif pair is not None:
        help = f"height and width are a pair: `{word}({pair})`"
    return Wording(f"`{word}` takes {plural(most, 'argument')} in order", "one too many", (help,), notes)


@code("positional-after-named")
def positional_after_named(word: str, call: str) -> Wording:
    """An argument without a name follows one that has a name, or a flag.

    First come the arguments in order, then names and flags in any order, as in Python.

    Example:
        input(1, 28, 28)
        conv(6, p2, 5)

    Mended:
        input(1, 28, 28)
        conv(6, 5, p2)
    """
    return Wording(
        "an argument without a name follows one with a name", "needs a name", (f"the order is `{call}`, then names",)
    )


@code("flag-after-name")
def flag_after_name(flag: str, word: str, written: str) -> Wording:
    """A flag stands behind a name, as text does in Keras and torch: `padding="same"`.

    A flag is a bare word, and says alone what it means.

    Example:
        input(1, 28, 28)
        conv(6, 5, pad=same)

    Mended:
        input(1, 28, 28)
        conv(6, 5, same)
    """
    return Wording(f"`{flag}` is a flag of `{word}`, and takes no name", "a flag alone", (f"write `{flag}`",))


@code("argument-given-twice")
def argument_given_twice(name: str, word: str) -> Wording:
    """One argument is given twice: in order and by name, or by name and as a flag.

    The third argument of `conv` is the stride and the fourth the padding; flags say the same by letters. The letter is
    a name of the same argument: `s=2`, `s2` and `stride=2` are one.

    Example:
        input(1, 28, 28)
        conv(6, 5, 2, s2)

    Mended:
        input(1, 28, 28)
        conv(6, 5, s2)
    """
    return Wording(f"`{name}` of `{word}` is given twice", "again", ("delete one of the two",))


@code("argument-count")
def argument_count(word: str, call: str, found: int, allowed: tuple[int, ...]) -> Wording:
    """A word takes one of several numbers of arguments, and none between.

    `zero_pad` takes one number for all four sides, or the four in the order left, right, top, bottom, as in torch.

    Example:
        input(1, 28, 28)
        zero_pad(1, 2)

    Mended:
        input(1, 28, 28)
        zero_pad(1, 1, 2, 2)
    """
    wanted = " or ".join(str(count) for count in allowed)
    return Wording(
        f"`{word}` takes {wanted} arguments, not {found}",
        f"takes {wanted}",
        (f"one for all sides, or `{call}`",),
    )


@code("repeat-count")
def repeat_count(found: int, named: bool) -> Wording:
    """`repeat` does not have the one number, without a name, that says how many times its chain stands.

    Example:
        input(6, 28, 28)
        repeat { conv(6, 3, p1) relu }

    Mended:
        input(6, 28, 28)
        repeat(3) { conv(6, 3, p1) relu }
    """
    message = "`repeat` needs a number" if not found else f"`repeat` takes one number, not {found}"
    return Wording(
        "`repeat` takes its number without a name" if named else message,
        "how many times?",
        ("write `repeat(3) { ... }`",),
    )


@code("takes-no-body")
def takes_no_body(word: str) -> Wording:
    """A body in braces follows a word that has none.

    Only `seq repeat concat add mul aux` have bodies. What follows a layer is the next item, and stands in no braces; to
    put layers together under a name, write a label.

    Example:
        input(1, 28, 28)
        conv(6, 5) { relu pool(2) }

    Mended:
        input(1, 28, 28)
        conv(6, 5) relu pool(2)
    """
    return Wording(
        f"`{word}` has no body", "a body", ("delete the braces, and let what is inside follow as the next items",)
    )


@code("takes-no-arguments")
def takes_no_arguments(word: str, mend: str | None) -> Wording:
    """`seq`, `concat`, `add` or `mul` has arguments, and takes a body alone.

    Keras and torch join tensors that have names. Here no tensor has one: the branches stand in the body, parted by
    bars, and each gets what enters.

    Example:
        input(16, 28, 28)
        add(conv(16, 3, p1), identity)

    Mended:
        input(16, 28, 28)
        add { conv(16, 3, p1) | identity }
    """
    example = "{ a | b }" if word in ("concat", "add", "mul") else "{ ... }"
    return Wording(f"`{word}` takes no arguments", "an argument", (f"write `{mend or f'{word} {example}'}`",))


@code("missing-body")
def missing_body(word: str, count: str | None = None) -> Wording:
    """A word that needs a body in braces has none: `seq repeat concat add mul aux`.

    Example:
        input(6, 28, 28)
        repeat(3) conv(6, 3, p1)

    Mended:
        input(6, 28, 28)
        repeat(3) { conv(6, 3, p1) relu }
    """
    example = {"repeat": f"repeat({count or 3}) {{ ... }}", "aux": "aux(0.3) { ... }", "seq": "seq { ... }"}.get(
        word, f"{word} {{ ... | ... }}"
    )
    return Wording(f"`{word}` needs a body in braces", "no body", (f"write `{example}`",))


@code("needs-flatten")
def needs_flatten(word: str, shape: str | None, features: int | None) -> Wording:
    """`fc` takes a vector, and an image comes in.

    In Keras `Dense` works on the last axis of whatever comes; torch's `Linear` does too, and fails or gives nonsense on
    a picture. Write `flatten` before it, which keeps every value, or `global_avgpool flatten`, which keeps one value
    for each channel and so needs fewer weights.

    Example:
        input(1, 28, 28)
        conv(6, 5) relu
        fc(10)

    Mended:
        input(1, 28, 28)
        conv(6, 5) relu
        flatten fc(10)
    """
    image = f"an image of {shape}" if shape else "an image"
    gives = f", which gives {features} features" if features is not None else ""
    return Wording(
        f"`{word}` takes a vector, and {image} comes in", "needs a vector", (f"write `flatten` before it{gives}",)
    )


@code("needs-image")
def needs_image(word: str, shape: str | None) -> Wording:
    """A word that works on pictures gets a vector.

    Behind `flatten` and `fc` there is no picture left, and an `input` of one size is a vector from the start.

    Example:
        input(784)
        conv(6, 5)

    Mended:
        input(1, 28, 28)
        conv(6, 5)

    Example:
        input(1, 28, 28)
        flatten pool(2)

    Mended:
        input(1, 28, 28)
        pool(2) flatten
    """
    vector = f"a vector of {shape}" if shape else "a vector"
    return Wording(
        f"`{word}` takes an image, and {vector} comes in",
        "needs an image",
        ("put it before `flatten`, or give the input as `input(channels, height, width)`",),
    )
