"""The words for faults of calls: arguments missing or too many, bodies missing, the wrong kind of input."""

from __future__ import annotations

from archdsl.diagnostics.catalog.entry import Wording, code, plural
from archdsl.diagnostics.catalog.names import listed


@code("missing-argument")
def missing_argument(word: str, call: str, missing: tuple[str, ...]) -> Wording:
    """A word or block is called without an argument that has no default."""
    names = " and ".join(f"`{name}`" for name in missing)
    return Wording(f"`{word}` needs {names}", "not given", (f"write `{call}`",))


@code("too-many-arguments")
def too_many_arguments(word: str, call: str, most: int, names: tuple[str, ...]) -> Wording:
    """More arguments stand in order than the word or block takes; further ones go by name or as flags."""
    if not most and not names:
        return Wording(f"`{word}` takes no arguments", "too many", (f"write `{word}`",))
    notes = (f"by name: {listed(names)}",) if names else ()
    return Wording(
        f"`{word}` takes {plural(most, 'argument')} in order", "one too many", (f"the order is `{call}`",), notes
    )


@code("positional-after-named")
def positional_after_named(word: str, call: str) -> Wording:
    """After an argument by name or a flag, all others go by name or as flags too."""
    return Wording(
        "an argument without a name follows one with a name", "needs a name", (f"the order is `{call}`, then names",)
    )


@code("argument-given-twice")
def argument_given_twice(name: str, word: str) -> Wording:
    """One argument is given twice: in order and by name, or by name and as a flag."""
    return Wording(f"`{name}` of `{word}` is given twice", "again", ("delete one of the two",))


@code("argument-count")
def argument_count(word: str, found: int, allowed: tuple[int, ...]) -> Wording:
    """A word takes one of several numbers of arguments, and none between."""
    wanted = " or ".join(str(count) for count in allowed)
    return Wording(f"`{word}` takes {wanted} arguments, not {found}", f"takes {wanted}")


@code("repeat-count")
def repeat_count(found: int, named: bool) -> Wording:
    """`repeat` takes one number, without a name: how many times the chain stands."""
    message = "`repeat` needs a number" if not found else f"`repeat` takes one number, not {found}"
    return Wording(
        "`repeat` takes its number without a name" if named else message,
        "how many times?",
        ("write `repeat(3) { ... }`",),
    )


@code("takes-no-body")
def takes_no_body(word: str) -> Wording:
    """A body in braces follows a word that has none: only `seq repeat concat add mul aux` have bodies."""
    return Wording(
        f"`{word}` has no body", "a body", ("delete the braces, and let what is inside follow as the next items",)
    )


@code("takes-no-arguments")
def takes_no_arguments(word: str) -> Wording:
    """`seq`, `concat`, `add` and `mul` take a body and no arguments."""
    example = "{ a | b }" if word in ("concat", "add", "mul") else "{ ... }"
    return Wording(f"`{word}` takes no arguments", "an argument", (f"write `{word} {example}`",))


@code("missing-body")
def missing_body(word: str) -> Wording:
    """`seq repeat concat add mul aux` need a body in braces."""
    example = {"repeat": "repeat(3) { ... }", "aux": "aux(0.3) { ... }", "seq": "seq { ... }"}.get(
        word, f"{word} {{ ... | ... }}"
    )
    return Wording(f"`{word}` needs a body in braces", "no body", (f"write `{example}`",))


@code("needs-flatten")
def needs_flatten(word: str, shape: str | None, features: int | None) -> Wording:
    """`fc` takes a vector, and an image comes in."""
    image = f"an image of {shape}" if shape else "an image"
    gives = f", which gives {features} features" if features is not None else ""
    return Wording(
        f"`{word}` takes a vector, and {image} comes in", "needs a vector", (f"write `flatten` before it{gives}",)
    )


@code("needs-image")
def needs_image(word: str, shape: str | None) -> Wording:
    """A word that works on pictures gets a vector: after `flatten` or `fc` there is no picture left."""
    vector = f"a vector of {shape}" if shape else "a vector"
    return Wording(
        f"`{word}` takes an image, and {vector} comes in",
        "needs an image",
        ("put it before `flatten`, or give the input as `input(channels, height, width)`",),
    )
