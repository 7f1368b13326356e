"""The words for faults of structure: bodies, branches, inputs, blocks, sizes, imports."""

from __future__ import annotations

import re

from archdsl.diagnostics.catalog.entry import Wording, code
from archdsl.diagnostics.catalog.names import did_you_mean


@code("empty-body")
def empty_body() -> Wording:
    """Nothing stands between two braces.

    What gives its input as it is, is written `identity`, so that nothing is left out by accident.

    Example:
        let pooled = false
        input(3, 32, 32)
        if pooled { pool(2) } else { }
        flatten fc(10)

    Mended:
        let pooled = false
        input(3, 32, 32)
        if pooled { pool(2) }
        flatten fc(10)
    """
    return Wording("nothing stands between these braces", "empty", ("write `identity` for the input itself",))


@code("bar-without-join")
def bar_without_join(opener: str) -> Wording:
    """A body that is no `concat`, `add` or `mul` is parted by `|`.

    The bar parts branches, and it must be said how they are joined again.

    Example:
        input(3, 32, 32)
        views: { conv(16, 1) | conv(16, 3, p1) }

    Mended:
        input(3, 32, 32)
        views: concat { conv(16, 1) | conv(16, 3, p1) }
    """
    word = "this body" if opener in ("a label", "block") else f"`{opener}`"
    return Wording(
        f"{word} is parted by `|`",
        "has several branches",
        ("write `concat { a | b }`, or `add` or `mul`, so that it is said how they are joined",),
    )


@code("too-few-branches")
def too_few_branches(word: str) -> Wording:
    """A `concat`, `add` or `mul` has one branch alone.

    With one there is nothing to join. A residual block has its shortcut as the second branch: `identity`.

    Example:
        input(16, 32, 32)
        add { conv(16, 3, p1) }

    Mended:
        input(16, 32, 32)
        add { conv(16, 3, p1) | identity }
    """
    return Wording(
        f"`{word}` needs at least two branches",
        "has one",
        (f"part them by `|`: `{word} {{ a | b }}`; the input itself is `identity`",),
    )


@code("empty-branch")
def empty_branch(lacks_else: bool = False) -> Wording:
    """A branch has no layer, or none is left once its loops and conditions are spliced.

    What gives the input as it is, is written `identity`.

    Example:
        let extra = 0
        input(16, 32, 32)
        add { conv(16, 3, p1) | repeat(extra) { conv(16, 1) relu } }

    Mended:
        let extra = 0
        input(16, 32, 32)
        add { conv(16, 3, p1) | identity repeat(extra) { conv(16, 1) relu } }
    """
    mend = "write `identity` for the input itself"
    if lacks_else:
        mend = "give the `if` an `else` for what is then: `else { identity }` is the input itself"
    return Wording("this branch has no layer", "empty", (mend,))


@code("misplaced-input")
def misplaced_input(where: str) -> Wording:
    """`input` stands after a layer, under a label, or in a body.

    It stands once, at file level, without a label, before the first layer. Blocks have none: what enters is known from
    where they are called.

    Example:
        seq {
          input(3, 32, 32)
          conv(16, 3) relu
        }

    Mended:
        input(3, 32, 32)
        seq {
          conv(16, 3) relu
        }
    """
    return Wording(
        f"`input` stands {where}",
        "misplaced",
        ("write it once, at the top of the file, before the first layer",),
    )


@code("missing-input")
def missing_input() -> Wording:
    """A file with layers does not say the shape of one sample.

    Every shape is computed from it. It stands in the file, or comes by `--input 3x224x224` on the command line. The
    batch is no part of it.

    Example:
        conv(16, 3) relu
        flatten fc(10)

    Mended:
        input(3, 32, 32)
        conv(16, 3) relu
        flatten fc(10)
    """
    return Wording(
        "the network has no input",
        "the first layer",
        ("write `input(channels, height, width)` before it, or give --input 3x224x224",),
    )


