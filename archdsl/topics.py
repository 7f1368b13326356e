"""What `archdsl explain` tells of the words that are no layers: those of structure, keywords, functions of values.

Each is a page in the form of `diagnostics/pages.py`; a test holds that the examples are fine.
"""

from __future__ import annotations

STRUCTURE: dict[str, str] = {
    "input": """The shape of one sample: `input(channels, height, width)`, or `input(features)` for a vector.

    It stands once, at file level, without a label, before the first layer. The batch is no part of it. On the command
    line, `--input 3x96x96` replaces it, or stands for it where the file has none.

    Example:
        input(3, 224, 224)
        conv(64, 3) relu
        global_avgpool flatten fc(10)
    """,
    "seq": """A chain as one module: `seq { conv(64, 3) relu }`.

    It becomes a nested nn.Sequential, and is one row in a table. A label does the same and gives it a name.

    Example:
        input(3, 32, 32)
        seq { conv(64, 3) relu }
        head: { global_avgpool flatten fc(10) }
    """,
    "repeat": """A chain several times: `repeat(3) { conv(64, 3, p1) relu }`.

    It is spliced in place, each turn with its own shapes and its own weights; `repeat(0)` is nothing.

    Example:
        input(3, 32, 32)
        repeat(3) { conv(64, 3, p1) relu pool(2) }
        global_avgpool flatten fc(10)
    """,
    "for": """A chain for each value: `for c in (64, 128) { conv(c, 3) relu }`.

    It is spliced in place. What it goes through is a tuple; `range(n)` is (0, ..., n-1). A pattern takes the tuples in
    it apart: `for (n, c) in ((1, 64), (2, 128)) { ... }`.

    Example:
        input(3, 32, 32)
        for (times, width) in ((1, 64), (2, 128)) {
          repeat(times) { conv(width, 3, p1) relu }
          pool(2)
        }
        global_avgpool flatten fc(10)
    """,
    "if": """One of several chains: `if s == 1 { identity } else { conv(64, 1, s=s) }`.

    It is spliced in place; `else if` goes on, and without an `else` nothing may be what is taken. The condition is true
    or false: a number is compared. The chains that are not taken are parsed, their names and counts checked, their
    values and shapes not.

    Example:
        let deep = true
        input(3, 32, 32)
        conv(64, 3, p1) relu
        if deep { conv(64, 3, p1) relu }
        global_avgpool flatten fc(10)
    """,
    "block": """A new word, made of others: `block name(parameters) { ... }`.

    It is defined at file level, and used before and after its definition. Parameters are names or patterns, each with
    an optional default; one of a single letter that has a default takes the form of a flag too: `unit(64, s2)`.

    Example:
        block unit(width, s=1) {
          conv(width, 3, p1, s=s, nobias) batchnorm relu
        }
        input(3, 32, 32)
        unit(64)
        unit(128, s2)
        global_avgpool flatten fc(10)
    """,
    "let": """A name for a value: `let width = 64`.

    It is visible below itself, inside blocks too; in a chain, to the end of that chain. The value never changes, but
    `--set width=32` on the command line stands for that of a `let` of the file.

    Example:
        let width = 64
        input(3, 32, 32)
        conv(width, 3) relu
        conv(2 * width, 3) relu
        global_avgpool flatten fc(10)
    """,
    "import": """The blocks and lets of another file: `import "blocks.arch"`.

    Imports come first in a file. The path is read from the folder of the file that imports, and stays in the folder of
    the spec, or in that of `--root`. What an imported file imports itself is not passed on.

    Example:
        import "blocks.arch"
        input(3, 32, 32)
        unit(64)
        global_avgpool flatten fc(10)

    Example, blocks.arch:
        block unit(width) { conv(width, 3) relu }
    """,
}
"""The words that put a network together, but for those that are layers: `concat`, `add`, `mul` and `aux`."""

