"""Convolutions: learned filters that slide over the picture."""

from __future__ import annotations

from math import gcd, prod

from archdsl.layers.base import (
    IMAGE,
    KEEPS_INPUT,
    Blocked,
    Cost,
    Layer,
    Misfit,
    ModuleCall,
    Operation,
    Pair,
    State,
    Window,
    Windows,
    arg,
    changed,
    flag,
    layer,
    only_axis,
    plain,
    values_of,
)
from archdsl.shapes import Dim, Image, Shape, product, total, transposed_windows, window_span, windows


def refuse_unfit_windows(
    sizes: tuple[Dim, Dim],
    kernel: Pair,
    pad: Pair,
    dilation: Pair,
    image: Image,
    *,
    beyond: tuple[Dim, Dim] = (0, 0),
    padding_helps: bool = True,
) -> None:
    """Raise the Misfit of a window that is larger than the padded picture, if a size came out below 1.

    beyond: how many pixels a window may reach beyond the padding, in each direction.
    padding_helps: whether enough padding makes it fit.
    """
    if all(size is None or size >= 1 for size in sizes):
        return
    largest: list[Dim] = [None, None]
    largest_dilation: list[Dim] = [None, None]
    least_pad: list[Dim] = [None, None]
    fits_undilated = dilation != (1, 1)
    for axis in (0, 1):
        room = total(image[axis + 1], product(2, pad[axis]), beyond[axis])
        reach = window_span(kernel[axis], dilation[axis])
        if room is not None and reach is not None:
            largest[axis] = (room - 1) // dilation[axis] + 1
            least_pad[axis] = max(0, pad[axis] + -(-(reach - room) // 2))
            fits_undilated = fits_undilated and kernel[axis] <= room
            if kernel[axis] > 1:
                largest_dilation[axis] = (room - 1) // (kernel[axis] - 1)
    # A window that would fit if its taps stood side by side has too large a dilation.
    raise Misfit(
        "window-too-large",
        "dilation" if fits_undilated else "kernel",
        largest_dilation=tuple(largest_dilation) if fits_undilated else None,
        axis=only_axis(size is not None and size < 1 for size in sizes),
        kernel=kernel,
        dilation=dilation,
        height=image.height,
        width=image.width,
        pad=pad,
        largest=tuple(largest),
        least_pad=tuple(least_pad) if padding_helps else None,
    )


_BLOCK = 16
"""Channels that oneDNN lays side by side where the processor has AVX-512."""

_SMALL_WINDOW = 3
"""The largest window of the kernel that makes the gradient of a depthwise convolution's weights in place."""


def _by_blocks(channels: int) -> int:
    return -(-channels // _BLOCK) * _BLOCK


class _Convolution(Layer):
    """What the two convolutions share: groups, and weights of out x in x height x width over the groups."""

    out: int
    kernel: Pair
    stride: Pair
    groups: int
    nobias: bool

    def refuse_groups_of_output(self) -> None:
        if self.groups is not None and self.out is not None and self.out % self.groups:
            raise Misfit(
                "groups-do-not-divide", "groups", groups=self.groups, channels=self.out, which="output", common=None
            )

    def refuse_groups_of_input(self, channels: Dim) -> None:
        if self.groups is not None and channels is not None and channels % self.groups:
            common = channels if self.out is None else gcd(channels, self.out)
            raise Misfit(
                "groups-do-not-divide", "groups", groups=self.groups, channels=channels, which="input", common=common
            )

    def cost_at(self, channels: Dim, positions: Dim) -> Cost:
        assert channels is not None
        assert positions is not None
        weights = self.out * (channels // self.groups) * self.kernel[0] * self.kernel[1]
        return Cost(weights + (0 if self.nobias else self.out), weights * positions)

    def state_of(self, first: int, second: int) -> State:
        """Weights of first x second x height x width, and a bias for each output channel."""
        weight = ("weight", (first, second, *self.kernel))
        return (weight,) if self.nobias else (weight, ("bias", (self.out,)))

    def operation(self, x: Image, gives: Shape, transposed: bool = False) -> Operation:
        """The convolution as torch runs it on a CPU: by oneDNN, which copies to a layout of its own and back."""
        channels, pixels = x.channels, product(x.height, x.width)
        assert channels is not None
        assert pixels is not None
        values = values_of(gives)
        weights = self.out * (channels // self.groups) * self.kernel[0] * self.kernel[1]
        strided = self.stride != (1, 1) and self.groups == 1
        # Few channels under a window are read where they are.
        is_read_in_place = channels < _BLOCK and self.kernel != (1, 1)
        blocked_input = 0 if is_read_in_place else _by_blocks(channels) * pixels
        blocked_output = values // self.out * _by_blocks(self.out)
        blocked_weights = weights if self.groups > 1 else weights // self.out // channels * _by_blocks(self.out)
        if self.groups == 1:
            blocked_weights *= channels if is_read_in_place else _by_blocks(channels)
        # Depthwise convolutions have a kernel of their own, whose gradient of the weights is for small windows alone.
        is_depthwise = self.groups == channels == self.out
        of_group = _by_blocks(channels // self.groups), _by_blocks(self.out // self.groups)
        weights_by_group = 0
        if not (is_depthwise and max(self.kernel) <= _SMALL_WINDOW):
            weights_by_group = self.groups * prod((*of_group, *self.kernel))
        blocked = Blocked(
            input=blocked_input,
            output=blocked_output,
            weights=blocked_weights,
            strided=strided,
            transposed=transposed,
            pointwise=self.kernel == (1, 1),
            grouped=self.groups > 1,
            copies_weights=self.kernel != (1, 1) and not is_depthwise,
            weights_by_group=weights_by_group,
            image=self.groups * (of_group[0] * pixels + of_group[1] * (values // self.out)),
            output_in_place=is_read_in_place and self.out % _BLOCK != 0,
        )
        return Operation(values, keeps=KEEPS_INPUT, blocked=blocked, is_lowered=True)


@layer(
    "conv",
    torch="Conv2d",
    takes=IMAGE,
    rule="C x H x W gives out x H' x W', with H' = floor((H + 2 pad - dilation (kernel - 1) - 1) / stride) + 1, "
    "and W' alike",
    example="3x224x224: conv(96, 11, s4, p2)",
    also_called="convolution convolutional conv_layer conv2d_layer convolve cv faltung faltungsschicht "
    "convolucion couche_de_convolution juanji 卷积 卷积层",
    elsewhere=(
        "Conv2d(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)",
        "Conv2D(filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation)",
        "Convolution2D(filters, kernel_size, strides, padding)",
    ),
)
class Conv(_Convolution):
    """Slide learned filters over the picture.

    `same` pads so that height and width stay as they are; as in torch it stands with stride 1 only, and not
    beside a pad. `groups` must divide the channels that come in and those that go out.
    """

    out: int = arg(
        "output channels",
        at_least=1,
        also_called="out_channels filters channels features n_filters num_filters nb_filter nb_filters out_planes "
        "planes width dim num_output output outputs output_channels n_channels num_channels kanaele "
        "filtres filtros",
    )
    kernel: Pair = arg(
        "height and width of the window",
        at_least=1,
        also_called="kernel_size size k ks ksize filter_size window kernel_shape f kern kerngroesse noyau",
    )
    stride: Pair = arg(
        "step of the window",
        default=(1, 1),
        at_least=1,
        letter="s",
        also_called="strides step steps subsample schritt schrittweite pas paso",
    )
    pad: Pair = arg(
        "zeros added on each side",
        default=(0, 0),
        at_least=0,
        letter="p",
        also_called="padding pads paddings zero_padding rand polster",
    )
    dilation: Pair = arg(
        "distance between the taps of the window",
        default=(1, 1),
        at_least=1,
        letter="d",
        positional=False,
        also_called="dilation_rate dilate dilations rate atrous_rate",
    )
    groups: int = arg(
        "groups of channels that do not mix",
        default=1,
        at_least=1,
        letter="g",
        positional=False,
        also_called="group num_groups n_groups cardinality gruppen groupes",
    )
    nobias: bool = flag("no bias is added", also_called="without_bias", opposite="bias use_bias with_bias")
    same: bool = flag("height and width stay as they are", also_called="padding_same same_padding")

    def agrees(self) -> None:
        if self.same:
            if any(pad not in (0, None) for pad in self.pad):
                raise Misfit("contradicting-arguments", "pad", first="same", second="pad")
            steps = [stride not in (1, None) for stride in self.stride]
            if any(steps):
                raise Misfit("same-with-stride", "stride", axis=only_axis(steps), stride=self.stride)
        self.refuse_groups_of_output()

    def gives(self, x: Shape) -> Shape:
        assert isinstance(x, Image)
        self.refuse_groups_of_input(x.channels)
        if self.same and self.stride == (1, 1):
            return Image(self.out, x.height, x.width)
        if self.same or self.same is None:
            return Image(self.out, None, None)
        height = windows(x.height, self.kernel[0], self.stride[0], self.pad[0], self.dilation[0])
        width = windows(x.width, self.kernel[1], self.stride[1], self.pad[1], self.dilation[1])
        refuse_unfit_windows((height, width), self.kernel, self.pad, self.dilation, x)
        return Image(self.out, height, width)

    def cost(self, x: Shape) -> Cost:
        gives = self.gives(x)
        assert isinstance(x, Image)
        assert isinstance(gives, Image)
        return self.cost_at(x.channels, product(gives.height, gives.width))

    def sees(self, x: Shape) -> Windows:
        return self._window(0), self._window(1)

    def _window(self, axis: int) -> Window:
        span = self.dilation[axis] * (self.kernel[axis] - 1) + 1
        # Where `same` adds an odd number of pixels, torch adds the odd one behind.
        before = (span - 1) // 2 if self.same else self.pad[axis]
        return Window(self.stride[axis], before, span - 1 - before)

    def state(self, x: Shape) -> State:
        assert x[0] is not None
        return self.state_of(self.out, x[0] // self.groups)

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        assert isinstance(x, Image)
        gives = self.gives(x)
        convolution = self.operation(x, gives)
        if not self.same:
            return (convolution,)
        odd = [dilation * (kernel - 1) % 2 for dilation, kernel in zip(self.dilation, self.kernel, strict=True)]
        if not any(odd):
            return (convolution,)
        # What the two sides do not share is added by a copy.
        assert x.height is not None
        assert x.width is not None
        padded = Image(x.channels, x.height + odd[0], x.width + odd[1])
        return Operation(values_of(padded)), self.operation(padded, gives)

    def module(self, x: Shape) -> ModuleCall:
        assert isinstance(x, Image)
        kwargs = changed(
            stride=(plain(self.stride), 1),
            padding=("same" if self.same else plain(self.pad), 0),
            dilation=(plain(self.dilation), 1),
            groups=(self.groups, 1),
            bias=(not self.nobias, True),
        )
        return ModuleCall("Conv2d", (x.channels, self.out), {"kernel_size": plain(self.kernel), **kwargs})


@layer(
    "conv_transpose",
    torch="ConvTranspose2d",
    takes=IMAGE,
    rule="C x H x W gives out x H' x W', with H' = (H - 1) stride - 2 pad + dilation (kernel - 1) + output_pad + 1, "
    "and W' alike",
    example="64x14x14: conv_transpose(32, 4, s2, p1)",
    also_called="transposed_conv transposed_convolution conv2d_t convtrans deconv2d deconv deconvolution "
    "deconvolutional upconv up_convolution 反卷积 转置卷积",
    elsewhere=(
        "ConvTranspose2d(in_channels, out_channels, kernel_size, stride, padding, output_padding, groups, bias)",
        "Conv2DTranspose(filters, kernel_size, strides, padding)",
    ),
)
class ConvTranspose(_Convolution):
    """Spread each pixel over a learned window: the transpose of a convolution, which makes a picture larger.

    `output_pad` adds rows below and columns on the right, to choose among the sizes that a strided `conv` maps to
    one; in each direction it must be below the stride or the dilation. `groups` must divide the channels that come
    in and those that go out.
    """

    out: int = arg(
        "output channels",
        at_least=1,
        also_called="out_channels filters channels features n_filters num_filters nb_filter nb_filters out_planes "
        "planes width dim num_output output outputs output_channels n_channels num_channels kanaele "
        "filtres filtros",
    )
    kernel: Pair = arg(
        "height and width of the window",
        at_least=1,
        also_called="kernel_size size k ks ksize filter_size window kernel_shape f kern kerngroesse noyau",
    )
    stride: Pair = arg(
        "step between the windows of neighbours",
        default=(1, 1),
        at_least=1,
        letter="s",
        also_called="strides step steps subsample schritt schrittweite pas paso",
    )
    pad: Pair = arg(
        "pixels taken off each side",
        default=(0, 0),
        at_least=0,
        letter="p",
        also_called="padding pads paddings zero_padding rand polster",
    )
    output_pad: Pair = arg(
        "pixels added at the bottom and the right", default=(0, 0), at_least=0, also_called="output_padding"
    )
    dilation: Pair = arg(
        "distance between the taps of the window",
        default=(1, 1),
        at_least=1,
        letter="d",
        positional=False,
        also_called="dilation_rate dilate dilations rate atrous_rate",
    )
    groups: int = arg(
        "groups of channels that do not mix",
        default=1,
        at_least=1,
        letter="g",
        positional=False,
        also_called="group num_groups n_groups cardinality gruppen groupes",
    )
    nobias: bool = flag("no bias is added", also_called="without_bias", opposite="bias use_bias with_bias")

    def agrees(self) -> None:
        pairs = zip(self.output_pad, self.stride, self.dilation, strict=True)
        for axis, (output_pad, stride, dilation) in enumerate(pairs):
            if None not in (output_pad, stride, dilation) and output_pad >= max(stride, dilation):
                facts = {"output_pad": output_pad, "stride": stride, "dilation": dilation}
                raise Misfit("output-padding-too-large", "output_pad", axis=axis, **facts)
        self.refuse_groups_of_output()

    def gives(self, x: Shape) -> Shape:
        assert isinstance(x, Image)
        self.refuse_groups_of_input(x.channels)
        height, width = (
            transposed_windows(
                x[axis + 1],
                self.kernel[axis],
                self.stride[axis],
                self.pad[axis],
                self.output_pad[axis],
                self.dilation[axis],
            )
            for axis in (0, 1)
        )
        if any(size is not None and size < 1 for size in (height, width)):
            # One more pixel on each side takes two off the output, of which one must be left.
            largest = tuple(
                None if size is None else pad - (2 - size) // 2
                for size, pad in zip((height, width), self.pad, strict=True)
            )
            axis = only_axis(size is not None and size < 1 for size in (height, width))
            raise Misfit(
                "padding-too-large", "pad", axis=axis, pad=self.pad, largest=largest, because="nothing-is-left"
            )
        return Image(self.out, height, width)

    def cost(self, x: Shape) -> Cost:
        assert isinstance(x, Image)
        return self.cost_at(x.channels, product(x.height, x.width))

    def sees(self, x: Shape) -> Windows:
        return self._window(0), self._window(1)

    def _window(self, axis: int) -> Window:
        # Input pixel j meets output pixel i where i + pad = stride j + dilation t, for a tap t of the kernel. Taps that
        # are dilated leave some out between, and at the ends.
        behind = self.pad[axis]
        return Window(1, self.dilation[axis] * (self.kernel[axis] - 1) - behind, behind, scale=self.stride[axis])

    def state(self, x: Shape) -> State:
        assert x[0] is not None
        return self.state_of(x[0], self.out // self.groups)

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        assert isinstance(x, Image)
        return (self.operation(x, self.gives(x), transposed=True),)

    def module(self, x: Shape) -> ModuleCall:
        assert isinstance(x, Image)
        kwargs = changed(
            stride=(plain(self.stride), 1),
            padding=(plain(self.pad), 0),
            output_padding=(plain(self.output_pad), 0),
            dilation=(plain(self.dilation), 1),
            groups=(self.groups, 1),
            bias=(not self.nobias, True),
        )
        return ModuleCall("ConvTranspose2d", (x.channels, self.out), {"kernel_size": plain(self.kernel), **kwargs})