@code("input-twice")
def input_twice() -> Wording:
    """A second input stands in the file.

    A network has one. To check it with another shape, give `--input 3x64x64` on the command line.

    Example:
        input(3, 32, 32)
        input(3, 64, 64)
        conv(16, 3) relu

    Mended, with --input 3x64x64:
        input(3, 32, 32)
        conv(16, 3) relu
    """
    return Wording("the network has a second input", "again", ("delete one of the two",))


@code("input-sizes")
def input_sizes(found: int, otherwise: str | None, mend: str | None) -> Wording:
    """`input` does not have one or three sizes, in order and without names.

    They are the channels, the height and the width of one image, or the features of one vector. The batch is not said,
    and the channels come first, as in torch; in Keras they come last.

    Example:
        input(28, 28)
        conv(16, 3) relu

    Mended:
        input(1, 28, 28)
        conv(16, 3) relu

    Example:
        input(64, 3, 32, 32)
        conv(16, 3) relu

    Mended:
        input(3, 32, 32)
        conv(16, 3) relu
    """
    message = f"`input` takes one or three sizes, not {found}" if found else "`input` needs sizes"
    if otherwise is not None:
        message = f"`input` takes its sizes {otherwise}"
    help = f"write `{mend or 'input(channels, height, width)'}`"
    if found == 2:
        help = "the channels come first: `input(1, height, width)`, or 3 for a picture in color"
    elif found == 4:
        help = f"the batch is no part of it: {help}"
    elif mend is None:
        help = f"{help}, or `input(features)` for a vector"
    return Wording(message, "how large?", (help,))


@code("no-layers")
def no_layers() -> Wording:
    """A file has an input and no layer, or its loops and conditions leave none.

    Example:
        let depth = 0
        input(3, 32, 32)
        repeat(depth) { conv(16, 3) relu }

    Mended, with --set depth=2:
        let depth = 0
        input(3, 32, 32)
        repeat(depth) { conv(16, 3) relu }
    """
    return Wording("the network has no layers", "nothing is built", ("write layers after the input: conv(64, 3) relu",))


@code("empty-file")
def empty_file() -> Wording:
    """A file has no statement at all.

    A spec begins with the shape of one sample, and its layers follow. A new file is empty, and so is one that was not
    saved.

    Example:
        # To be written.

    Mended:
        input(1, 28, 28)
        flatten fc(10)
    """
    return Wording("the file has no layers and no definitions", "nothing here", ("begin with `input(1, 28, 28)`",))


@code("misplaced-aux")
def misplaced_aux() -> Wording:
    """An `aux` stands inside a branch or another `aux`.

    An auxiliary head is one more exit of the whole network, and hangs on its main chain: before or after a join, not
    inside.

    Example:
        input(16, 32, 32)
        concat {
            conv(16, 1) aux(0.3) { flatten fc(10) }
          | identity
        }
        flatten fc(10)

    Mended:
        input(16, 32, 32)
        concat {
            conv(16, 1)
          | identity
        }
        aux(0.3) { flatten fc(10) }
        flatten fc(10)
    """
    return Wording(
        "`aux` stands inside a branch or another `aux`", "misplaced", ("move it out, before or after the join",)
    )


@code("head-differs")
def head_differs(gives: str, output: str) -> Wording:
    """An auxiliary head gives another shape than the network.

    It is trained on the same labels, so it ends in what the network ends in.

    Example:
        input(3, 32, 32)
        conv(16, 3) relu
        aux(0.3) { global_avgpool flatten fc(100) }
        flatten fc(10)

    Mended:
        input(3, 32, 32)
        conv(16, 3) relu
        aux(0.3) { global_avgpool flatten fc(10) }
        flatten fc(10)
    """
    return Wording(
        f"the auxiliary head gives {gives}, and the network gives {output}",
        f"gives {gives}",
        (f"end the head with `fc({output})`" if output.isdecimal() else f"let the head end in what gives {output}",),
    )


