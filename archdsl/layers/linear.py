"""Fully connected layers, and the way from a picture to the vector that they take."""

from __future__ import annotations

from archdsl.layers.base import (
    KEEPS_INPUT,
    VECTOR,
    Cost,
    Layer,
    ModuleCall,
    Operation,
    State,
    arg,
    changed,
    flag,
    layer,
    values_of,
)
from archdsl.shapes import UNKNOWN_VECTOR, Shape, Vector, product

_TILE = 64, 512
"""Outputs and inputs of the tile of weights that oneDNN copies in bfloat16."""


@layer(
    "fc",
    torch="Linear",
    takes=VECTOR,
    rule="F gives out",
    example="400: fc(120)",
    also_called="fully_connected fullyconnected full_connected full connected inner_product affine lin ip "
    "dense_layer linear_layer fc_layer dicht vollverbunden lineare_schicht lineaire couche_dense "
    "lineal densa quanlianjie 全连接 全连接层 线性",
    elsewhere=(
        "Linear(in_features, out_features, bias)",
        "Dense(units, activation, use_bias)",
        "LazyLinear(out_features, bias)",
    ),
)
class Fc(Layer):
    """Connect every feature with every output. It takes a vector: write `flatten` before it on a picture."""

    out: int = arg(
        "output features",
        at_least=1,
        also_called="out_features units features size neurons num_output output outputs n_out num_classes out_dim "
        "dim_out output_dim width neuronen neurones",
    )
    nobias: bool = flag("no bias is added", also_called="without_bias", opposite="bias use_bias with_bias")

    def gives(self, x: Shape) -> Shape:
        return Vector(self.out)

    def cost(self, x: Shape) -> Cost:
        assert x[0] is not None
        weights = self.out * x[0]
        return Cost(weights + (0 if self.nobias else self.out), weights)

    def sees(self, x: Shape) -> None:
        return None

    def state(self, x: Shape) -> State:
        assert x[0] is not None
        weight = ("weight", (self.out, x[0]))
        return (weight,) if self.nobias else (weight, ("bias", (self.out,)))

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        # In lower precision each thread copies the weights by tiles.
        tile = min(self.out, _TILE[0]) * min(values_of(x), _TILE[1])
        return (Operation(self.out, keeps=KEEPS_INPUT, lowered_work=tile, is_lowered=True),)

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("Linear", (x[0], self.out), changed(bias=(not self.nobias, True)))


@layer(
    "flatten",
    torch="Flatten(1)",
    rule="C x H x W gives C H W; a vector stays as it is",
    example="16x5x5: flatten",
    also_called="Reshape view ravel to_vector vectorize vec flat aplatir aplanar abflachen glaetten zhanping 展平 拉平",
    elsewhere=("Flatten(start_dim, end_dim)",),
)
class Flatten(Layer):
    """Lay the pixels of all channels in one row, channel after channel."""

    def gives(self, x: Shape) -> Shape:
        return Vector(product(*x))

    def may_give(self, x: Shape | None) -> Shape:
        return UNKNOWN_VECTOR if x is None else self.gives(x)

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        return (Operation(needs_order=True),)

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("Flatten", (1,))
