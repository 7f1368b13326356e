"""The words for warnings: what is no error, and hardly meant. Each explanation says why, and after whom."""

from __future__ import annotations

from typing import Any

from archdsl.diagnostics.catalog.entry import Wording, code, plural
from archdsl.diagnostics.catalog.layers import picture, size
from archdsl.diagnostics.catalog.names import did_you_mean
from archdsl.shapes import Dim

# Names


@code("unused-name", severity="warning")
def unused_name(name: str, kind: str) -> Wording:
    """A let, a block, a parameter or a loop variable is never used.

    Mostly the place that should use it says something else, often a number: `let classes = 10`, and then `fc(100)`.
    The lets and blocks of a file of definitions alone are for other files, and none of them is unused. A name that
    begins with `_` is one that need not be used.

    Example:
        let classes = 10
        input(400)
        fc(100)

    Mended:
        let classes = 10
        input(400)
        fc(classes)
    """
    instead = f"use it, or delete it; to keep it as it is, call it `_{name}`"
    if kind == "loop variable":
        instead = f"`repeat(n) {{ ... }}` repeats without a variable; to keep it as it is, call it `_{name}`"
    elif kind == "parameter":
        instead = f"use it, or delete it here and in the calls; to keep it as it is, call it `_{name}`"
    return Wording(f"the {kind} `{name}` is never used", "not used", (instead,))


@code("unused-import", severity="warning")
def unused_import(path: str, again: bool) -> Wording:
    """A file is imported, and none of its blocks and lets is used here; or it is imported a second time.

    What an imported file imports itself is not passed on, so that an import for the sake of other files has no use.

    Example:
        import "blocks.arch"
        input(3, 32, 32)
        conv(8, 3) relu

    Example, blocks.arch:
        block stem { conv(8, 3) relu }

    Mended:
        input(3, 32, 32)
        conv(8, 3) relu
    """
    if again:
        return Wording(f'"{path}" is imported a second time', "again", ("delete the import",))
    return Wording(f'nothing of "{path}" is used here', "not used", ("delete the import",))


# Comments that allow


@code("unused-allow", severity="warning")
def unused_allow(name: str) -> Wording:
    """A comment `# allow: code` stands on a line where nothing of this code is found.

    What it once allowed is gone, or it stands on another line: it counts for what is found on its own. It is not
    reported with `--input` or `--set`, nor for a code that depends on the size of the input.

    Example:
        input(400)
        fc(10)  # allow: softmax-at-end

    Mended:
        input(400)
        fc(10)
    """
    return Wording(f"nothing on this line is a `{name}`", "allows nothing", ("delete it",))


@code("unknown-allow", severity="warning")
def unknown_allow(name: str | None, suggestion: str | None, is_error: bool) -> Wording:
    """A comment `# allow: code` names no warning. `archdsl explain codes` lists them; errors can't be allowed.

    Several codes have commas between them. What follows the last one is free text, for the reason.

    Example:
        input(400)
        fc(10) softmax  # allow: softmax-at-end, probabilities

    Mended:
        input(400)
        fc(10) softmax  # allow: softmax-at-end  the loss takes probabilities
    """
    if name is None:
        return Wording("this comment names nothing that it allows", "no code", ("write `# allow: code  the reason`",))
    if is_error:
        return Wording(f"`{name}` is an error, and can't be allowed", "an error", ("delete it, and mend the error",))
    help = did_you_mean(suggestion) or ("`archdsl explain codes` lists the warnings",)
    return Wording(f"there is no warning `{name}`", "unknown", help)


@code("too-many-warnings", severity="warning")
def too_many_warnings(limit: int) -> Wording:
    """A file has more warnings than anybody reads.

    Those behind the thousandth are not shown. Mend the first ones, or write what repeats with `repeat` and `for`.

    Example:
        let a1 = 1
        ...
        let a1001 = 1
        input(400)
        fc(10)

    Mended:
        input(400)
        fc(10)
    """
    return Wording(f"more than {limit:,} warnings: the others are not shown", "and more", ("mend the first ones",))


# One layer behind another


@code("bias-before-normalization", severity="warning")
def bias_before_normalization(word: str, by: str) -> Wording:
    """A layer adds a bias to each channel, and the normalization behind it takes the mean of each channel off again.

    So the bias is trained and has no effect (Ioffe and Szegedy 2015, section 3.2); the shift of the normalization does
    its work. This holds for `batchnorm`, for `instancenorm`, and for `groupnorm` with one channel a group. `layernorm`
    takes off the mean over all channels, behind which a bias still tells them apart.

    Example:
        input(3, 32, 32)
        conv(16, 3, p1) batchnorm relu

    Mended:
        input(3, 32, 32)
        conv(16, 3, p1, nobias) batchnorm relu
    """
    return Wording(
        f"the bias of this `{word}` has no effect: `{by}` takes it off",
        "has a bias",
        ("say `nobias`",),
    )