@code("recursive-block")
def recursive_block(name: str, chain: tuple[str, ...]) -> Wording:
    """A block calls itself, directly or through others, and would never end.

    There is no recursion. What repeats is written with `repeat` or `for`; a network that nests in itself, as a U-Net
    does, has a block for each level.

    Example:
        block tower(depth) {
          conv(16, 3, p1) relu
          if depth > 1 { tower(depth - 1) }
        }
        input(3, 32, 32)
        tower(3)

    Mended:
        block tower(depth) {
          repeat(depth) { conv(16, 3, p1) relu }
        }
        input(3, 32, 32)
        tower(3)
    """
    circle = " calls ".join(f"`{each}`" for each in chain)
    return Wording(f"`{name}` calls itself", "again", ("write what repeats with `repeat` or `for`",), (circle,))


@code("calls-too-deep")
def calls_too_deep(limit: int) -> Wording:
    """Blocks call each other more than a hundred deep.

    A program wrote them, one for each layer. One block with parameters, called in a `repeat` or `for`, does the same.

    Example:
        block unit1 { conv(16, 3, p1) relu }
        block unit2 { unit1 conv(16, 3, p1) relu }
        ...
        block unit101 { unit100 conv(16, 3, p1) relu }
        input(3, 32, 32)
        unit101
        flatten fc(10)

    Mended:
        block unit { conv(16, 3, p1) relu }
        input(3, 32, 32)
        repeat(101) { unit }
        flatten fc(10)
    """
    return Wording(f"blocks call each other more than {limit} deep", "one call too many")


@code("network-too-large")
def network_too_large(size: int, limit: int) -> Wording:
    """The network would have more modules than allowed: 100,000, or what `--max-layers` says.

    They are counted before anything is expanded, so that a `repeat` with a digit too many ends at once.

    Example:
        input(3, 32, 32)
        repeat(600000) { conv(16, 3, p1) relu }

    Mended:
        input(3, 32, 32)
        repeat(6) { conv(16, 3, p1) relu }

    Example, with --max-layers 3:
        input(3, 32, 32)
        conv(16, 3, p1) relu
        flatten fc(10)

    Mended, with --max-layers 4:
    """
    return Wording(
        f"the network would have {size:,} modules or more",
        "grows too large here",
        (f"up to {limit:,} are allowed; `--max-layers` raises it",),
    )


@code("too-many-parameters")
def too_many_parameters(parameters: int, here: int, limit: int) -> Wording:
    """The network has more parameters than allowed: 2,000,000,000, or what `--max-parameters` says.

    They take eight gigabytes, and four times that to train. Most often an `fc` stands on a large picture that was
    flattened: pool before it. Where the size is meant, raise the limit.

    Example, with --max-parameters 1000:
        input(3, 32, 32)
        conv(8, 3) relu flatten fc(10)

    Mended, with --max-parameters 1000:
        input(3, 32, 32)
        conv(8, 3) relu global_avgpool flatten fc(10)
    """
    gibibytes = parameters * 4 / 2**30
    size = f"{gibibytes:,.1f} GiB in single precision" if gibibytes >= 1 else f"{parameters * 4:,} bytes"
    return Wording(
        f"the network has {parameters:,} parameters, and up to {limit:,} are allowed",
        f"{here:,} of them",
        ("pool before `flatten`, or use smaller sizes; `--max-parameters` raises the limit",),
        (f"they take {size}",),
    )


@code("too-much-to-expand")
def too_much_to_expand(limit: int) -> Wording:
    """Loops and blocks ask for more work than any network needs.

    Each item that is expanded and each value that is computed is a step. Loops in loops that build nothing, or little,
    take many.

    Example:
        input(3, 32, 32)
        for a in range(1000) {
          for b in range(1000) {
            if a == b { relu }
          }
        }

    Mended:
        input(3, 32, 32)
        repeat(10) {
          conv(16, 3, p1) relu
        }
    """
    return Wording("loops and blocks take too many steps to expand", "given up here", notes=(f"after {limit:,} steps",))


@code("too-many-errors")
def too_many_errors(limit: int) -> Wording:
    """A file has more than 1,000 errors. The check ends, and what stands behind is not looked at.

    It is most often one mistake many times: a file in another notation, or a word that is spelled wrong in a file that
    a program wrote. Mend the first, and check again.

    Example:
        input(3, 32, 32)
        Conv2d(16, 1)  # layer 1
        ...
        Conv2d(16, 1)  # layer 1001

    Mended:
        input(3, 32, 32)
        repeat(1001) { conv(16, 1) relu }
    """
    return Wording(f"more than {limit:,} errors: the check ends here", "and more", ("mend the first ones",))


