"""The words for faults of structure: bodies, branches, inputs, blocks, sizes, imports."""

from __future__ import annotations

from archdsl.diagnostics.catalog.entry import Wording, code
from archdsl.diagnostics.catalog.names import did_you_mean


@code("empty-body")
def empty_body() -> Wording:
    """Nothing stands between the braces. The input itself is `identity`."""
    return Wording("nothing stands between these braces", "empty", ("write `identity` for the input itself",))


@code("bar-without-join")
def bar_without_join(opener: str) -> Wording:
    """`|` parts the branches of `concat`, `add` and `mul`, and stands nowhere else."""
    word = "this body" if opener in ("a label", "block") else f"`{opener}`"
    return Wording(
        f"{word} is parted by `|`",
        "has several branches",
        ("write `concat { a | b }`, or `add` or `mul`, so that it is said how they are joined",),
    )


@code("too-few-branches")
def too_few_branches(word: str) -> Wording:
    """`concat`, `add` and `mul` need at least two branches."""
    return Wording(
        f"`{word}` needs at least two branches",
        "has one",
        (f"part them by `|`: `{word} {{ a | b }}`; the input itself is `identity`",),
    )


@code("empty-branch")
def empty_branch() -> Wording:
    """A branch has no layer, or none is left once its loops and conditions are spliced."""
    return Wording("this branch has no layer", "empty", ("write `identity` for the input itself",))


@code("misplaced-input")
def misplaced_input(where: str) -> Wording:
    """`input` stands once, at file level, without a label, before the first layer."""
    return Wording(
        f"`input` stands {where}",
        "misplaced",
        ("write it once, at the top of the file, before the first layer",),
    )


@code("missing-input")
def missing_input() -> Wording:
    """A file with layers needs the shape of one sample, in the file or by `--input`."""
    return Wording(
        "the network has no input",
        "the first layer",
        ("write `input(channels, height, width)` before it, or give --input 3x224x224",),
    )


@code("input-twice")
def input_twice() -> Wording:
    """A network has one input."""
    return Wording("a second input", "again", ("delete one of the two",))


@code("input-sizes")
def input_sizes(found: int, otherwise: str | None) -> Wording:
    """`input` takes channels, height and width of an image, or the features of a vector, in order."""
    message = f"`input` takes one or three sizes, not {found}" if found else "`input` needs sizes"
    if otherwise is not None:
        message = f"`input` takes its sizes {otherwise}"
    return Wording(
        message, "how large?", ("write `input(channels, height, width)`, or `input(features)` for a vector",)
    )


@code("no-layers")
def no_layers() -> Wording:
    """A file has an input and no layer, or its loops and conditions leave none."""
    return Wording("the network has no layers", "nothing is built", ("write layers after the input: conv(64, 3) relu",))


@code("empty-file")
def empty_file() -> Wording:
    """A file has no statement at all."""
    return Wording("the file has no layers and no definitions", "nothing here", ("begin with `input(1, 28, 28)`",))


@code("misplaced-aux")
def misplaced_aux() -> Wording:
    """An auxiliary head stands in no branch and in no other head: it is one more exit of the whole network."""
    return Wording(
        "`aux` stands inside a branch or another `aux`", "misplaced", ("move it out, before or after the join",)
    )


@code("head-differs")
def head_differs(gives: str, output: str) -> Wording:
    """An auxiliary head gives another shape than the network, whose labels it is trained on."""
    return Wording(
        f"the auxiliary head gives {gives}, and the network gives {output}",
        f"gives {gives}",
        (f"let the head end in what gives {output}",),
    )


@code("recursive-block")
def recursive_block(name: str, chain: tuple[str, ...]) -> Wording:
    """A block calls itself, directly or through others, and would never end."""
    circle = " calls ".join(f"`{each}`" for each in chain)
    return Wording(f"`{name}` calls itself", "again", ("write what repeats with `repeat` or `for`",), (circle,))


