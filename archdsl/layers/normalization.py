"""Normalizations, and the learned scale that stands beside them. No shape changes."""

from __future__ import annotations

from archdsl.layers.base import (
    IMAGE,
    KEEPS_INPUT,
    LARGEST_SINGLE,
    LARGEST_WINDOW,
    Cost,
    Layer,
    Misfit,
    ModuleCall,
    Operation,
    State,
    arg,
    changed,
    layer,
    values_of,
)
from archdsl.shapes import Image, Shape, product

_SAME = "gives what comes in"
_LEAST_EPS = 1e-12
"""The smallest eps in use, that of BERT's layer norm; torch refuses to train a batch norm with none at all."""


def _factor_and_shift(x: Shape) -> Cost:
    """Two trainable parameters a channel, or a feature."""
    assert x[0] is not None
    return Cost(parameters=2 * x[0])


def _weight_and_bias(x: Shape) -> State:
    """The factors and the shifts, as torch calls them."""
    assert x[0] is not None
    return ("weight", (x[0],)), ("bias", (x[0],))


@layer(
    "batchnorm",
    torch="BatchNorm2d on images, BatchNorm1d on vectors",
    rule=_SAME,
    example="64x8x8: batchnorm",
    also_called="bn batch_normalize batch_normalise batchnormalisation batch_norm_layer normalize guiyihua 批归一化 "
    "归一化",
    elsewhere=(
        "BatchNorm2d(num_features, eps, momentum, affine, track_running_stats)",
        "BatchNorm1d(num_features, eps, momentum, affine, track_running_stats)",
        "BatchNormalization(axis, !momentum, epsilon)",
        "LazyBatchNorm2d(eps, momentum)",
    ),
)
class BatchNorm(Layer):
    """Bring each channel to mean 0 and variance 1 over the batch, then scale and shift it (Ioffe and Szegedy 2015).

    In evaluation it uses the running mean and variance that it gathered while training. To train, a channel needs
    more than one value in a batch: a batch of one does not do after `global_avgpool`.
    """

    eps: float = arg("added to the variance", default=1e-5, at_least=_LEAST_EPS, at_most=1, also_called="epsilon")
    momentum: float = arg("weight of a batch in the running mean", default=0.1, at_least=0, at_most=1)

    def cost(self, x: Shape) -> Cost:
        return _factor_and_shift(x)

    def state(self, x: Shape) -> State:
        assert x[0] is not None
        running = ("running_mean", (x[0],)), ("running_var", (x[0],)), ("num_batches_tracked", ())
        return *_weight_and_bias(x), *running

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        channels, values = x[0], values_of(x)
        assert channels is not None
        return (
            Operation(
                values,
                keeps=KEEPS_INPUT,
                batch_statistics=2 * channels,
                backward_work=values,
            ),
        )

    def module(self, x: Shape) -> ModuleCall:
        kwargs = changed(eps=(self.eps, 1e-5), momentum=(self.momentum, 0.1))
        return ModuleCall("BatchNorm2d" if isinstance(x, Image) else "BatchNorm1d", (x[0],), kwargs)