@code("misplaced-import")
def misplaced_import() -> Wording:
    """An import stands after other statements.

    Imports come first, so that a reader sees at the top where the names of a file come from.

    Example:
        input(3, 32, 32)
        import "blocks.arch"
        unit

    Example, blocks.arch:
        block unit { conv(16, 3) relu }

    Mended:
        import "blocks.arch"
        input(3, 32, 32)
        unit
    """
    return Wording("an import stands after other statements", "misplaced", ("move it to the top of the file",))


@code("import-conflict")
def import_conflict(name: str, first: str, second: str) -> Wording:
    """Two imported files define one name, and which is meant is not clear.

    Rename it in one of the files. A block of the file itself wins over imported ones, so that it may stand beside them.

    Example:
        import "small.arch"
        import "large.arch"
        input(3, 32, 32)
        unit

    Example, small.arch:
        block unit { conv(16, 3) relu }

    Example, large.arch:
        block unit { conv(64, 5) relu }

    Mended:
        import "small.arch"
        import "large.arch"
        input(3, 32, 32)
        unit
        large_unit

    Mended, large.arch:
        block large_unit { conv(64, 5) relu }
    """
    return Wording(f"`{name}` is defined by both {first} and {second}", "again", ("rename it in one of the two",))


@code("import-outside-root")
def import_outside_root(path: str) -> Wording:
    """An import leads out of the folder of the spec, by `..`, an absolute path or a link.

    A spec from elsewhere can so read nothing but what came with it. Where the blocks lie beside the folder, name a
    folder around both: `archdsl check specs/net.arch --root .`

    Example:
        import "../blocks.arch"
        input(3, 32, 32)
        unit

    Mended:
        import "blocks.arch"
        input(3, 32, 32)
        unit

    Mended, blocks.arch:
        block unit { conv(16, 3) relu }
    """
    return Wording(
        f'"{path}" leads out of the folder of the spec',
        "outside",
        ("move the file into the folder, or name a folder around both by --root",),
    )


@code("import-cycle")
def import_cycle(chain: tuple[str, ...]) -> Wording:
    """Files import each other in a circle.

    Neither could be read before the other. Move what both need into a third file that imports neither.

    Example:
        import "stem.arch"
        input(3, 32, 32)
        stem

    Example, stem.arch:
        import "unit.arch"
        let width = 16
        block stem { unit }

    Example, unit.arch:
        import "stem.arch"
        block unit { conv(width, 3) relu }

    Mended, stem.arch:
        import "unit.arch"
        block stem { unit }

    Mended, unit.arch:
        let width = 16
        block unit { conv(width, 3) relu }
    """
    return Wording(
        "the files import each other in a circle",
        "closes the circle",
        ("move what both need into a third file",),
        (" imports ".join(chain),),
    )


@code("too-many-imports")
def too_many_imports(limit: int) -> Wording:
    """A spec imports more than a hundred files, directly or through others.

    One file may hold many blocks.

    Example:
        import "1.arch"
        ...
        import "101.arch"
        input(3, 32, 32)
        unit1 unit101

    Example, 1.arch ... 101.arch:
        block unit1 { conv(16, 3) relu }

    Mended:
        import "units.arch"
        input(3, 32, 32)
        unit1 unit101

    Mended, units.arch:
        block unit1 { conv(16, 3) relu }
        ...
        block unit101 { conv(16, 3) relu }
    """
    return Wording(f"more than {limit} files are imported", "one too many")


@code("import-unreadable")
def import_unreadable(path: str, reason: str, suggestion: str | None) -> Wording:
    """An imported file is not there, or can't be read.

    The path is taken from the folder of the file that imports, not from where the command runs, and has its ending,
    `.arch`.

    Example:
        import "blokcs.arch"
        input(3, 32, 32)
        unit

    Example, blocks.arch:
        block unit { conv(16, 3) relu }

    Mended:
        import "blocks.arch"
        input(3, 32, 32)
        unit
    """
    return Wording(f'"{path}" can\'t be read: {reason}', reason, did_you_mean(suggestion))


