"""The words for faults that a layer finds: windows that do not fit, groups that do not divide, branches that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archdsl.diagnostics.catalog.entry import Wording, code
from archdsl.shapes import Dim, Image, Shape

_DIVISORS_UP_TO = 100_000
"""Divisors of larger numbers are not searched for."""


def size(pair: Any) -> str:
    """A height and a width, as one number where they are the same kind of square window."""
    height, width = ("?" if value is None else str(value) for value in pair)
    return height if height == width else f"({height}, {width})"


def picture(height: Dim, width: Dim) -> str:
    return f"{'?' if height is None else height}x{'?' if width is None else width}"


def fitted(pair: Any, limits: Any, choose: Any, like: Any) -> Any:
    """Each number of the pair, or its limit, as `choose` (min or max) says.

    Height and width come out alike where those of the pair `like` are; one limit at least is known.
    """
    if like[0] == like[1] or None in pair:
        limit = choose(limit for limit in limits if limit is not None)
        return limit, limit
    return tuple(value if limit is None else choose(value, limit) for value, limit in zip(pair, limits, strict=True))


def padding(pair: Any) -> str:
    """How a padding is written: `p1`, or `p=(0, 1)`."""
    return f"p{pair[0]}" if pair[0] == pair[1] else f"p={size(pair)}"


def with_article(text: str) -> str:
    """ "an 8x8", "a 26x26": by how the first number is said."""
    said_with_a_vowel = text.startswith("8") or text.partition("x")[0] in ("11", "18")
    return f"{'an' if said_with_a_vowel else 'a'} {text}"


def neighbours(number: int, divides: int) -> list[int]:
    """The divisors of `divides` that are nearest to `number`, below and above it."""
    if divides > _DIVISORS_UP_TO:
        return []
    divisors = [divisor for divisor in range(1, divides + 1) if divides % divisor == 0]
    below = [divisor for divisor in divisors if divisor <= number][-1:]
    above = [divisor for divisor in divisors if divisor > number][:1]
    return below + above


def multiples(of: int, near: int) -> list[int]:
    """The multiples that are nearest to a number, below and above it; none of them is 0."""
    below = near // of * of
    return [below, below + of] if below else [of]


def either(values: Sequence[Any]) -> str:
    """ "4", or "4 or 6"."""
    return " or ".join(str(value) for value in values)


@code("window-too-large")
def window_too_large(
    kernel: Any,
    dilation: Any,
    height: Dim,
    width: Dim,
    pad: Any,
    largest: Any,
    least_pad: Any,
    largest_dilation: Any = None,
    meant: str | None = None,
) -> Wording:
    """The window of a `conv` or a pooling word is larger than the picture that comes in, padding included.

    Nothing would come out. Either the numbers stand in torch's order, the channels that come in first, so that a
    channel count is read as the kernel; or strides and pools before it have made the picture smaller than was thought.
    Use a smaller kernel, more padding, or less striding and pooling before it.

    Example:
        input(1, 28, 28)
        conv(6, 64)

    Mended:
        input(1, 28, 28)
        conv(6, 5)

    Example:
        input(3, 32, 32)
        repeat(6) { conv(16, 3, p1) relu pool(2) }

    Mended:
        input(3, 32, 32)
        repeat(5) { conv(16, 3, p1) relu pool(2) }
    """
    padded = f" padded by {size(pad)}" if any(pad) else ""
    dilated = f" with dilation {size(dilation)}" if dilation != (1, 1) else ""
    mend = f"use a kernel of at most {size(fitted(kernel, largest, min, like=kernel))}"
    if largest_dilation is not None:
        mend = f"use a dilation of at most {size(fitted(dilation, largest_dilation, min, like=dilation))}"
    if meant is not None:
        mend = f"did you mean `{meant}`? The channels that go out stand first, then the kernel"
    elif least_pad is not None:
        least = fitted(pad, least_pad, max, like=kernel)
        mend += f", or pad: {padding(least)} is the least that fits"
    return Wording(
        f"kernel {size(kernel)}{dilated} does not fit {with_article(picture(height, width))} input{padded}",
        "too large",
        (mend,),
    )


def sizes_that_work(given: Image, least: Mapping[str, int], steps: Mapping[str, tuple[int, int] | None]) -> str | None:
    """Help for a network that takes other input sizes than the one given, or None where nothing short can be said.

    least: the smallest height and width. steps: for each, the smallest and the step to the next that is accepted.
    """
    # A size that is a name is not known here.
    if any(size is not None and size < smallest for size, smallest in zip(given[1:], least.values(), strict=True)):
        return f"or give the network a larger input: it needs at least {picture(*least.values())}"
    below, above = [], []
    for size, regular in zip(given[1:], steps.values(), strict=True):
        if regular is None or size is None:
            return None
        smallest, step = regular
        down = smallest + (size - smallest) // step * step
        below.append(down)
        above.append(down if down == size else down + step)
    return f"or give the network another input: {picture(*below)} and {picture(*above)} are the nearest that it takes"


def channels_first(given: Image) -> str:
    """Help for an input that seems to have its channels last, as in TensorFlow."""
    channels, height, width = given.width, given.channels, given.height
    return f"or give the input with its channels first: `input({channels}, {height}, {width})`"


@code("padding-too-large")
def padding_too_large(pad: Any, largest: Any, because: str) -> Wording:
    """The padding of a pooling word or a `conv_transpose` is larger than its window allows.

    A pooling window may lie in the padding with no more than half of its kernel, and a dilated one must meet at least
    one pixel. The padding of `conv_transpose` is taken off its output, and something must be left of it.

    Example:
        input(3, 32, 32)
        pool(3, 2, p2)

    Mended:
        input(3, 32, 32)
        pool(3, 2, p1)
    """
    reason = {
        "half-the-kernel": "is more than half the kernel",
        "no-pixel-is-met": "leaves a window that meets no pixel",
        "nothing-is-left": "leaves nothing of the output",
    }[because]
    most = fitted(pad, largest, min, like=pad)
    mend = f"{padding(most)} is the most that works" if any(most) else "leave the padding out"
    return Wording(f"padding {size(pad)} {reason}", "too large", (mend,))


@code("output-padding-too-large")
def output_padding_too_large(output_pad: int, stride: int, dilation: int) -> Wording:
    """The output padding of a `conv_transpose` is not below its stride or its dilation.

    It chooses among the sizes that a strided convolution maps to one, and these are as many as the stride. To make the
    picture larger still, pad it with `zero_pad`.

    Example:
        input(8, 16, 16)
        conv_transpose(8, 3, 2, 1, 2)

    Mended:
        input(8, 16, 16)
        conv_transpose(8, 3, 2, 1, 1)
    """
    limit = max(stride, dilation)
    beside = f"stride {stride}" if dilation == 1 else f"stride {stride} and dilation {dilation}"
    mend = f"use at most {limit - 1}" if limit > 1 else "leave it out, for with stride 1 there is nothing to choose"
    return Wording(f"output padding {output_pad} is too large for {beside}", "too large", (mend,))


@code("groups-do-not-divide")
def groups_do_not_divide(groups: int, channels: int, which: str, common: int | None) -> Wording:
    """The groups of a layer do not divide its channels evenly.

    Each group takes the same number of the channels that come in, and gives the same number of those that go out. Use a
    number of groups that divides both, or other channels. For a depthwise `conv` the groups are `g=in_channels`.

    Example:
        input(3, 32, 32)
        conv(64, 3, p1) relu
        groupnorm(48)

    Mended:
        input(3, 32, 32)
        conv(64, 3, p1) relu
        groupnorm(32)
    """
    # Every divisor of `common` divides the channels on both sides, so far as these are known.
    near = [] if common is None else [count for count in neighbours(groups, common) if count > 1]
    mend = f"let {either(multiples(groups, channels))} channels {'come in' if which == 'input' else 'go out'}"
    return Wording(
        f"{groups} groups do not divide {channels} {which} channels",
        f"{channels} = {channels // groups} x {groups} + {channels % groups}",
        (f"use {either(near)} groups, or {mend}" if near else mend,),
    )


@code("channels-do-not-divide")
def channels_do_not_divide(channels: int, r: int) -> Wording:
    """The channels that come into a `pixel_shuffle(r)` are not a multiple of r x r.

    Each r x r channels become one, of r times the height and width. Let the `conv` before it give a multiple.

    Example:
        input(3, 32, 32)
        conv(10, 3, p1)
        pixel_shuffle(2)

    Mended:
        input(3, 32, 32)
        conv(12, 3, p1)
        pixel_shuffle(2)
    """
    square = r * r
    return Wording(
        f"pixel_shuffle({r}) needs a multiple of {square} channels, and {channels} come in",
        f"{r} x {r} = {square} does not divide {channels}",
        (f"let {either(multiples(square, channels))} channels come in",),
    )


@code("contradicting-arguments")
def contradicting_arguments(first: str, second: str) -> Wording:
    """Two arguments of a layer say different things about the same: `same` beside a pad, `nearest` beside `bilinear`.

    Keep the one that is meant.

    Example:
        input(3, 32, 32)
        conv(64, 3, same, p2)

    Mended:
        input(3, 32, 32)
        conv(64, 3, same)
    """
    return Wording(
        f"`{second}` contradicts `{first}`",
        f"`{first}` is said as well",
        (f"leave out `{second}` or `{first}`",),
    )


@code("same-with-stride")
def same_with_stride(stride: Any) -> Wording:
    """`same` stands beside a stride.

    It keeps height and width as they are, and a stride makes them smaller. torch refuses the two together, too; in
    Keras `same` with a stride pads so that ceil(H / stride) comes out. For that write the padding as a number: a kernel
    of 3 with p1, or of 5 with p2.

    Example:
        input(3, 32, 32)
        conv(64, 3, s2, same)

    Mended:
        input(3, 32, 32)
        conv(64, 3, s2, p1)
    """
    return Wording(
        f"`same` keeps height and width, and stride {size(stride)} does not",
        "not with `same`",
        ("leave out `same` or the stride; with a stride write the padding as a number, p1 for a kernel of 3",),
    )


@code("no-such-channels")
def no_such_channels(start: int | None, end: int | None, channels: int | None) -> Wording:
    """A `take_channels(start, end)` asks for channels that are not there.

    It keeps the channels from start to end - 1, counted from 0: start is below end, and end is at most the number of
    channels that come in.

    Example:
        input(8, 32, 32)
        concat { take_channels(0, 4) relu | take_channels(5, 9) }

    Mended:
        input(8, 32, 32)
        concat { take_channels(0, 4) relu | take_channels(4, 8) }
    """
    if channels is None:
        assert start is not None
        return Wording(
            f"there are no channels from {start} to below {end}",
            f"not above {start}",
            (
                f"did you mean `take_channels({end}, {start})`?"
                if end is not None and end < start
                else f"end is the channel behind the last one: at least {start + 1}",
            ),
        )
    asked = f"channels {'?' if start is None else start} to {'?' if end is None else end - 1} are taken"
    if start is not None and end == start + 1:
        asked = f"channel {start} is taken"
    return Wording(
        f"{asked}, and only {channels} come in",
        f"only {channels} channels come in",
        (f"channels count from 0: the last is {channels - 1}, so end is at most {channels}",),
    )


@code("nothing-to-normalize")
def nothing_to_normalize() -> Wording:
    """An `instancenorm` takes a picture of one pixel, which has no variance.

    It brings each channel to mean 0 and variance 1 over the picture, and every channel would come out as 0. Put it
    before the pooling that leaves one pixel, or use `batchnorm` or `layernorm`.

    Example:
        input(3, 32, 32)
        global_avgpool instancenorm

    Mended:
        input(3, 32, 32)
        instancenorm global_avgpool
    """
    return Wording(
        "instancenorm has nothing to normalize in a 1x1 picture",
        "one pixel comes in",
        ("put it before the pooling that leaves one pixel, or use batchnorm or layernorm",),
    )


@code("too-many-values")
def too_many_values(values: int, which: str, limit: int) -> Wording:
    """The output of a layer, or its weights, are more numbers than any machine holds, and than torch can count.

    Most often a size stands where another was meant, or an `upsample` is repeated. Use smaller sizes.

    Example:
        input(3, 32, 32)
        repeat(25) { upsample(2) }

    Mended:
        input(3, 32, 32)
        repeat(2) { upsample(2) }
    """
    what = "an output" if which == "output" else "weights"
    return Wording(
        f"{what} of {values:,} numbers, and at most {limit:,} are allowed",
        f"{values:,} numbers",
        ("use smaller sizes",),
    )


@code("branches-disagree")
def branches_disagree(join: str, branch: int, against: int, shapes: Sequence[Shape]) -> Wording:
    """The branches of a `concat`, `add` or `mul` give shapes that cannot be joined.

    `concat` joins over the channels, so heights and widths must agree: a `conv` of 3 needs p1, one of 5 p2, where a
    branch has none of these. `add` needs the same shape from all, so where the channels or the stride change, the
    shortcut is a `conv(channels, 1, s2)` instead of `identity`. `mul` needs the same shape too, but that a branch of C
    x 1 x 1 spreads over the picture. The branch shown is the first that differs from the majority, or from the first
    branch where there is none.

    Example:
        input(64, 56, 56)
        add {
            conv(128, 3, s2, p1) relu conv(128, 3, p1)
          | identity
        }

    Mended:
        input(64, 56, 56)
        add {
            conv(128, 3, s2, p1) relu conv(128, 3, p1)
          | conv(128, 1, s2)
        }

    Example:
        input(64, 56, 56)
        concat { conv(32, 1) | conv(32, 3) | conv(32, 5, p2) }

    Mended:
        input(64, 56, 56)
        concat { conv(32, 1) | conv(32, 3, p1) | conv(32, 5, p2) }
    """
    odd, standard = shapes[branch], shapes[against]
    message = f"branch {branch + 1} of {join} gives {_kind(odd)}, and branch {against + 1} {_kind(standard)}"
    return Wording(message, f"gives {odd}", (_mend(join, branch + 1, against + 1, odd, standard),))


def _kind(shape: Shape) -> str:
    return str(shape) if isinstance(shape, Image) else f"{shape} features"


def _mend(join: str, number: int, other: int, odd: Shape, standard: Shape) -> str:
    """What would let branch `number`, which gives `odd`, agree with branch `other`, which gives `standard`."""
    if not isinstance(odd, Image) or not isinstance(standard, Image):
        if type(odd) is type(standard):
            return f"end branch {number} with fc({standard[0]})"
        if join == "mul" and isinstance(standard, Image) and odd[0] == standard.channels:
            return (
                f"let branch {number} give {odd}x1x1: no `flatten`, and a 1x1 conv for each fc, the last conv({odd}, 1)"
            )
        return "let all branches give pictures, or all vectors: `flatten` makes a vector of a picture"
    spreads = join == "mul" and (1, 1) in (odd[1:], standard[1:])
    pairs = () if spreads else zip(odd[1:], standard[1:], strict=True)
    sizes = [(a, b) for a, b in pairs if a is not None and b is not None and a != b]
    stride = _stride(sizes)
    if join != "concat" and None not in (odd.channels, standard.channels) and odd.channels != standard.channels:
        if sizes and stride is None:
            return f"let branch {number} give {standard}"
        return f"end branch {number} with conv({standard.channels}, 1{f', s{stride}' if stride else ''})"
    if stride is not None:
        return f"let branch {number} step by {stride} in one of its windows: s{stride}"
    stepped = _step([(b, a) for a, b in sizes])
    if stepped is not None:
        return f"let no window of branch {number} step, or let branch {other} step by {stepped} too: s{stepped}"
    missing = {b - a for a, b in sizes}
    if len(sizes) == 2 and len(missing) == 1:
        pixels = missing.pop()
        if pixels % 2 == 0:
            return f"pad a window of branch {number if pixels > 0 else other} by {abs(pixels) // 2} more on each side"
    return f"let branch {number} give {picture(*standard[1:])}"


def _step(sizes: list[tuple[int, int]]) -> int | None:
    """The step of a window, of whatever kernel and padding, that most likely made the second of each pair of the first.

    What a window takes off beside stepping is at most a few pixels: no more than a quarter of what comes out.
    """
    steps = {round(a / b) for a, b in sizes}
    step = steps.pop() if len(steps) == 1 else 1
    return step if step > 1 and all(abs(a / step - b) <= b / 4 for a, b in sizes) else None


def _stride(sizes: list[tuple[int, int]]) -> int | None:
    """The stride of a 1x1 window that turns the first of each pair of sizes into the second."""
    steps = {-(-a // b) for a, b in sizes}
    step = steps.pop() if len(steps) == 1 else 1
    return step if step > 1 and all(-(-a // step) == b for a, b in sizes) else None
