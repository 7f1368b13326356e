"""What is left out by chance while training. In evaluation these pass their input on; no shape changes."""

from __future__ import annotations

from archdsl.layers.base import IMAGE, Layer, ModuleCall, arg, layer
from archdsl.shapes import Shape

_SAME = "gives what comes in"


@layer("dropout", torch="Dropout", rule=_SAME, example="4096: dropout(0.5)", also_called=("drop",))
class Dropout(Layer):
    """Zero each value with probability p, and divide the others by 1 - p (Srivastava et al. 2014)."""

    p: float = arg("probability of a zero", default=0.5, at_least=0, at_most=1, also_called=("rate", "probability"))

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("Dropout", (self.p,))


@layer(
    "dropout2d",
    torch="Dropout2d",
    takes=IMAGE,
    rule=_SAME,
    example="64x8x8: dropout2d(0.2)",
    also_called=("spatial_dropout", "SpatialDropout2D", "channel_dropout"),
)
class Dropout2d(Layer):
    """Zero each channel whole with probability p, and divide the others by 1 - p (Tompson et al. 2015)."""

    p: float = arg("probability of a zero", default=0.5, at_least=0, at_most=1, also_called=("rate", "probability"))

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("Dropout2d", (self.p,))


@layer(
    "drop_path",
    torch="torchvision's StochasticDepth, by row",
    rule=_SAME,
    example="96x8x8: drop_path(0.1)",
    also_called=("StochasticDepth", "drop_connect"),
)
class DropPath(Layer):
    """Zero all of a sample with probability p, and divide the other samples by 1 - p (Huang et al. 2016).

    It stands at the end of a branch of `add`, and then that branch is skipped.
    """

    p: float = arg("probability of a zero", at_least=0, at_most=1, also_called=("rate", "drop_prob", "probability"))

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("StochasticDepth", (self.p,), {"mode": "row"})
