"""The words for what is written as in other languages: their keywords, names, assignments and loops."""

from __future__ import annotations

from archdsl.diagnostics.catalog.entry import Wording, code


@code("dotted-name")
def dotted_name(text: str, mend: str | None) -> Wording:
    """A name has a dot in it, as that of a module of Python, or of a layer in another.

    Words need no module in front of them, and nothing is reached from outside of a block.

    Example:
        input(1, 28, 28)
        stem.first: conv(6, 5)

    Mended:
        input(1, 28, 28)
        stem_first: conv(6, 5)
    """
    last = text.rpartition(".")[2]
    return Wording(f"`{text}` has a dot, and a name has none", "a dot", (f"write `{last}`, or `{mend}`",))


@code("foreign-file")
def foreign_file(kind: str) -> Wording:
    """The text is a whole file of another language: Python, a Darknet cfg, YAML.

    Nothing else is said of it, for no line of it means here what it means there. A network is a chain of words: the
    input, then layer after layer, each with its arguments but without the sizes that come in.

    Example:
        import torch.nn as nn
        net = nn.Sequential(
            nn.Conv2d(1, 6, 5),
            nn.ReLU(),
        )

    Mended:
        input(1, 28, 28)
        conv(6, 5)
        relu
    """
    return Wording(
        f"this is {kind}, and no spec",
        f"a line of {kind}",
        ("a spec reads like `input(1, 28, 28) conv(6, 5) relu`; see `archdsl explain words`",),
    )


@code("foreign-keyword")
def foreign_keyword(word: str, meant: str) -> Wording:
    """A word that begins a statement in other languages, and is none here.

    There are `import`, `let`, `block`, `for`, `if` and `else`, and the words of layers. `repeat` repeats a chain; a
    condition stands between values that are known before the network is built.

    Example:
        let wide = true
        input(1, 28, 28)
        if wide { conv(64, 3) } elif not wide { conv(8, 3) }

    Mended:
        let wide = true
        input(1, 28, 28)
        if wide { conv(64, 3) } else if not wide { conv(8, 3) }
    """
    help = f"write `{meant}`" if meant else "delete it: a network gives what its last item gives"
    if meant in ("}", "{"):
        help = f"a body begins with `{{` and ends with `}}`: write `{meant}`"
    return Wording(f"`{word}` is no word of the language", "a word of another language", (help,))


@code("malformed-name")
def malformed_name(text: str, mend: str | None) -> Wording:
    """A name has a sign, a letter or a beginning that names have not.

    Names of labels, lets, blocks and parameters have ASCII letters, digits and `_`, and begin with no digit.

    Example:
        input(1, 28, 28)
        stem-1: conv(6, 5)

    Mended:
        input(1, 28, 28)
        stem_1: conv(6, 5)
    """
    rule = "names have ASCII letters, digits and `_`, and begin with no digit"
    return Wording(
        f"`{text}` can't be a name", "not a name", (f"write `{mend}`" if mend else rule,), (rule,) if mend else ()
    )


@code("let-without-equals")
def let_without_equals(name: str, mend: str) -> Wording:
    """A let gives a name its value by `=`, and by nothing else.

    Example:
        let width: 6
        input(1, 28, 28)
        conv(width, 5)

    Mended:
        let width = 6
        input(1, 28, 28)
        conv(width, 5)
    """
    return Wording(f"`let {name}` gives its value without `=`", "expected `=`", (f"write `{mend}`",))


@code("let-changed")
def let_changed(name: str) -> Wording:
    """A let keeps its value: it can't be changed later, only hidden by a let of an inner chain.

    Example:
        let width = 6
        let width += 2
        input(1, 28, 28)
        conv(width, 5)

    Mended:
        let width = 6
        let wider = width + 2
        input(1, 28, 28)
        conv(wider, 5)
    """
    return Wording(
        f"`{name}` keeps its value, and is not changed", "a change", (f"write a new name: `let wider = {name} + ...`",)
    )