@code("linear-after-linear", severity="warning")
def linear_after_linear(word: str, by: str) -> Wording:
    """Two `conv` or `fc` layers stand behind each other with no activation and no normalization between them.

    Together they are one linear map, which a single layer can learn as well (Goodfellow et al. 2016, Deep learning,
    section 6.1); where convolutions take each other's place, an activation between them is better than none (Szegedy
    et al. 2016, Rethinking the Inception architecture, section 3.1). `flatten`, average pools, `zero_pad` and dropout
    between them do not change that.

    Not reported are pairs that are known ways to save weights: a grouped or depthwise `conv` beside another (Chollet
    2017, Xception), windows that are not square (Szegedy et al., section 3.2), and fewer channels between the two
    than before and behind them, as in the code of an autoencoder.

    Example:
        input(400)
        fc(120) fc(10)

    Mended:
        input(400)
        fc(120) relu fc(10)
    """
    return Wording(
        f"nothing but linear layers between this `{word}` and the `{by}` before it",
        "linear again",
        ("write an activation between them, such as `relu`",),
        ("together they can learn no more than one layer",),
    )


@code("activation-without-effect", severity="warning")
def activation_without_effect(word: str, by: str, where: str) -> Wording:
    """An activation stands beside another with which it changes nothing.

    `relu` hands on what is not negative: behind `relu`, `relu6`, `sigmoid`, `hardsigmoid` or `softmax` it has nothing
    to do, nor have `leaky_relu`, `prelu` and `elu`. Before `relu`, what `leaky_relu` or `elu` makes of negative
    values is lost. `log_softmax` before `softmax` is taken back by it.

    To delete the layer does not change what the network computes, but may change the keys behind it in the state dict.

    Example:
        input(3, 8, 8)
        conv(8, 3) relu relu
        flatten fc(10)

    Mended:
        input(3, 8, 8)
        conv(8, 3) relu
        flatten fc(10)
    """
    return Wording(f"`{word}` changes nothing {where} `{by}`", "has no effect", (f"delete `{word}`",))


@code("sigmoid-of-non-negative", severity="warning")
def sigmoid_of_non_negative(word: str, by: str) -> Wording:
    """A `sigmoid` or `hardsigmoid` takes values that are never negative, so that it never gives less than 0.5.

    Half of its range is lost: a gate can't close, a probability can't fall below one half.

    Example:
        input(16)
        fc(1) relu sigmoid

    Mended:
        input(16)
        fc(1) sigmoid
    """
    return Wording(
        f"this `{word}` never gives less than 0.5: it takes what `{by}` gives, which is never negative",
        "0.5 to 1",
        (f"delete the `{by}`",),
    )


@code("softmax-of-probabilities", severity="warning")
def softmax_of_probabilities(word: str, by: str) -> Wording:
    """A softmax takes values that are between 0 and 1 already.

    It takes differences: values that differ by 1 at most come out within a factor of 2.72 of each other, so that with
    10 classes none gets more than 0.23, which is e / (e + 9), however sure the network is.

    Example:
        input(400)
        fc(10) sigmoid softmax  # allow: softmax-at-end

    Mended:
        input(400)
        fc(10) softmax  # allow: softmax-at-end
    """
    return Wording(
        f"this `{word}` takes values between 0 and 1, which `{by}` gives",
        "nearly uniform",
        (f"delete the `{by}`",),
        ("its largest output is at most 2.72 times its smallest",),
    )


@code("dropout-before-batchnorm", severity="warning")
def dropout_before_batchnorm(word: str, by: str) -> Wording:
    """A dropout stands right before a batch normalization, which gathers the variance that dropout makes in training.

    In evaluation there is no dropout, the variance is smaller, and the gathered one is wrong: "variance shift" (Li et
    al. 2019, Understanding the disharmony between dropout and batch normalization, section 3). They advise to put
    dropout behind the last batch normalization.

    Example:
        input(400)
        fc(120, nobias) dropout(0.5) batchnorm relu
        fc(10)

    Mended:
        input(400)
        fc(120, nobias) batchnorm relu dropout(0.5)
        fc(10)
    """
    return Wording(
        f"`{word}` stands right before `{by}`, which then expects another variance than it gets in evaluation",
        "changes the variance in training alone",
        (f"move the `{word}` behind the last `{by}`",),
    )


