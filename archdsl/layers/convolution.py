"""Convolutions: learned filters that slide over the picture."""

from __future__ import annotations

from archdsl.layers.base import IMAGE, Cost, Layer, Misfit, ModuleCall, Pair, arg, flag, layer, plain
from archdsl.shapes import Dim, Image, Shape, product, window_span, windows


def refuse_unfit_windows(
    sizes: tuple[Dim, Dim], kernel: Pair, stride: Pair, pad: Pair, dilation: Pair, ceil: bool, image: Image
) -> None:
    """Raise the Misfit of a window that is larger than the padded picture, if a size came out below 1."""
    if all(size is None or size >= 1 for size in sizes):
        return
    axis = 0 if sizes[0] is not None and sizes[0] < 1 else 1
    size = (image.height, image.width)[axis]
    reach = window_span(kernel[axis], dilation[axis])
    assert size is not None
    assert reach is not None
    raise Misfit(
        "window-too-large",
        "kernel",
        kernel=kernel,
        dilation=dilation[axis],
        height=image.height,
        width=image.width,
        pad=pad[axis],
        largest=max(0, (size + 2 * pad[axis] - 1) // dilation[axis] + 1),
        least_pad=-(-(reach - size) // 2),
    )


class _Convolution(Layer):
    """What the two convolutions share: the rule of groups."""

    out: int
    groups: int

    def refuse_unfit_groups(self, channels: Dim) -> None:
        if self.groups is None:
            return
        if channels is not None and channels % self.groups:
            raise Misfit("groups-do-not-divide", "groups", groups=self.groups, channels=channels, which="input")
        if self.out is not None and self.out % self.groups:
            raise Misfit("groups-do-not-divide", "groups", groups=self.groups, channels=self.out, which="output")


@layer(
    "conv",
    torch="Conv2d",
    takes=IMAGE,
    rule="C x H x W gives out x H' x W', with H' = floor((H + 2 pad - dilation (kernel - 1) - 1) / stride) + 1, "
    "and W' alike",
    example="3x224x224: conv(96, 11, s4, p2)",
    also_called=("conv2d", "Conv2d", "Conv2D", "Convolution2D", "convolution", "convolutional"),
)
class Conv(_Convolution):
    """Slide learned filters over the picture.

    `same` pads so that height and width stay as they are; as in torch it stands with stride 1 only, and not
    beside a pad. `groups` must divide the channels that come in and those that go out.
    """

    out: int = arg("output channels", at_least=1)
    kernel: Pair = arg("height and width of the window", at_least=1)
    stride: Pair = arg("step of the window", default=(1, 1), at_least=1, letter="s")
    pad: Pair = arg("zeros added on each side", default=(0, 0), at_least=0, letter="p")
    dilation: Pair = arg(
        "distance between the taps of the window", default=(1, 1), at_least=1, letter="d", positional=False
    )
    groups: int = arg("groups of channels that do not mix", default=1, at_least=1, letter="g", positional=False)
    nobias: bool = flag("no bias is added")
    same: bool = flag("height and width stay as they are")

    def agrees(self) -> None:
        if self.same:
            if any(pad not in (0, None) for pad in self.pad):
                raise Misfit("contradicting-arguments", "pad", first="same", second="pad")
            if any(stride not in (1, None) for stride in self.stride):
                raise Misfit("same-with-stride", "stride", stride=self.stride)
        self.refuse_unfit_groups(None)

    def gives(self, x: Shape) -> Shape:
        assert isinstance(x, Image)
        self.refuse_unfit_groups(x.channels)
        if self.same is None:
            return Image(self.out, None, None)
        if self.same:
            return Image(self.out, x.height, x.width)
        height = windows(x.height, self.kernel[0], self.stride[0], self.pad[0], self.dilation[0])
        width = windows(x.width, self.kernel[1], self.stride[1], self.pad[1], self.dilation[1])
        refuse_unfit_windows((height, width), self.kernel, self.stride, self.pad, self.dilation, False, x)
        return Image(self.out, height, width)

    def cost(self, x: Shape) -> Cost:
        assert isinstance(x, Image)
        assert x.channels is not None
        gives = self.gives(x)
        assert isinstance(gives, Image)
        weights = self.out * (x.channels // self.groups) * self.kernel[0] * self.kernel[1]
        positions = product(gives.height, gives.width)
        assert positions is not None
        return Cost(weights + (0 if self.nobias else self.out), weights * positions)

    def module(self, x: Shape) -> ModuleCall:
        assert isinstance(x, Image)
        kwargs = {}
        if self.stride != (1, 1):
            kwargs["stride"] = plain(self.stride)
        if self.same:
            kwargs["padding"] = "same"
        elif self.pad != (0, 0):
            kwargs["padding"] = plain(self.pad)
        if self.dilation != (1, 1):
            kwargs["dilation"] = plain(self.dilation)
        if self.groups != 1:
            kwargs["groups"] = self.groups
        if self.nobias:
            kwargs["bias"] = False
        return ModuleCall("Conv2d", (x.channels, self.out), {"kernel_size": plain(self.kernel), **kwargs})