@code("calls-too-deep")
def calls_too_deep(limit: int) -> Wording:
    """Blocks call each other more than a hundred deep."""
    return Wording(f"blocks call each other more than {limit} deep", "one call too many")


@code("network-too-large")
def network_too_large(size: int, limit: int) -> Wording:
    """The network would have more modules than allowed. It is counted before it is expanded."""
    return Wording(
        f"the network would have {size:,} modules or more",
        "grows too large here",
        (f"up to {limit:,} are allowed; `--max-layers` raises it",),
    )


@code("too-much-to-expand")
def too_much_to_expand(limit: int) -> Wording:
    """Loops and blocks ask for more work than any network needs."""
    return Wording("loops and blocks take too many steps to expand", "given up here", notes=(f"after {limit:,} steps",))


@code("too-many-errors")
def too_many_errors(limit: int) -> Wording:
    """A file has more errors than anybody reads. The check ends, and what stands behind is not looked at."""
    return Wording(f"more than {limit:,} errors: the check ends here", "and more", ("mend the first ones",))


@code("misplaced-import")
def misplaced_import() -> Wording:
    """Imports come first in a file."""
    return Wording("an import stands after other statements", "misplaced", ("move it to the top of the file",))


@code("import-conflict")
def import_conflict(name: str, first: str, second: str) -> Wording:
    """Two imported files define one name, and which is meant is not clear."""
    return Wording(f"`{name}` is defined by both {first} and {second}", "again", ("rename it in one of the two",))


@code("import-outside-root")
def import_outside_root(path: str) -> Wording:
    """An import leaves the folder of the spec, by `..`, an absolute path or a link."""
    return Wording(
        f'"{path}" leads out of the folder of the spec',
        "outside",
        ("move the file into the folder, or name a folder around both by --root",),
    )


@code("import-cycle")
def import_cycle(chain: tuple[str, ...]) -> Wording:
    """Files import each other in a circle."""
    return Wording(
        "the files import each other in a circle",
        "closes the circle",
        ("move what both need into a third file",),
        (" imports ".join(chain),),
    )


@code("too-many-imports")
def too_many_imports(limit: int) -> Wording:
    """A spec imports more than a hundred files."""
    return Wording(f"more than {limit} files are imported", "one too many")


@code("import-unreadable")
def import_unreadable(path: str, reason: str, suggestion: str | None) -> Wording:
    """An imported file is not there, or can't be read. The path is taken from the folder of the importing file."""
    return Wording(f'"{path}" can\'t be read: {reason}', reason, did_you_mean(suggestion))


@code("import-has-layers")
def import_has_layers(path: str) -> Wording:
    """An imported file has layers of its own; blocks and lets alone can be imported."""
    return Wording(
        f'"{path}" has layers of its own',
        "not a library",
        ("move its blocks to a file without layers, and import that from both",),
    )


@code("unreadable-file")
def unreadable_file(path: str, reason: str) -> Wording:
    """The file on the command line is not there, is a folder, or may not be read."""
    return Wording(f"{path} can't be read: {reason}", "")


@code("no-network")
def no_network() -> Wording:
    """The file has blocks and lets alone: it is a library to import, and no network to build."""
    return Wording(
        "the file defines no network", "no layers", ("write layers in it, or import it from a file that has",)
    )


@code("malformed-input")
def malformed_input(text: str) -> Wording:
    """`--input` takes channels, height and width, or features alone."""
    return Wording(f"`{text}` is not the shape of an input", "not a shape", ("write 3x224x224, or 784 for a vector",))


@code("malformed-setting")
def malformed_setting(name: str, text: str) -> Wording:
    """`--set` takes a let's name and a literal: a number, true, false, or a tuple of them."""
    return Wording(
        f"`{text}` is no literal value for `{name}`", "not a literal", (f"write {name}=64, or {name}=(1,2)",)
    )