@code("import-has-layers")
def import_has_layers(path: str) -> Wording:
    """An imported file has layers of its own.

    Blocks and lets alone can be imported: a network has one chain, and where that of the other file would stand in it
    is not said.

    Example:
        import "net.arch"
        input(3, 32, 32)
        unit

    Example, net.arch:
        block unit { conv(16, 3) relu }
        input(1, 28, 28)
        unit flatten fc(10)

    Mended, net.arch:
        block unit { conv(16, 3) relu }
    """
    return Wording(
        f'"{path}" has layers of its own',
        "not a library",
        ("move its blocks to a file without layers, and import that from both",),
    )


@code("unreadable-file")
def unreadable_file(path: str, reason: str, suggestion: str | None = None) -> Wording:
    """The file on the command line is not there, is a folder without `.arch` files, or may not be read.

    The folder of `--root` must be there too.

    Example, missing:

    Mended:
        input(1, 28, 28)
        flatten fc(10)
    """
    return Wording(f"{path} can't be read: {reason}", "", did_you_mean(suggestion))


@code("no-network")
def no_network() -> Wording:
    """The file has blocks and lets alone, where a network is wanted: to train, or to build.

    Such a file is a library to import, and a check finds nothing wrong with it.

    Example, loaded:
        block unit { conv(16, 3) relu }

    Mended, loaded:
        block unit { conv(16, 3) relu }
        input(3, 32, 32)
        unit
    """
    return Wording(
        "the file defines no network", "no layers", ("write layers in it, or import it from a file that has",)
    )


@code("channels-not-given")
def channels_not_given(name: str, what: str) -> Wording:
    """The channels of an input, or the features of a vector, are a name that has no value.

    A height and a width may be left open, as in `input(3, H, W)`; the weights depend on the channels and the features,
    so these are numbers, or lets, which `--set` changes.

    Example:
        input(C, H, W)
        conv(8, 3) relu

    Mended:
        let channels = 3
        input(channels, H, W)
        conv(8, 3) relu
    """
    return Wording(
        f"{what} of the input must be given, and `{name}` has no value",
        "no value",
        ("write a number, or define it: `let channels = 3`; only a height and a width may be names",),
    )


@code("size-not-given")
def size_not_given(names: tuple[str, ...]) -> Wording:
    """A value asks for `in_features`, which depend on a size of the input that has a name and no number.

    `input(3, H, W)` leaves the height and the width open, and what `flatten` gives is not known then. Give the input
    on the command line, or pool the picture to a fixed size before `flatten`.

    Example:
        input(3, H, W)
        conv(8, 3, p1) relu flatten fc(in_features // 2)

    Mended:
        input(3, H, W)
        conv(8, 3, p1) relu global_avgpool flatten fc(in_features // 2)
    """
    are = f"{names[0]} has" if len(names) == 1 else f"{' and '.join(names)} have"
    return Wording(
        f"`in_features` depends on the size of the input, and {are} no number",
        "not known here",
        ("give the sizes, as in `--input 3x224x224`, or pool to a fixed size before `flatten`: `global_avgpool`",),
    )


@code("input-not-given")
def input_not_given(names: tuple[str, ...], channels: int) -> Wording:
    """A network is to be built or trained, and sizes of its input are names: `input(3, H, W)`.

    `archdsl check` tells which sizes it accepts. Give some with `--input`, or with `input=` in Python.

    Example, loaded:
        input(3, H, W)
        conv(8, 3) relu

    Mended:
        input(3, 32, 32)
        conv(8, 3) relu
    """
    are = f"{names[0]} is a name" if len(names) == 1 else f"{' and '.join(names)} are names"
    return Wording(
        f"the size of the input is not given: {are}",
        "not given",
        (f"give numbers, as in `--input {channels}x224x224`, or `input=({channels}, 224, 224)` in Python",),
    )


