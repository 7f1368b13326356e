"""Pooling: windows without weights, and averages and maxima over the whole picture."""

from __future__ import annotations

from archdsl.layers.base import (
    IMAGE,
    KEEPS_INPUT,
    Layer,
    Misfit,
    ModuleCall,
    Operation,
    Pair,
    SameAs,
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
from archdsl.layers.convolution import refuse_unfit_windows
from archdsl.shapes import Dim, Image, Shape, total, windows


class _Pool(Layer):
    """What the two pools share: windows of which no more than half lies in the padding."""

    kernel: Pair
    stride: Pair
    pad: Pair
    ceil: bool

    def agrees(self) -> None:
        halves = tuple(None if kernel is None else kernel // 2 for kernel in self.kernel)
        wrong = [
            pad is not None and half is not None and pad > half for pad, half in zip(self.pad, halves, strict=True)
        ]
        if any(wrong):
            facts = {"pad": self.pad, "largest": halves, "because": "half-the-kernel"}
            raise Misfit("padding-too-large", "pad", axis=only_axis(wrong), **facts)

    def pooled(self, x: Image, dilation: Pair) -> Image:
        height, width = (
            self._windows(size, self.kernel[axis], self.stride[axis], self.pad[axis], dilation[axis])
            for axis, size in enumerate(x[1:])
        )
        beyond = (0, 0) if self.ceil is False else (total(self.stride[0], -1), total(self.stride[1], -1))
        # The padding of a dilated window is at most half of its undilated kernel, which seldom is enough.
        refuse_unfit_windows(
            (height, width), self.kernel, self.pad, dilation, x, beyond=beyond, padding_helps=dilation == (1, 1)
        )
        return Image(x.channels, height, width)

    def seen(self, dilation: Pair) -> Windows:
        down, across = (
            Window(self.stride[axis], self.pad[axis], dilation[axis] * (self.kernel[axis] - 1) - self.pad[axis])
            for axis in (0, 1)
        )
        return down, across

    def _windows(self, size: Dim, kernel: int, stride: int, pad: int, dilation: int) -> Dim:
        """How many windows fit; where it is not known whether `ceil` is said, what holds both ways."""
        if self.ceil is not None:
            return windows(size, kernel, stride, pad, dilation, self.ceil)
        low = windows(size, kernel, stride, pad, dilation)
        return low if low == windows(size, kernel, stride, pad, dilation, ceil=True) else None


def adaptive_windows(x: Shape, size: Pair) -> Windows | None:
    """The windows of adaptive pooling: from floor(i H / h) to below ceil((i + 1) H / h)."""
    assert isinstance(x, Image)
    assert x.height is not None
    assert x.width is not None
    if size == (1, 1):
        return None
    down, across = (Window(x, size - 1, x - 1, scale=size) for x, size in zip((x.height, x.width), size, strict=True))
    return down, across


@layer(
    "pool",
    torch="MaxPool2d",
    takes=IMAGE,
    rule="C x H x W gives C x H' x W', with H' = floor((H + 2 pad - dilation (kernel - 1) - 1) / stride) + 1, and W' "
    "alike; `ceil` rounds up, and leaves out a window that would begin behind the picture",
    example="64x112x112: pool(3, 2, p1)",
    also_called="maxpool max_pool maxpooling maximum_pooling max_pooling pooling mp pool2d subsampling chihua "
    "池化 最大池化",
    elsewhere=(
        "MaxPool2d(kernel_size, stride, padding, dilation, return_indices, ceil_mode)",
        "MaxPooling2D(pool_size=2, strides, padding)",
        "MaxPool2D(pool_size=2, strides, padding)",
    ),
)
class Pool(_Pool):
    """Keep the largest value of each window. The window steps by its own size unless a stride is given.

    The padding, which never wins, is at most half the kernel. A dilated window must meet at least one pixel.
    """

    kernel: Pair = arg(
        "height and width of the window",
        at_least=1,
        also_called="pool_size kernel_size size k ks ksize filter_size window kernel_shape f kern kerngroesse noyau",
    )
    stride: Pair = arg(
        "step of the window",
        default=SameAs("kernel"),
        at_least=1,
        letter="s",
        also_called="strides step steps subsample schritt schrittweite pas paso",
    )
    pad: Pair = arg(
        "padding on each side",
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
        also_called="dilation_rate",
    )
    ceil: bool = flag("a last window that does not fit whole counts too", also_called="ceil_mode round_up")

    def gives(self, x: Shape) -> Shape:
        assert isinstance(x, Image)
        gives = self.pooled(x, self.dilation)
        for size, pad, dilation in zip(x[1:], self.pad, self.dilation, strict=True):
            # The first window begins at -pad, and its first tap that is not in the padding lies at (-pad) % dilation.
            if size is not None and None not in (pad, dilation) and -pad % dilation >= size:
                raise Misfit("padding-too-large", "pad", pad=self.pad, largest=(0, 0), because="no-pixel-is-met")
        return gives

    def sees(self, x: Shape) -> Windows:
        return self.seen(self.dilation)

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        values = values_of(self.gives(x))
        return (Operation(values, keeps=KEEPS_INPUT, indices=values),)

    def module(self, x: Shape) -> ModuleCall:
        kwargs = changed(
            stride=(plain(self.stride), plain(self.kernel)),
            padding=(plain(self.pad), 0),
            dilation=(plain(self.dilation), 1),
            ceil_mode=(self.ceil, False),
        )
        return ModuleCall("MaxPool2d", (), {"kernel_size": plain(self.kernel), **kwargs})


@layer(
    "avgpool",
    torch="AvgPool2d",
    takes=IMAGE,
    rule="C x H x W gives C x H' x W', with H' = floor((H + 2 pad - kernel) / stride) + 1, and W' alike; `ceil` "
    "rounds up, and leaves out a window that would begin behind the picture",
    example="6x28x28: avgpool(2)",
    also_called="average_pool average_pooling mean_pool mean_pooling avg_pooling mittelwert_pooling 平均池化",
    elsewhere=(
        "AvgPool2d(kernel_size, stride, padding, ceil_mode, count_include_pad)",
        "AveragePooling2D(pool_size=2, strides, padding)",
        "AvgPool2D(pool_size=2, strides, padding)",
    ),
)
class AvgPool(_Pool):
    """Average each window. The window steps by its own size unless a stride is given.

    The padding is at most half the kernel, and counts as zeros unless `nopadcount` is said.
    """

    kernel: Pair = arg(
        "height and width of the window",
        at_least=1,
        also_called="pool_size kernel_size size k ks ksize filter_size window kernel_shape f kern kerngroesse noyau",
    )
    stride: Pair = arg(
        "step of the window",
        default=SameAs("kernel"),
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
    ceil: bool = flag("a last window that does not fit whole counts too", also_called="ceil_mode round_up")
    nopadcount: bool = flag(
        "the padding does not count in the average", also_called="exclude_padding", opposite="count_include_pad"
    )

    def gives(self, x: Shape) -> Shape:
        assert isinstance(x, Image)
        return self.pooled(x, (1, 1))

    def sees(self, x: Shape) -> Windows:
        return self.seen((1, 1))

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        return (Operation(values_of(self.gives(x)), keeps=KEEPS_INPUT),)

    def module(self, x: Shape) -> ModuleCall:
        kwargs = changed(
            stride=(plain(self.stride), plain(self.kernel)),
            padding=(plain(self.pad), 0),
            ceil_mode=(self.ceil, False),
            count_include_pad=(not self.nopadcount, True),
        )
        return ModuleCall("AvgPool2d", (), {"kernel_size": plain(self.kernel), **kwargs})


@layer(
    "adaptive_avgpool",
    torch="AdaptiveAvgPool2d",
    takes=IMAGE,
    rule="C x H x W gives C x size x size, whatever H and W are",
    example="512x9x9: adaptive_avgpool(7)",
    also_called="adaptive_average_pool adaptive_pooling 自适应平均池化",
    elsewhere=(
        "AdaptiveAvgPool2d(output_size)",
        "AdaptiveAveragePooling2D(output_size)",
    ),
)
class AdaptiveAvgPool(Layer):
    """Average over windows that are laid so that the picture comes out in the given size, even a larger one."""

    size: Pair = arg("height and width of the output", at_least=1, also_called="output_size out out_size")

    def gives(self, x: Shape) -> Shape:
        return Image(x[0], *self.size)

    def sees(self, x: Shape) -> Windows | None:
        return adaptive_windows(x, self.size)

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        # One window is a plain mean, which needs nothing to go back.
        keeps = None if self.size == (1, 1) else KEEPS_INPUT
        return (Operation(values_of(self.gives(x)), keeps=keeps),)

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("AdaptiveAvgPool2d", (plain(self.size),))


@layer(
    "adaptive_pool",
    torch="AdaptiveMaxPool2d",
    takes=IMAGE,
    rule="C x H x W gives C x size x size, whatever H and W are",
    example="512x9x9: adaptive_pool((7, 1))",
    also_called="adaptive_max_pool adaptive_max_pooling 自适应最大池化",
    elsewhere=(
        "AdaptiveMaxPool2d(output_size)",
        "AdaptiveMaxPooling2D(output_size)",
    ),
)
class AdaptivePool(Layer):
    """Keep the largest value of windows that are laid so that the picture comes out in the given size."""

    size: Pair = arg("height and width of the output", at_least=1, also_called="output_size out out_size")

    def gives(self, x: Shape) -> Shape:
        return Image(x[0], *self.size)

    def sees(self, x: Shape) -> Windows | None:
        return adaptive_windows(x, self.size)

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        values = values_of(self.gives(x))
        return (Operation(values, keeps=KEEPS_INPUT, indices=values),)

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("AdaptiveMaxPool2d", (plain(self.size),))


@layer(
    "global_avgpool",
    torch="AdaptiveAvgPool2d(1)",
    takes=IMAGE,
    rule="C x H x W gives C x 1 x 1",
    example="512x7x7: global_avgpool",
    also_called="gap global_average_pool global_average_pooling global_avg_pooling global_mean_pool squeeze "
    "全局平均池化",
    elsewhere=(
        "GlobalAveragePooling2D() flatten",
        "GlobalAvgPool2D() flatten",
    ),
)
class GlobalAvgPool(Layer):
    """Average each channel over the whole picture (Lin et al. 2014, Network in Network, section 3.2).

    What comes out is still a picture, of one pixel; `flatten` makes a vector of it.
    """

    def gives(self, x: Shape) -> Shape:
        return Image(x[0], 1, 1)

    def sees(self, x: Shape) -> None:
        return None

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        return (Operation(values_of(self.gives(x))),)

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("AdaptiveAvgPool2d", (1,))


@layer(
    "global_pool",
    torch="AdaptiveMaxPool2d(1)",
    takes=IMAGE,
    rule="C x H x W gives C x 1 x 1",
    example="512x7x7: global_pool",
    also_called="gmp global_max_pool global_max_pooling 全局最大池化",
    elsewhere=(
        "GlobalMaxPooling2D() flatten",
        "GlobalMaxPool2D() flatten",
    ),
)
class GlobalPool(Layer):
    """Keep the largest value of each channel. What comes out is still a picture, of one pixel."""

    def gives(self, x: Shape) -> Shape:
        return Image(x[0], 1, 1)

    def sees(self, x: Shape) -> None:
        return None

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        values = values_of(self.gives(x))
        return (Operation(values, keeps=KEEPS_INPUT, indices=values),)

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("AdaptiveMaxPool2d", (1,))
