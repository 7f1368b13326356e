"""What is left out by chance while training. In evaluation these pass their input on; no shape changes."""

from __future__ import annotations

from archdsl.layers.base import IMAGE, Layer, ModuleCall, Operation, arg, layer, values_of
from archdsl.shapes import Shape

_SAME = "gives what comes in"


@layer(
    "dropout",
    torch="Dropout",
    rule=_SAME,
    example="4096: dropout(0.5)",
    also_called="drop dropout_layer drop_out 随机失活",
    elsewhere=("Dropout(p, inplace)",),
)
class Dropout(Layer):
    """Zero each value with probability p, and divide the others by 1 - p (Srivastava et al. 2014)."""

    p: float = arg(
        "probability of a zero",
        default=0.5,
        at_least=0,
        at_most=1,
        also_called="rate prob probability drop drop_rate drop_prob dropout dropout_rate",
    )

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        values = values_of(x)
        return (Operation(values, mask=values, in_training_only=True),) if self.p else ()

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("Dropout", (self.p,))


@layer(
    "dropout2d",
    torch="Dropout2d",
    takes=IMAGE,
    rule=_SAME,
    example="64x8x8: dropout2d(0.2)",
    also_called="spatial_dropout channel_dropout",
    elsewhere=(
        "SpatialDropout2D(rate)",
        "Dropout2d(p, inplace)",
    ),
)
class Dropout2d(Layer):
    """Zero each channel whole with probability p, and divide the others by 1 - p (Tompson et al. 2015)."""

    p: float = arg(
        "probability of a zero",
        default=0.5,
        at_least=0,
        at_most=1,
        also_called="rate prob probability drop drop_rate drop_prob dropout dropout_rate",
    )

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        assert x[0] is not None
        return (Operation(values_of(x), mask=x[0], in_training_only=True),) if self.p else ()

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("Dropout2d", (self.p,))


@layer(
    "drop_path",
    torch="StochasticDepth, as torchvision's of that name by row",
    rule=_SAME,
    example="96x8x8: drop_path(0.1)",
    also_called="drop_connect stochastic_depth_layer",
    elsewhere=(
        "StochasticDepth(p, mode)",
        "DropPath(drop_prob)",
    ),
)
class DropPath(Layer):
    """Zero all of a sample with probability p, and divide the other samples by 1 - p (Huang et al. 2016).

    It stands at the end of a branch of `add`, and then that branch is skipped.
    """

    p: float = arg(
        "probability of a zero",
        at_least=0,
        at_most=1,
        also_called="rate prob probability drop drop_rate drop_prob dropout dropout_rate",
    )

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        return (Operation(values_of(x), mask=1, in_training_only=True),) if self.p else ()

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("StochasticDepth", (self.p,))