@layer(
    "layernorm",
    torch="LayerNorm over the channels of each pixel, on vectors LayerNorm",
    rule=_SAME,
    example="96x8x8: layernorm(1e-6)",
    also_called="ln layer_normalisation 层归一化",
    elsewhere=(
        "LayerNorm(normalized_shape, eps)",
        "LayerNorm2d(num_channels, eps)",
        "LayerNormalization(axis, epsilon)",
    ),
)
class LayerNorm(Layer):
    """Bring the channels of each pixel, or the features, to mean 0 and variance 1, then scale and shift each.

    On images as in ConvNeXt (Liu et al. 2022, section 2.5); on vectors as first described (Ba et al. 2016).
    """

    eps: float = arg("added to the variance", default=1e-5, at_least=_LEAST_EPS, at_most=1, also_called="epsilon")

    def cost(self, x: Shape) -> Cost:
        return _factor_and_shift(x)

    def state(self, x: Shape) -> State:
        return _weight_and_bias(x)

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        channels, values = x[0], values_of(x)
        assert channels is not None
        is_image = isinstance(x, Image)
        return (
            Operation(
                values,
                keeps=KEEPS_INPUT,
                sample_statistics=2 * (values // channels),
                gives_channels_last=is_image,
            ),
        )

    def module(self, x: Shape) -> ModuleCall:
        kwargs = changed(eps=(self.eps, 1e-5))
        return ModuleCall("LayerNorm2d" if isinstance(x, Image) else "LayerNorm", (x[0],), kwargs)


@layer(
    "groupnorm",
    torch="GroupNorm",
    rule=_SAME,
    example="64x8x8: groupnorm(32)",
    also_called="gn group_normalisation 组归一化",
    elsewhere=(
        "GroupNorm(num_groups, num_channels, eps)",
        "GroupNormalization(groups, axis, epsilon)",
    ),
)
class GroupNorm(Layer):
    """Bring each group of channels to mean 0 and variance 1 in each sample, then scale and shift (Wu and He 2018).

    The groups must divide the channels.
    """

    groups: int = arg("groups of channels", at_least=1, also_called="num_groups")
    eps: float = arg("added to the variance", default=1e-5, at_least=_LEAST_EPS, at_most=1, also_called="epsilon")

    def gives(self, x: Shape) -> Shape:
        if self.groups is not None and x[0] is not None and x[0] % self.groups:
            raise Misfit(
                "groups-do-not-divide", "groups", groups=self.groups, channels=x[0], which="input", common=x[0]
            )
        return x

    def cost(self, x: Shape) -> Cost:
        return _factor_and_shift(x)

    def state(self, x: Shape) -> State:
        return _weight_and_bias(x)

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        channels, values = x[0], values_of(x)
        assert channels is not None
        statistics = 2 * self.groups
        return (Operation(values, keeps=KEEPS_INPUT, sample_statistics=statistics),)

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("GroupNorm", (self.groups, x[0]), changed(eps=(self.eps, 1e-5)))


@layer(
    "instancenorm",
    torch="InstanceNorm2d",
    takes=IMAGE,
    rule="gives what comes in; 1 x 1 pictures are refused",
    example="64x8x8: instancenorm",
    also_called="in_norm instance_normalisation 实例归一化",
    elsewhere=(
        "InstanceNorm2d(num_features, eps, !momentum, !affine)",
        "InstanceNormalization(axis, epsilon)",
    ),
)
class InstanceNorm(Layer):
    """Bring each channel of each sample to mean 0 and variance 1 (Ulyanov et al. 2016). It learns nothing.

    A picture of one pixel has no variance, and is refused.
    """

    eps: float = arg("added to the variance", default=1e-5, at_least=_LEAST_EPS, at_most=1, also_called="epsilon")

    def gives(self, x: Shape) -> Shape:
        if x[1:] == (1, 1):
            raise Misfit("nothing-to-normalize", None)
        return x

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        channels, values = x[0], values_of(x)
        assert channels is not None
        return (Operation(values, keeps=KEEPS_INPUT, sample_statistics=2 * channels, backward_work=values),)

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("InstanceNorm2d", (x[0],), changed(eps=(self.eps, 1e-5)))


@layer(
    "lrn",
    torch="LocalResponseNorm",
    takes=IMAGE,
    rule=_SAME,
    example="96x55x55: lrn(5, 1e-4, 0.75, 2)",
    also_called="local_response_normalization cross_channel_norm",
    elsewhere=("LocalResponseNorm(size, alpha, beta, k)",),
)
class Lrn(Layer):
    """Divide each value by (k + alpha / size * sum of squares)^beta, over `size` neighbouring channels.

    As in AlexNet (Krizhevsky et al. 2012, section 3.3), whose alpha is not divided by the size: theirs of 1e-4 over
    5 channels is 5e-4 here, as in torch and Caffe.
    """

    size: int = arg(
        "neighbouring channels, the value's own included",
        default=5,
        at_least=1,
        at_most=LARGEST_WINDOW,
        also_called="n",
    )
    alpha: float = arg("factor of the mean of squares", default=1e-4, at_least=0)
    beta: float = arg("exponent", default=0.75, at_least=0)
    k: float = arg("added before the exponent", default=1, at_least=_LEAST_EPS, also_called="bias")

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        assert isinstance(x, Image)
        values, pixels = values_of(x), product(x.height, x.width)
        assert pixels is not None
        return (
            Operation(values, keeps=KEEPS_INPUT, backward_work=values),  # The square.
            Operation(values + (self.size - 1) * pixels),  # Channels of zeros around.
            Operation(values, keeps=KEEPS_INPUT, is_raised=True),  # The mean, which stays until there is the divisor.
            Operation(values),  # Times alpha.
            Operation(values, work=values),  # Plus k.
            Operation(values, keeps=KEEPS_INPUT, work=values, backward_work=2 * values),  # To the power of beta.
            Operation(values, keeps=KEEPS_INPUT, keeps_start=True, backward_work=2 * values),  # The quotient.
        )

    def module(self, x: Shape) -> ModuleCall:
        kwargs = changed(alpha=(self.alpha, 1e-4), beta=(self.beta, 0.75), k=(self.k, 1))
        return ModuleCall("LocalResponseNorm", (self.size,), kwargs)


@layer(
    "scale",
    torch="a parameter of C x 1 x 1, or of F on vectors",
    rule=_SAME,
    example="96x8x8: scale(1e-6)",
    elsewhere=("LayerScale(init_value)",),
)
class Scale(Layer):
    """Multiply each channel, or feature, by a factor that is learned: the layer scale of ConvNeXt.

    (Touvron et al. 2021, Going deeper with image transformers, section 2.)
    """

    initial: float = arg(
        "the factors before training",
        default=1,
        at_least=-LARGEST_SINGLE,
        at_most=LARGEST_SINGLE,
        also_called="init init_value value",
    )

    def cost(self, x: Shape) -> Cost:
        assert x[0] is not None
        return Cost(parameters=x[0])

    def state(self, x: Shape) -> State:
        return (("weight", self._shape(x)),)

    def _shape(self, x: Shape) -> tuple[int, ...]:
        assert x[0] is not None
        return (x[0], 1, 1) if isinstance(x, Image) else (x[0],)

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        channels, values = x[0], values_of(x)
        assert channels is not None
        return (Operation(values, keeps=KEEPS_INPUT, backward_work=values, is_promoted=True),)

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("Scale", (self._shape(x),), changed(initial=(self.initial, 1)))