@code("several-names")
def several_names() -> Wording:
    """A let gives one name one value. Tuples are taken apart by `for` and by parameters.

    Example:
        let a, b = 6, 16
        input(1, 28, 28)
        conv(a, 5) relu conv(b, 5)

    Mended:
        let a = 6
        let b = 16
        input(1, 28, 28)
        conv(a, 5) relu conv(b, 5)
    """
    return Wording("a let gives a value to one name", "one name", ("write a `let` for each name",))


@code("bare-tuple")
def bare_tuple(text: str) -> Wording:
    """Several values, or names, stand for one without the parentheses of a tuple.

    Example:
        input(1, 28, 28)
        for channels in 6, 16 { conv(channels, 5) relu }

    Mended:
        input(1, 28, 28)
        for channels in (6, 16) { conv(channels, 5) relu }
    """
    return Wording("a tuple stands without its parentheses", "a tuple?", (f"write `{text}`",))


@code("layer-assigned")
def layer_assigned(name: str, mend: str | None) -> Wording:
    """A layer is given to a name by `=`, which gives values alone.

    Layers stand one after the other, and what one gives enters the next. A name for the state dict is a label.

    Example:
        input(1, 28, 28)
        x = conv(6, 5)

    Mended:
        input(1, 28, 28)
        x: conv(6, 5)
    """
    if name == "input":
        return Wording("the input is given by `=`", "not `=`", (f"write `{mend}`",))
    if mend is not None and mend.endswith("{ ... }"):
        return Wording(f"a chain is given to `{name}` by `=`", "a label takes `:`", (f"write `{mend}`",))
    help = (
        f"write `{mend}`, or with a label `{name}: {mend}`" if mend else "write the layer alone, or `name: layer(...)`"
    )
    return Wording(f"a layer is given to `{name}` by `=`", "layers follow each other", (help,))


@code("layers-as-value")
def layers_as_value(name: str) -> Wording:
    """A let is given layers, and it holds values alone: numbers, truths and tuples. Layers with a name are a block.

    Example:
        let stage = { conv(6, 5) relu }
        input(1, 28, 28)
        stage

    Mended:
        block stage { conv(6, 5) relu }
        input(1, 28, 28)
        stage
    """
    return Wording(
        f"layers are no value of `let {name}`", "not a value", (f"write `block {name}(parameters) {{ ... }}`",)
    )


@code("condition-as-value")
def condition_as_value(found: str) -> Wording:
    """`if`, or `?` of other languages, stands in a value. `if` chooses between chains, `choose` between values.

    Example:
        let wide = true
        input(1, 28, 28)
        conv(if wide { 64 } else { 8 }, 3)

    Mended:
        let wide = true
        input(1, 28, 28)
        conv(choose(wide, 64, 8), 3)
    """
    return Wording(f"`{found}` stands in a value", "chooses no value", ("write `choose(condition, 64, 8)`",))


@code("malformed-for")
def malformed_for(mend: str | None) -> Wording:
    """A `for` does not read `for name in values { ... }`.

    The values are a tuple, `range(3)` being (0, 1, 2). To repeat a chain without a variable, write `repeat(3) { ... }`.

    Example:
        input(1, 28, 28)
        for i = 1 to 3 { conv(6 + i, 3) relu }

    Mended:
        input(1, 28, 28)
        for i in range(3) { conv(6 + i, 3) relu }
    """
    if mend:
        return Wording("`for` goes through values with `in`", "expected `in`", (f"write `{mend}`",))
    help = ("write `for c in (64, 128) { ... }`, or `for i in range(3) { ... }` for 0 to 2",)
    return Wording("`for` goes through the values of a tuple", "not `name in values`", help)


@code("sign-before-brace")
def sign_before_brace(sign: str) -> Wording:
    """A sign or word stands between a head and the brace of its body: `else: {`, `block b = {`, `if x then {`.

    Example:
        input(1, 28, 28)
        repeat(2): { conv(6, 3) relu }

    Mended:
        input(1, 28, 28)
        repeat(2) { conv(6, 3) relu }
    """
    return Wording(f"`{sign}` stands before a brace", "not needed", ("delete it",))


