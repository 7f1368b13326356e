"""Words that take bodies and become one module: branches joined, and the auxiliary head."""

from __future__ import annotations

from collections import Counter

from archdsl.layers.base import Join, Layer, Misfit, ModuleCall, arg, layer
from archdsl.shapes import Image, Shape, Vector, may_be_equal, total


def refuse_disagreement(join: str, compared: tuple[Shape, ...], shapes: tuple[Shape, ...]) -> None:
    """Raise the Misfit of branches that disagree in what is compared.

    At fault is the first that differs from the majority, or from the first branch where there is none.
    """
    if all(may_be_equal(shape, compared[0]) for shape in compared) and not _differ(compared):
        return
    common, count = Counter(compared).most_common(1)[0]
    # A standard that is not wholly known may differ from none of two that differ from each other.
    for standard in dict.fromkeys((common, *compared) if count * 2 > len(compared) else compared):
        for branch, shape in enumerate(compared):
            if not may_be_equal(shape, standard):
                against = compared.index(standard)
                raise Misfit("branches-disagree", None, join=join, branch=branch, against=against, shapes=shapes)


def _differ(shapes: tuple[Shape, ...]) -> bool:
    """Whether some size, of shapes of one rank, is known as two numbers."""
    return any(len({*sizes} - {None}) > 1 for sizes in zip(*shapes, strict=True))


def merge(shapes: tuple[Shape, ...]) -> Shape:
    """What is known of a shape from several that agree."""
    sizes = [next((size for size in sizes if size is not None), None) for sizes in zip(*shapes, strict=True)]
    return Image(*sizes) if len(sizes) == 3 else Vector(*sizes)


@layer(
    "concat",
    torch="torch.cat over the channels",
    rule="branches of C1 x H x W, C2 x H x W, ... give (C1 + C2 + ...) x H x W",
    example="3x8x8: concat { conv(4, 1) | conv(6, 3, p1) }",
    also_called="Concatenate concatenation cat route join merge verketten verbinden concatener concatenar pinjie 拼接",
)
class Concat(Join):
    """Run branches on the same input and join their outputs over the channels; heights and widths must agree."""

    is_pairwise = False
    gradient = "part"

    def joins(self, shapes: tuple[Shape, ...]) -> Shape:
        spatial = tuple(shape._replace(channels=None) if isinstance(shape, Image) else Vector(None) for shape in shapes)
        refuse_disagreement("concat", spatial, shapes)
        if isinstance(shapes[0], Vector):
            return Vector(total(*(shape.features for shape in shapes if isinstance(shape, Vector))))
        size = merge(spatial)
        assert isinstance(size, Image)
        return Image(total(*(shape[0] for shape in shapes)), size.height, size.width)


@layer(
    "add",
    torch="the sum of its branches",
    rule="branches of one shape give that shape",
    example="4x8x8: add { conv(4, 3, p1) | identity }",
    also_called="sum plus residual addition elementwise_add addieren summe somme ajouter suma 相加",
)
class Add(Join):
    """Run branches on the same input and sum their outputs; all must have the same shape."""

    def joins(self, shapes: tuple[Shape, ...]) -> Shape:
        refuse_disagreement("add", shapes, shapes)
        return merge(shapes)


@layer(
    "mul",
    torch="the product of its branches",
    rule="branches of one shape, or of C x 1 x 1 beside C x H x W, give C x H x W",
    example="4x8x8: mul { identity | global_avgpool conv(4, 1) sigmoid }",
    also_called="Multiply times product gate scale_channels elementwise_mul multiplizieren multiplier multiplicar 相乘",
)
class Mul(Join):
    """Run branches on the same input and multiply their outputs.

    A branch of C x 1 x 1 spreads over the picture, as in squeeze and excitation (Hu et al. 2018, section 3).
    """

    keeps_branches = True
    gradient = "new"

    def joins(self, shapes: tuple[Shape, ...]) -> Shape:
        spread = shapes
        if any(shape[1:] != (1, 1) for shape in shapes):
            spread = tuple(
                shape._replace(height=None, width=None)
                if isinstance(shape, Image) and all(size in (1, None) for size in shape[1:])
                else shape
                for shape in shapes
            )
        refuse_disagreement("mul", spread, shapes)
        return merge(spread)


@layer(
    "aux",
    torch="a head whose loss counts while training; passes its input on",
    rule="gives what comes in; its chain must give the network's output shape",
    example="4x8x8: aux(0.3) { flatten fc(10) } conv(8, 3) relu flatten fc(10)",
    also_called="auxiliary aux_head side_head",
)
class Aux(Layer):
    """Train a second head from here; its input passes on unchanged.

    While training, the output of the chain is held against the labels too, and that loss counts with `weight`
    (Szegedy et al. 2015, section 5: 0.3). In evaluation and exports it is not there.
    """

    weight: float = arg("factor of its loss", at_least=0)

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("Aux", (), {"weight": self.weight})
