"""Activations: each value by itself, and the softmax over the channels. No shape changes."""

from __future__ import annotations

from archdsl.layers.base import (
    KEEPS_INPUT,
    KEEPS_OUTPUT,
    LARGEST_SINGLE,
    Cost,
    Layer,
    ModuleCall,
    Operation,
    State,
    arg,
    changed,
    layer,
    values_of,
)
from archdsl.shapes import Shape

_SAME = "gives what comes in"


class _OfItsInput(Layer):
    """An activation whose derivative is told by its input."""

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        return (Operation(values_of(x), keeps=KEEPS_INPUT),)


class _OfItsOutput(Layer):
    """An activation whose derivative is told by its output."""

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        return (Operation(values_of(x), keeps=KEEPS_OUTPUT),)


class _Activation(Layer):
    """An activation without arguments, whose module has the name given for the reference."""

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall(self.torch)


@layer(
    "relu",
    torch="ReLU",
    rule=_SAME,
    example="64x8x8: relu",
    also_called="rectifier rectified_linear rectified_linear_unit 修正线性",
    elsewhere=("ReLU(inplace)",),
)
class Relu(_OfItsOutput, _Activation):
    """max(0, x)."""


@layer(
    "relu6",
    torch="ReLU6",
    rule=_SAME,
    example="64x8x8: relu6",
    also_called="clipped_relu",
    elsewhere=("ReLU6(inplace)",),
)
class Relu6(_OfItsInput, _Activation):
    """min(max(0, x), 6) (Howard et al. 2017, MobileNets)."""


@layer(
    "leaky_relu",
    torch="LeakyReLU",
    rule=_SAME,
    example="64x8x8: leaky_relu(0.1)",
    also_called="lrelu leaky lkrelu",
    elsewhere=("LeakyReLU(negative_slope, inplace)",),
)
class LeakyRelu(_OfItsInput):
    """x where it is positive, and slope times x elsewhere."""

    slope: float = arg(
        "factor below zero",
        default=0.01,
        at_least=-LARGEST_SINGLE,
        at_most=LARGEST_SINGLE,
        also_called="negative_slope alpha leak leakiness a",
    )

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("LeakyReLU", (), changed(negative_slope=(self.slope, 0.01)))


@layer(
    "elu",
    torch="ELU",
    rule=_SAME,
    example="64x8x8: elu",
    also_called="exponential_linear exponential_linear_unit",
    elsewhere=("ELU(!alpha, inplace)",),
)
class Elu(_OfItsInput, _Activation):
    """x where it is positive, and exp(x) - 1 elsewhere (Clevert et al. 2016)."""


@layer("gelu", torch="GELU", rule=_SAME, example="64x8x8: gelu", elsewhere=("GELU(!approximate)",))
class Gelu(_OfItsInput, _Activation):
    """x times the normal distribution function of x, exactly (Hendrycks and Gimpel 2016)."""


@layer(
    "silu",
    torch="SiLU",
    rule=_SAME,
    example="64x8x8: silu",
    elsewhere=(
        "SiLU(inplace)",
        "Swish()",
    ),
)
class Silu(_OfItsInput, _Activation):
    """x times sigmoid(x), also called swish (Ramachandran et al. 2017)."""


@layer("mish", torch="Mish", rule=_SAME, example="64x8x8: mish", elsewhere=("Mish(inplace)",))
class Mish(_OfItsInput, _Activation):
    """x times tanh(softplus(x)) (Misra 2020)."""


@layer(
    "sigmoid",
    torch="Sigmoid",
    rule=_SAME,
    example="10: sigmoid",
    also_called="logistic sigmoide sigm",
    elsewhere=("Sigmoid()",),
)
class Sigmoid(_OfItsOutput, _Activation):
    """1 / (1 + exp(-x))."""


@layer(
    "tanh",
    torch="Tanh",
    rule=_SAME,
    example="84: tanh",
    also_called="hyperbolic_tangent tangens_hyperbolicus tangente_hyperbolique",
    elsewhere=("Tanh()",),
)
class Tanh(_OfItsOutput, _Activation):
    """The hyperbolic tangent."""


@layer(
    "hardswish",
    torch="Hardswish",
    rule=_SAME,
    example="64x8x8: hardswish",
    also_called="hswish h_swish hard_silu",
    elsewhere=("Hardswish(inplace)",),
)
class Hardswish(_OfItsInput, _Activation):
    """x times min(max(0, x + 3), 6) / 6 (Howard et al. 2019, MobileNetV3, section 5.2)."""


@layer(
    "hardsigmoid",
    torch="Hardsigmoid",
    rule=_SAME,
    example="64x1x1: hardsigmoid",
    also_called="hsigmoid h_sigmoid",
    elsewhere=("Hardsigmoid(inplace)",),
)
class Hardsigmoid(_OfItsInput, _Activation):
    """min(max(0, x + 3), 6) / 6 (Howard et al. 2019, MobileNetV3, section 5.2)."""


@layer(
    "prelu",
    torch="PReLU",
    rule=_SAME,
    example="64x8x8: prelu",
    also_called="parametric_relu param_relu",
    elsewhere=("PReLU(!num_parameters, !init)",),
)
class Prelu(_Activation):
    """x where it is positive, and a learned factor times x elsewhere, one factor for all (He et al. 2015)."""

    def cost(self, x: Shape) -> Cost:
        return Cost(parameters=1)

    def state(self, x: Shape) -> State:
        return (("weight", (1,)),)

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        values = values_of(x)
        return (Operation(values, keeps=KEEPS_INPUT, backward_work=values, is_lowered=True),)


@layer(
    "softmax",
    torch="Softmax(dim=1)",
    rule=_SAME,
    example="10: softmax",
    also_called="softargmax",
    elsewhere=(
        "Softmax(dim)",
        "Softmax2d()",
    ),
)
class Softmax(_OfItsOutput):
    """exp(x) over its sum, over features or channels. A network that is trained gives the values before it."""

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("Softmax", (), {"dim": 1})


@layer("log_softmax", torch="LogSoftmax(dim=1)", rule=_SAME, example="10: log_softmax", elsewhere=("LogSoftmax(dim)",))
class LogSoftmax(_OfItsOutput):
    """The logarithm of the softmax, over features or channels."""

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("LogSoftmax", (), {"dim": 1})