@code("malformed-parameter")
def malformed_parameter(mend: str | None) -> Wording:
    """What stands among the parameters of a block is no parameter.

    A parameter is a name, or a name with a default: `block stage(channels, s=1)`. It has no type.

    Example:
        block stage(channels: int) { conv(channels, 5) }
        input(1, 28, 28)
        stage(6)

    Mended:
        block stage(channels) { conv(channels, 5) }
        input(1, 28, 28)
        stage(6)
    """
    help = f"write `{mend}`" if mend else "write a name, or a name with a default: `block stage(channels, s=1)`"
    return Wording("this is no parameter of a block", "not a name", (help,))


@code("empty-argument")
def empty_argument() -> Wording:
    """A comma has nothing in front of it: an argument is missing, or the comma is one too many.

    Example:
        input(1, 28, 28)
        conv(6,, 5)

    Mended:
        input(1, 28, 28)
        conv(6, 5)
    """
    return Wording("nothing stands before this comma", "an argument is missing", ("delete the comma",))


@code("argument-with-colon")
def argument_with_colon(sign: str, mend: str) -> Wording:
    """An argument is given by name with another sign than `=`.

    Example:
        input(1, 28, 28)
        conv(6, 5, pad: 2)

    Mended:
        input(1, 28, 28)
        conv(6, 5, pad=2)
    """
    return Wording(f"`{sign}` gives no argument its value", "expected `=`", (f"write `{mend}`",))


@code("value-as-item")
def value_as_item(value: str, mend: str | None) -> Wording:
    """A value stands where a layer or a block must stand.

    Arguments stand in the parentheses of their layer, right behind it. What is to stand several times is the chain of
    a `repeat`.

    Example:
        input(1, 28, 28)
        3 x dropout(0.2)

    Mended:
        input(1, 28, 28)
        repeat(3) { dropout(0.2) }
    """
    found = "a value in parentheses" if value == "(" else f"`{value}`"
    help = f"write `{mend}`" if mend else "arguments stand in the parentheses of a layer: `conv(64, 3)`"
    return Wording(f"{found} stands where a layer must", "not a layer", (help,))


@code("operator-between-layers")
def operator_between_layers(sign: str, mend: str | None) -> Wording:
    """An operator stands between layers, and operators reckon with values alone.

    Layers are summed and multiplied by branches: `add { a | b }`, `mul { a | b }`, where `identity` is what comes in.

    Example:
        input(6, 28, 28)
        conv(6, 3, p1) + identity

    Mended:
        input(6, 28, 28)
        add { conv(6, 3, p1) | identity }
    """
    word = {"+": "add", "*": "mul"}.get(sign)
    help = "items follow each other without a sign, as in `conv(64, 3) relu`"
    if mend:
        help = f"write `{mend}`"
    elif word:
        help = f"write `{word} {{ a | b }}`; what comes in is `identity`"
    return Wording(f"`{sign}` stands between layers", "for values alone", (help,))


@code("brackets-around-items")
def brackets_around_items(opener: str) -> Wording:
    """Items stand in brackets that belong to no word.

    A branch needs none; braces belong to a label or to a word that takes a body.

    Example:
        input(1, 28, 28)
        concat { { conv(6, 5) relu } | { conv(6, 5) } }

    Mended:
        input(1, 28, 28)
        concat { conv(6, 5) relu | conv(6, 5) }
    """
    return Wording(
        f"this `{opener}` belongs to no word",
        "no word before it",
        ("delete these brackets; a chain with a name is `name: { ... }`, one without is `seq { ... }`",),
    )


@code("bar-outside-braces")
def bar_outside_braces(text: str | None) -> Wording:
    """A bar stands outside of braces. It parts the branches of `concat`, `add` and `mul`, which stand in braces.

    Example:
        input(1, 28, 28)
        concat(conv(6, 5) | conv(6, 5))

    Mended:
        input(1, 28, 28)
        concat { conv(6, 5) | conv(6, 5) }
    """
    help = f"write `{text}`" if text else "items follow each other without a sign; branches stand in `concat { a | b }`"
    return Wording("`|` stands in no braces", "parts no branches here", (help,))