@code("softmax-at-end", severity="warning")
def softmax_at_end(word: str, what: str) -> Wording:
    """The network ends in `softmax` or `log_softmax`; cross entropy, by which it is trained, holds one itself.

    `archdsl train` and torch's CrossEntropyLoss take the values before the softmax (torch's documentation calls them
    unnormalized logits). A second softmax flattens the outputs and slows training down; a second `log_softmax`
    changes nothing. Whoever uses the network applies the softmax to its output, where it is wanted.

    Example:
        input(400)
        fc(10) softmax

    Mended:
        input(400)
        fc(10)
    """
    effect = "changes nothing there" if word == "log_softmax" else "is one too many there"
    return Wording(
        f"the {what} ends in `{word}`, which {effect}: the loss has its own",
        "the loss has its own",
        (f"delete it, or say why it is here: `# allow: softmax-at-end  trained with {_LOSS[word]}`",),
    )


_LOSS = {"softmax": "a loss that takes probabilities", "log_softmax": "NLLLoss"}


# Layers by themselves


@code("drop-path-outside-add", severity="warning")
def drop_path_outside_add() -> Wording:
    """A `drop_path` stands in no branch of an `add`, so that a sample which it drops is all zeros from there on.

    It is made to skip one branch while another hands the sample on (Huang et al. 2016, Deep networks with stochastic
    depth, section 3).

    Example:
        input(16, 8, 8)
        conv(16, 3, p1) relu drop_path(0.1)
        flatten fc(10)

    Mended:
        input(16, 8, 8)
        add { identity | conv(16, 3, p1) relu drop_path(0.1) }
        flatten fc(10)
    """
    return Wording(
        "`drop_path` stands in no branch of an `add`: nothing is left of a sample that it drops",
        "zeros the whole sample",
        ("write it at the end of a branch: `add { identity | ... drop_path(0.1) }`; or use `dropout`",),
    )


@code("channels-given-first", severity="warning")
def channels_given_first(channels: int, out: int, kernel: int) -> Wording:
    """A `conv` seems to have its input channels first, as torch's Conv2d takes them.

    `Conv2d(1, 6, 5)` is one channel in, six out, and a kernel of 5. What comes in is known here and is not said, so
    the same three numbers are one channel out, a kernel of 6 and a stride of 5. It is said where the first number is
    that of the channels that come in, and the second would be a large even kernel beside a stride of more than 2.

    Example:
        input(1, 28, 28)
        conv(1, 6, 5) relu

    Mended:
        input(1, 28, 28)
        conv(6, 5) relu
    """
    return Wording(
        f"this is kernel {out} and stride {kernel}, and {channels} output channels",
        "input channels first?",
        (f"if the input channels were meant first, as in torch: they are known, write `conv({out}, {kernel})`",),
    )


@code("input-channels-last", severity="warning")
def input_channels_last(channels: int, height: int, width: int) -> Wording:
    """The input seems to have its channels last, as TensorFlow takes them.

    `input(224, 224, 3)` is a picture of 224 channels, 224 high and 3 wide. It is said where the first two sizes are
    the same, 16 or more, and the third is 1 or 3.

    Example:
        input(32, 32, 3)
        conv(8, 3, p1) relu
        global_avgpool flatten fc(10)

    Mended:
        input(3, 32, 32)
        conv(8, 3, p1) relu
        global_avgpool flatten fc(10)
    """
    return Wording(
        f"the input has {channels} channels, and is {height} high and {width} wide",
        "channels last?",
        (f"the channels come first: write `input({width}, {channels}, {height})`",),
    )


@code("stride-beyond-kernel", severity="warning")
def stride_beyond_kernel(word: str, axis: int, unseen: int, stride: Any, kernel: Any) -> Wording:
    """The window of a `conv` or pool steps further than it reaches, so that pixels between two windows are never seen.

    Of a `conv_transpose`, pixels between two windows are never written and hold the bias alone. A window of one pixel
    with a stride is not reported: that is a plain subsampling, as in the shortcuts of He et al. 2016.

    Example:
        input(3, 32, 32)
        conv(8, 2, s3) relu

    Mended:
        input(3, 32, 32)
        conv(8, 3, s3) relu
    """
    lines = plural(unseen, ("row", "column")[axis])
    verb = "is" if unseen == 1 else "are"
    does = "written" if word == "conv_transpose" else "seen"
    return Wording(
        f"{lines} between two windows {verb} never {does}: the stride is {size(stride)}, the kernel {size(kernel)}",
        f"skips {lines}",
        ("let the kernel be at least as large as the stride",),
    )


