"""Words that move pixels and channels, and learn nothing."""

from __future__ import annotations

from archdsl.layers.base import (
    IMAGE,
    Layer,
    Misfit,
    ModuleCall,
    Operation,
    SameAs,
    Window,
    Windows,
    arg,
    changed,
    flag,
    layer,
    values_of,
)
from archdsl.shapes import Dim, Image, Shape, product, total


@layer(
    "identity",
    torch="Identity",
    rule="gives what comes in",
    example="64x8x8: identity",
    also_called="skip noop pass none pass_through shortcut skip_connection identitaet identite identidad 恒等",
    elsewhere=("Identity()",),
)
class Identity(Layer):
    """Pass the input on: the shortcut of a residual block."""

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        return ()

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("Identity")


@layer(
    "upsample",
    torch="Upsample",
    takes=IMAGE,
    rule="C x H x W gives C x scale H x scale W",
    example="64x8x8: upsample(2)",
    also_called="upsampling upscale interpolate resize unpool up_sample vergroessern 上采样",
    elsewhere=(
        "Upsample(!size, scale_factor, mode, align_corners)",
        "UpSampling2D(size=2, data_format, interpolation)",
        "UpsamplingNearest2d(!size, scale_factor)",
        "UpsamplingBilinear2d(!size, !scale_factor)",
    ),
)
class Upsample(Layer):
    """Make the picture larger by a whole factor.

    Each pixel is repeated (`nearest`), or the new ones lie between the old (`bilinear`, corners not aligned).
    """

    scale: int = arg("factor for height and width", at_least=1, also_called="scale_factor size factor")
    nearest: bool = flag("each pixel is repeated, which is so anyway")
    bilinear: bool = flag("new pixels lie between the old", also_called="linear")

    def agrees(self) -> None:
        if self.nearest and self.bilinear:
            raise Misfit("contradicting-arguments", "nearest", first="bilinear", second="nearest")

    def gives(self, x: Shape) -> Shape:
        assert isinstance(x, Image)
        return Image(x.channels, product(x.height, self.scale), product(x.width, self.scale))

    def sees(self, x: Shape) -> Windows:
        # Between two pixels, i lies at (2 i + 1 - scale) / (2 scale); else it repeats the one at i / scale.
        scale = self.scale
        window = Window(2, 3 * scale - 2, scale, 2 * scale) if self.bilinear else Window(1, scale - 1, scale=scale)
        return window, window

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        values = values_of(self.gives(x))
        return (Operation(values, work=values_of(x) + values),)

    def module(self, x: Shape) -> ModuleCall:
        kwargs = changed(mode=("bilinear" if self.bilinear else "nearest", "nearest"))
        return ModuleCall("Upsample", (), {"scale_factor": self.scale, **kwargs})


@layer(
    "zero_pad",
    torch="ZeroPad2d",
    takes=IMAGE,
    rule="C x H x W gives C x (top + H + bottom) x (left + W + right)",
    example="64x8x8: zero_pad(0, 1, 0, 1)",
    position_counts=(1, 4),
    also_called="pad padding zeropad constant_pad",
    elsewhere=(
        "ZeroPad2d(padding)",
        "ZeroPadding2D(padding=1)",
    ),
)
class ZeroPad(Layer):
    """Frame the picture with zeros: the same on all four sides, or left, right, top and bottom, as in torch."""

    left: int = arg("columns on the left", at_least=0, also_called="padding pad")
    right: int = arg("columns on the right", default=SameAs("left"), at_least=0)
    top: int = arg("rows above", default=SameAs("left"), at_least=0)
    bottom: int = arg("rows below", default=SameAs("left"), at_least=0)

    def gives(self, x: Shape) -> Shape:
        assert isinstance(x, Image)
        return Image(x.channels, total(self.top, x.height, self.bottom), total(self.left, x.width, self.right))

    def sees(self, x: Shape) -> Windows:
        return Window(1, self.top, -self.top), Window(1, self.left, -self.left)

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        return (Operation(values_of(self.gives(x))),)

    def module(self, x: Shape) -> ModuleCall:
        sides = (self.left, self.right, self.top, self.bottom)
        return ModuleCall("ZeroPad2d", (self.left if len(set(sides)) == 1 else sides,))


@layer(
    "pixel_shuffle",
    torch="PixelShuffle",
    takes=IMAGE,
    rule="C x H x W gives C / r^2 x r H x r W",
    example="64x8x8: pixel_shuffle(2)",
    also_called="depth_to_space subpixel sub_pixel_convolution",
    elsewhere=("PixelShuffle(upscale_factor)",),
)
class PixelShuffle(Layer):
    """Make a picture r times as large out of the values of r x r channels (Shi et al. 2016, section 3.2).

    The square of r must divide the channels.
    """

    r: int = arg("factor for height and width", at_least=1, also_called="upscale_factor scale block_size")

    def gives(self, x: Shape) -> Shape:
        assert isinstance(x, Image)
        channels: Dim = None
        if self.r is not None and x.channels is not None:
            channels, left_over = divmod(x.channels, self.r**2)
            if left_over:
                raise Misfit("channels-do-not-divide", "r", channels=x.channels, r=self.r)
        return Image(channels, product(x.height, self.r), product(x.width, self.r))

    def sees(self, x: Shape) -> Windows:
        window = Window(1, self.r - 1, scale=self.r)
        return window, window

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        return (Operation(values_of(self.gives(x))),)

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("PixelShuffle", (self.r,))


@layer(
    "channel_shuffle",
    torch="ChannelShuffle",
    takes=IMAGE,
    rule="gives what comes in",
    example="64x8x8: channel_shuffle(4)",
    also_called="shuffle_channels shuffle",
    elsewhere=("ChannelShuffle(groups)",),
)
class ChannelShuffle(Layer):
    """Deal the channels of the groups out in turn, so that the next grouped `conv` mixes them.

    (Zhang et al. 2018, ShuffleNet, section 3.1.) The groups must divide the channels.
    """

    groups: int = arg("groups of channels", at_least=1)

    def gives(self, x: Shape) -> Shape:
        if self.groups is not None and x[0] is not None and x[0] % self.groups:
            raise Misfit(
                "groups-do-not-divide", "groups", groups=self.groups, channels=x[0], which="input", common=x[0]
            )
        return x

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        return (Operation(values_of(self.gives(x))),)

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("ChannelShuffle", (self.groups,))


@layer(
    "take_channels",
    torch="x[:, start:end]",
    takes=IMAGE,
    rule="C x H x W gives (end - start) x H x W",
    example="64x8x8: take_channels(0, 32)",
    also_called="slice split chunk narrow slice_channels select_channels",
)
class TakeChannels(Layer):
    """Keep the channels from start to end - 1, counted from 0. Two of them in branches split a picture."""

    start: int = arg("the first channel that is kept", at_least=0)
    end: int = arg("the channel behind the last one", at_least=1)

    def agrees(self) -> None:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise Misfit("no-such-channels", "end", start=self.start, end=self.end, channels=None)

    def gives(self, x: Shape) -> Shape:
        assert isinstance(x, Image)
        if x.channels is not None:
            for name, last in (("start", total(self.start, 1)), ("end", self.end)):
                if last is not None and last > x.channels:
                    raise Misfit("no-such-channels", name, start=self.start, end=self.end, channels=x.channels)
        known = self.start is not None and self.end is not None and self.start < self.end
        return x._replace(channels=self.end - self.start if known else None)

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        return (Operation(copies_gradient=True),)

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("TakeChannels", (self.start, self.end))