@code("malformed-input")
def malformed_input(text: str) -> Wording:
    """`--input` is not given the shape of one sample.

    It is the channels, height and width with `x` between them, or the features of a vector. The batch is no part of it.

    Example, with --input 224x224:
        input(3, 32, 32)
        conv(16, 3) relu

    Mended, with --input 3x224x224:
        input(3, 32, 32)
        conv(16, 3) relu
    """
    sizes = re.findall(r"[0-9]+", text)
    mend = "write 3x224x224, or 784 for a vector"
    parts = [re.fullmatch(r"([0-9]+)(?:(?:\.\.+|[-:])([0-9]+))?", part) for part in text.lower().split("x")]
    if len(parts) == 3 and all(parts) and any(part and part[2] for part in parts):
        asked = "x".join("..".join(filter(None, part.groups())) for part in parts if part)
        mend = "one size is needed; `archdsl check` alone takes a range"
        if text != asked:
            mend = f"write {asked} for a range"
    elif len(sizes) == 2:
        mend = f"the channels come first: write 1x{'x'.join(sizes)}, or 3x{'x'.join(sizes)} for a picture in color"
    elif len(sizes) in (3, 4) and all(int(size) > 0 for size in sizes):
        batch = "the batch is no part of it: " if len(sizes) == 4 else ""
        mend = f"{batch}write {'x'.join(sizes[-3:])}"
    return Wording(f"`{text}` is not the shape of an input", "not a shape", (mend,))


@code("malformed-range")
def malformed_range(text: str) -> Wording:
    """A range of `--input` is none: `3x64..256x64..256` asks for heights and widths from 64 to 256.

    The channels are one number; a height and a width are a number, or two with `..` between, the smaller one first.

    Example, with --input 3x256..64x64:
        input(3, H, W)
        conv(8, 3) relu

    Mended, with --input 3x64..256x64:
        input(3, H, W)
        conv(8, 3) relu
    """
    mend = "write 3x64..256x64..256, the smaller number first"
    parts = [re.fullmatch(r"([0-9]+)(?:\.\.([0-9]+))?", part) for part in text.lower().split("x")]
    if len(parts) == 3 and parts[0] is not None and parts[0][2] is not None:
        mend = "the channels are one number: write 3x64..256x64..256"
    elif len(parts) == 3 and all(part and min(map(int, filter(None, part.groups()))) > 0 for part in parts):
        sizes = [sorted(filter(None, part.groups()), key=int) for part in parts if part]
        mend = f"the smaller number stands first: write {'x'.join('..'.join(each) for each in sizes)}"
    return Wording(f"`{text}` is not a range of inputs", "not a range", (mend,))


@code("range-too-large")
def range_too_large(count: int, limit: int, one_by_one: bool) -> Wording:
    """A range of `--input` has more sizes than are decided in one run: 1,000,000.

    Where a value of the network asks for `in_features` that depend on the picture's size, every size takes a check of
    its own, and 2,000 are the limit.

    Example, with --input 3x1..2000x1..2000:
        input(3, H, W)
        conv(8, 3) relu

    Mended, with --input 3x3..200x3..200:
        input(3, H, W)
        conv(8, 3) relu
    """
    why = ", because `in_features` depend on them," if one_by_one else ""
    return Wording(
        f"the range has {count:,} sizes, and up to {limit:,}{why} are decided in one run",
        "too many",
        ("ask for fewer: a number instead of a range, or a smaller range",),
    )


@code("malformed-setting")
def malformed_setting(name: str, text: str, suggestion: str | None = None) -> Wording:
    """`--set` gives a let something that is no literal: no number, true, false, or tuple of them.

    It stands for the value that is written in the file, and is not computed. The shell takes parentheses for itself:
    write them in quotes.

    Example, with --set width=8*2:
        let width = 16
        input(3, 32, 32)
        conv(width, 3) relu

    Mended, with --set width=32:
        let width = 16
        input(3, 32, 32)
        conv(width, 3) relu
    """
    help = f"write {name}=64, or {name}=(1,2)" if suggestion is None else f"write {name}={suggestion}"
    return Wording(f"`{text}` is no literal value for `{name}`", "not a literal", (help,))