@code("window-mostly-in-padding", severity="warning")
def window_mostly_in_padding(kernel: Any, live: Any, height: Dim, width: Dim) -> Wording:
    """Most weights of a `conv` meet nothing but padding, wherever its window stands: they have no effect.

    It comes about where a network that is made for larger pictures gets small ones, and with a dilation as large as
    the picture (Chen et al. 2017, Rethinking atrous convolution, section 3.3). That the receptive field of a layer is
    larger than the picture is not reported: so it is at the end of nearly every classifier.

    Example:
        input(64, 1, 1)
        conv(64, 3, p1) relu

    Mended:
        input(64, 1, 1)
        conv(64, 1) relu
    """
    total, dead = kernel[0] * kernel[1], kernel[0] * kernel[1] - live[0] * live[1]
    return Wording(
        f"{dead} of the {total} weights of this window always lie in the padding",
        f"the picture is {picture(height, width)}",
        ("feed a larger input, or let fewer layers before this one shrink the picture",),
        (f"of {picture(*kernel)}, {picture(*live)} meet a pixel",),
    )


@code("pool-drops-pixels", severity="warning")
def pool_drops_pixels(word: str, seen: Any, height: Dim, width: Dim, ceil: str) -> Wording:
    """A pool leaves out more than a third of the picture, at its right and its bottom, where no further window fits.

    A row or a column that is left out of a large picture is common and does no harm (the maps of the textbook's AlexNet
    are 54, 26, 12 and 5 wide). Of a small one it is much: `pool(2)` of 3x3 sees four of nine pixels. `ceil` lets a last
    window reach beyond the picture, as Caffe does (and so GoogLeNet, Szegedy et al. 2015).

    Example:
        input(8, 3, 3)
        pool(2)

    Mended:
        input(8, 3, 3)
        pool(2, ceil)
    """
    assert height is not None
    assert width is not None
    share = round(100 * (1 - seen[0] * seen[1] / (height * width)))
    return Wording(
        f"this `{word}` leaves {share} % of the picture out",
        f"sees {picture(*seen)} of {picture(height, width)}",
        (f"say `ceil`, which gives {ceil}; or pool less, or feed a larger input",),
    )


# Branches and the whole


@code("equal-branches", severity="warning")
def equal_branches(join: str) -> Wording:
    """Two branches of an `add` or a `concat` hold no weights and give the same.

    Their sum is the double of one, which the next layer's weights can do; joined, they hand every channel on twice.
    Mostly a branch is not yet written. Equal branches of a `mul` are not reported, for that is how a square is written.

    Example:
        input(16, 8, 8)
        add { identity | identity }
        flatten fc(10)

    Mended:
        input(16, 8, 8)
        add { identity | conv(16, 3, p1) relu }
        flatten fc(10)
    """
    effect = "so the sum is the double of one" if join == "add" else "so each channel is there twice"
    return Wording(
        f"two branches of this `{join}` give the same, {effect}",
        "the same again",
        ("write what this branch should do, or delete it",),
    )


@code("parameters-in-one-layer", severity="warning")
def parameters_in_one_layer(word: str, parameters: int, total: int, input: int) -> Wording:
    """One layer holds more than 95 % of the parameters, and at least ten million.

    Mostly it is an `fc` behind a `flatten` of a picture that is still large. A `global_avgpool` before it leaves one
    value a channel, and works as well (Lin et al. 2014, Network in network, section 3.2). For comparison, the largest
    layer of VGG-16 holds 74 %.

    Example:
        input(3, 224, 224)
        conv(32, 3, p1) relu conv(32, 3, p1) relu
        flatten fc(10)

    Mended:
        input(3, 224, 224)
        conv(32, 3, p1) relu conv(32, 3, p1) relu
        global_avgpool flatten fc(10)
    """
    share = 100 * parameters / total
    help = (
        "pool the picture before it is flattened: `pool(2)`, or `global_avgpool`" if word == "fc" else "make it smaller"
    )
    what = f"takes {input:,} features" if word == "fc" else f"takes {input:,} channels"
    return Wording(
        f"this `{word}` holds {share:.1f} % of the network's {total:,} parameters",
        what,
        (help,),
        (f"{parameters:,} parameters of {total:,}",),
    )