VALUES: dict[str, str] = {
    "in_channels": """The channels of what enters the item in which it stands.

    There must be an image that enters: behind `flatten` it is `in_features`. In the arguments of a block call, in
    `for`, `if` and the count of `repeat`, it is what enters these. `let before = in_channels` keeps it for later items.

    Example:
        input(16, 32, 32)
        conv(2 * in_channels, 3) relu
        conv(in_channels, 3, g=in_channels) relu
        global_avgpool flatten fc(10)
    """,
    "in_features": """The features of the vector that enters the item in which it stands.

    Where an image enters it is `in_channels`.

    Example:
        input(784)
        fc(in_features / 2) relu
        fc(10)
    """,
    "min": """The least of some numbers, or of the numbers in one tuple.

    Values:
        min(64, 128)
        min((3, 5, 7))

    Example:
        let width = 96
        input(3, 32, 32)
        conv(min(width, 64), 3) relu
        global_avgpool flatten fc(10)
    """,
    "max": """The largest of some numbers, or of the numbers in one tuple.

    Values:
        max(64, 128)
        max((3, 5, 7))

    Example:
        let width = 2
        input(3, 32, 32)
        conv(max(width, 8), 3) relu
        global_avgpool flatten fc(10)
    """,
    "round": """The nearest whole number; halves go up.

    Values:
        round(2.4)
        round(2.5)
        round(-2.5)

    Example:
        let width = 0.75
        input(3, 32, 32)
        conv(round(64 * width), 3) relu
        global_avgpool flatten fc(10)
    """,
    "floor": """The largest whole number that is not above a number.

    Values:
        floor(2.9)
        floor(-2.1)

    Example:
        let width = 0.7
        input(3, 32, 32)
        conv(floor(64 * width), 3) relu
        global_avgpool flatten fc(10)
    """,
    "ceil": """The least whole number that is not below a number. As a bare word it is a flag of the pooling words.

    Values:
        ceil(2.1)
        ceil(-2.9)

    Example:
        let width = 0.7
        input(3, 32, 32)
        conv(ceil(64 * width), 3) relu
        pool(3, 2, ceil)
        global_avgpool flatten fc(10)
    """,
    "len": """How many values a tuple has.

    Values:
        len((64, 128, 256))
        len(range(5))

    Example:
        let widths = (16, 32, 64)
        input(3, 32, 32)
        for i in range(len(widths)) { conv(16 * (i + 1), 3) relu }
        global_avgpool flatten fc(10)
    """,
    "range": """The tuple (0, 1, ..., n-1).

    Values:
        range(3)
        range(0)

    Example:
        input(3, 32, 32)
        for i in range(3) { conv(16 * (i + 1), 3) relu }
        global_avgpool flatten fc(10)
    """,
    "zip": """The first values of several tuples as a tuple, then the second ones, and so on. All have one length.

    Values:
        zip((64, 128, 256), (1, 2, 2))
        zip(range(2), (16, 32))

    Example:
        let depths = (2, 2, 2)
        input(3, 32, 32)
        for (depth, channels) in zip(depths, (64, 128, 256)) {
          repeat(depth) { conv(channels, 3, p1) relu }
          pool(2)
        }
        global_avgpool flatten fc(10)
    """,
    "choose": """`choose(condition, a, b)` is a where the condition holds, and b where not; the other is not evaluated.

    It takes more conditions, each with its value: the first that holds decides. Without a value at the end, for all
    other cases, it is an error where none holds: so a file says which values of a let it is made for.

    It chooses a value; `if` chooses a chain of layers.

    Values:
        choose(true, 64, 128)
        choose(1 > 2, 64, 128)
        choose(1 > 2, 64, 1 > 1, 128, 256)

    Example:
        block unit(width) {
          conv(width, 3, p1, s=choose(in_channels == width, 1, 2)) relu
        }
        input(16, 32, 32)
        unit(16)
        unit(32)
        global_avgpool flatten fc(10)
    """,
    "make_divisible": """`make_divisible(v, d)` is the multiple of d nearest to v, at least d, and never below 0.9 v.

    The MobileNet papers so round the channels of a network that is made narrower (Sandler et al. 2018, in the authors'
    code): hardware is fast on multiples of 8, and no layer loses more than a tenth.

    Values:
        make_divisible(32 * 0.75, 8)
        make_divisible(35, 8)
        make_divisible(3, 8)

    Example:
        let width = 0.35
        input(3, 32, 32)
        conv(make_divisible(32 * width, 8), 3) relu
        global_avgpool flatten fc(10)
    """,
    "true": """A value that holds; `false` is the one that does not.

    Conditions are true or false, and so are flags that are given by name: `nobias=true` is `nobias`.

    Values:
        1 < 2
        not 1 < 2

    Example:
        let plain = true
        input(3, 32, 32)
        conv(64, 3, nobias=plain) batchnorm relu
        global_avgpool flatten fc(10)
    """,
    "and": """Both hold; `or` is at least one of two, `not` that one does not.

    The right side is looked at only where the left does not decide.

    Values:
        1 < 2 and 2 < 3
        1 > 2 or 2 < 3
        not 1 > 2

    Example:
        let depth = 3
        input(3, 32, 32)
        if depth > 1 and not depth == 2 { conv(64, 3) relu }
        global_avgpool flatten fc(10)
    """,
}
"""Names of values, functions, and the keywords of values."""

SAME_AS = {"else": "if", "in": "for", "false": "true", "or": "and", "not": "and"}
"""Keywords that another page tells of."""

TOPICS = {**STRUCTURE, **VALUES}
