"""Augmentation: each change as torchvision makes it, image by image, and drawn so that a run can be resumed."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - as all of torch writes it.
from torchvision import transforms
from torchvision.transforms import v2

from archdsl.errors import TrainingError
from archdsl.recipe.recipe import Augmentation, Data, Recipe
from archdsl.shapes import Image, Shape, Vector
from archdsl.training.augment import Augment, Draws, check_augmentation, color, crop_box, geometry, measure_colors
from archdsl.training.augment.color import Colors
from archdsl.training.augment.draws import Mix, draw
from archdsl.training.data.image_set import ImageSet
from archdsl.training.data.prepare import Prepare, unchanged
from archdsl.training.run import train
from archdsl.training.subject import Subject
from archdsl.weights.files import Normalization

from .networks import tiny

CPU = torch.device("cpu")
EVERYTHING: dict[str, Any] = {
    "flip": True,
    "shift": 2,
    "crop": 0.3,
    "brightness": 0.4,
    "contrast": 0.4,
    "saturation": 0.4,
    "hue": 0.1,
    "pca_noise": 0.1,
    "erase": 0.5,
    "mixup": 0.4,
}


def images_of(count: int = 12, channels: int = 3, height: int = 24, width: int = 20) -> Tensor:
    """Blurred noise, so that resizing has something to keep; one image is black and one white."""
    generator = torch.Generator().manual_seed(1)
    rough = torch.rand(count, channels, 6, 5, generator=generator)
    images = (F.interpolate(rough, (height, width), mode="bicubic") * 255).clamp(0, 255).to(torch.uint8)
    images[0], images[1] = 0, 255
    return images


def augment_of(keys: dict[str, Any], channels: int = 3, shape: Shape = Image(3, 24, 20)) -> Augment:  # noqa: B008
    normalization = unchanged(channels) if channels == 1 else Normalization((0.4, 0.5, 0.6), (0.2, 0.3, 0.25))
    colors = measure_colors(images_of()) if channels == 3 else None
    return Augment(Augmentation(**keys), Prepare(shape, normalization, CPU), colors)


@pytest.fixture(params=["all at once", "one by one"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways in which images change their places, whatever their size."""
    monkeypatch.setattr(geometry, "_SMALL", 10**9 if request.param == "all at once" else 0)


@pytest.mark.usefixtures("way")
def test_images_are_shifted_and_mirrored() -> None:
    images = images_of()
    draws = draw(Augmentation(flip=True, shift=3), len(images), 0, 0)
    shift, flip = draws.values["shift"], draws.values["flip"]
    assert {-3, 3} <= set(shift.flatten().tolist())
    assert 0 < flip.sum() < len(flip)
    moved = geometry.shift_and_mirror(images, shift, flip)
    for image, (down, right), mirrored, result in zip(images, shift.tolist(), flip, moved, strict=True):
        expected = v2.functional.affine(image, 0.0, [right, down], 1.0, [0.0, 0.0])
        assert torch.equal(result, v2.functional.horizontal_flip(expected) if mirrored else expected)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("size", [(24, 20), (9, 40), (60, 7)])
def test_a_crop_is_resized_as_torchvision_does_it(size: tuple[int, int]) -> None:
    images = images_of(40)
    draws = draw(Augmentation(crop=0.1), len(images), 0, 0)
    boxes = geometry.crop_boxes(24, 20, draws)
    resized = geometry.crop_and_resize(images, boxes, *size)
    for i, image in enumerate(images):
        assert crop_box(24, 20, draws[i]) == tuple(boxes[i].tolist())
        expected = v2.functional.resized_crop(image.to(resized.dtype), *boxes[i].tolist(), list(size), antialias=True)
        torch.testing.assert_close(resized[i], expected, atol=2e-3 if resized.is_floating_point() else 0, rtol=0)


@pytest.mark.parametrize(("height", "width", "smallest"), [(32, 32, 0.08), (20, 90, 0.15), (90, 20, 0.15)])
def test_crops_are_spread_as_those_of_torchvision(height: int, width: int, smallest: float) -> None:
    """Of the long ones few boxes fit, so that the cut around the middle is among them."""
    count = 3000
    torch.manual_seed(0)
    image = torch.empty(1, height, width)
    theirs = torch.tensor(
        [transforms.RandomResizedCrop.get_params(image, [smallest, 1.0], [3 / 4, 4 / 3]) for _ in range(count)]
    )
    ours = geometry.crop_boxes(height, width, draw(Augmentation(crop=smallest), count, 0, 0))
    same_distribution(ours, theirs)
    for start, length, side in ((0, 2, height), (1, 3, width)):
        assert ((ours[:, start] > 0) & (ours[:, start] + ours[:, length] == side)).any(), "the end is never reached"
    assert (ours[:, 2] * ours[:, 3]).min() >= 0.85 * smallest * height * width


def test_erased_rectangles_are_spread_as_those_of_torchvision() -> None:
    count = 3000
    torch.manual_seed(0)
    theirs = []
    for _ in range(count):
        top, left, height, width, _ = transforms.RandomErasing.get_params(
            torch.zeros(1, 10, 40), (0.02, 0.33), (0.3, 3.3), [0.0]
        )
        theirs.append((top, left, height, width))
    augment = augment_of({"erase": 1.0}, 1, Image(1, 10, 40))
    x, _ = augment(torch.zeros(count, 1, 10, 40).byte(), torch.zeros(count).long(), augment.draw(count, 0, 0))
    erased = x[:, 0] != 0  # (count, 10, 40)
    rows, columns = erased.any(2).int(), erased.any(1).int()
    assert torch.equal(erased, rows.bool().unsqueeze(2) & columns.bool().unsqueeze(1))
    ours = torch.stack((rows.argmax(1), columns.argmax(1), rows.sum(1), columns.sum(1)), 1)
    same_distribution(ours, torch.tensor(theirs))
    noise = x[:, 0][erased]
    assert abs(noise.mean()) < 0.05
    assert abs(noise.std() - 1) < 0.05


def same_distribution(ours: Tensor, theirs: Tensor) -> None:
    """By Kolmogorov and Smirnov: of each column, and of the area. The bound is that of one false alarm in 10^5."""
    for column in range(5):
        first, second = (boxes[:, column] if column < 4 else boxes[:, 2] * boxes[:, 3] for boxes in (ours, theirs))
        points = torch.cat((first, second)).unique()
        shares = [(torch.searchsorted(each.sort().values, points, right=True) / len(each)) for each in (first, second)]
        assert (shares[0] - shares[1]).abs().max() < 2.47 * (2 / len(ours)) ** 0.5, column


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["brightness", "contrast", "saturation", "hue"])
def test_colours_change_as_those_of_torchvision(kind: str, channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(color, "_NEAR", 3 * 24 * 20 * 5)  # Five images at a time.
    images = images_of(channels=channels)
    if channels == 1 and kind in ("saturation", "hue"):
        with pytest.raises(TrainingError, match=f"augmentation.{kind}: it changes colours, and the images are grey"):
            check_augmentation(Augmentation(**{kind: 0.5}), ImageSet(images, torch.zeros(len(images))))
        return
    check_augmentation(Augmentation(**{kind: 0.5}), ImageSet(images, torch.zeros(len(images))))
    augment = augment_of({kind: 0.5}, channels)
    draws = augment.draw(len(images), 0, 0)
    factors = draws.values[kind]
    assert factors.min() < (0.7 if kind != "hue" else -0.2)
    assert factors.max() > (1.3 if kind != "hue" else 0.2)
    x, _ = augment(images, torch.zeros(len(images)).long(), draws)
    change = getattr(v2.functional, f"adjust_{kind}")
    for image, factor, result in zip(images, factors.tolist(), x, strict=True):
        expected = change(image.float() / 255, factor).unsqueeze(0) * 255
        expected = (expected - augment.prepare.shift) * augment.prepare.scale
        torch.testing.assert_close(result.unsqueeze(0), expected.expand_as(result.unsqueeze(0)), atol=2e-4, rtol=0)


def test_colours_change_in_the_order_that_is_drawn() -> None:
    strengths = {"brightness": 0.5, "contrast": 0.5, "saturation": 0.5, "hue": 0.2}
    images = images_of()
    augment = augment_of(strengths)
    orders = set()
    for step in range(8):
        draws = augment.draw(len(images), 0, step)
        assert draws[2:5].colors == draws.colors
        orders.add(draws.colors)
        x, _ = augment(images, torch.zeros(len(images)).long(), draws)
        for i, image in enumerate(images):
            expected = image.float() / 255
            for kind in draws.colors:
                expected = getattr(v2.functional, f"adjust_{kind}")(expected, draws.values[kind][i].item())
            expected = (expected * 255 - augment.prepare.shift) * augment.prepare.scale
            torch.testing.assert_close(x[i : i + 1], expected, atol=5e-4, rtol=0)
    assert len(orders) > 4


def test_all_orders_of_colours_are_drawn_equally_often() -> None:
    augmentation = Augmentation(brightness=0.5, contrast=0.5, saturation=0.5, hue=0.2)
    drawn = Counter(draw(augmentation, 1, 7, step).colors for step in range(2400))
    assert len(drawn) == 24
    chi_squared = sum((count - 100) ** 2 / 100 for count in drawn.values())
    assert chi_squared < 60  # Of 23 degrees of freedom; more comes once in 30,000 times.


def test_the_noise_of_colours_lies_along_their_components() -> None:
    images = images_of(50)
    colors = measure_colors(images)
    pixels = images.transpose(0, 1).flatten(1).double() / 255
    covariance = torch.cov(pixels, correction=0)
    directions, variances = colors.directions.double(), colors.variances.double()
    torch.testing.assert_close(directions @ variances.diag() @ directions.T, covariance, atol=1e-6, rtol=0)
    augment = Augment(Augmentation(pca_noise=0.1), Prepare(Image(3, 2, 2), unchanged(3), CPU), colors)
    count = 20_000
    draws = augment.draw(count, 0, 0)
    x, _ = augment(torch.full((count, 3, 2, 2), 128).byte(), torch.zeros(count).long(), draws)
    noise = (x - 128 / 255)[:, :, 0, 0].double()  # (count, 3), the same for all pixels of an image.
    assert (x - x[:, :, :1, :1]).abs().max() == 0
    expected = directions @ (0.1 * variances).square().diag() @ directions.T
    torch.testing.assert_close(torch.cov(noise.T), expected, atol=2e-5, rtol=0.05)


@pytest.mark.parametrize("count", [2, 3])  # The partner is then the image before, as in torchvision.
@pytest.mark.parametrize("weight", [0.0, 0.2, 0.7, 1.0])
@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_images_are_mixed_as_torchvision_does_it(
    kind: str, weight: float, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = images_of(count + 2)[2:], torch.tensor([3, 1, 2])[:count]
    augment = augment_of({kind: 1.0})
    draws = augment.draw(count, 0, 0)
    draws = Draws(count, draws.positions, {}, Mix(draws.mix.kind, weight, (0.9, 0.4)), draws.partners)  # type: ignore[union-attr]
    x, targets = augment(images, labels, draws)

    theirs = (v2.MixUp if kind == "mixup" else v2.CutMix)(num_classes=5)
    theirs._dist = type("Fixed", (), {"sample": staticmethod(lambda _: torch.tensor(weight))})
    places = itertools.cycle([int(0.4 * 20), int(0.9 * 24)])  # First the column, then the row.
    monkeypatch.setattr(torch, "randint", lambda *_, **__: torch.tensor([next(places)]))
    expected, soft_labels = theirs(augment.prepare(images), labels)
    torch.testing.assert_close(x, expected, atol=1e-5, rtol=1e-5)

    logits = torch.linspace(-2, 3, 5 * count).view(count, 5)
    for smoothing in (0.0, 0.1):
        loss = F.cross_entropy(logits, soft_labels, label_smoothing=smoothing)
        torch.testing.assert_close(targets.loss(logits, smoothing), loss)
        torch.testing.assert_close(targets.loss(logits, smoothing, "sum"), loss * count)
    halves = [targets[rows].loss(logits[rows], 0.1, "sum") for rows in (slice(0, 1), slice(1, None))]
    torch.testing.assert_close(halves[0] + halves[1], loss * count)
    assert torch.equal(targets.main, soft_labels.argmax(1))


def test_mixup_and_cutmix_are_each_taken_for_half_of_the_batches() -> None:
    mixes = [draw(Augmentation(mixup=0.2, cutmix=1.0), 2, 0, step).mix for step in range(400)]
    kinds = [mix.kind for mix in mixes if mix is not None]
    assert 160 < kinds.count("mixup") < 240
    weights = torch.tensor([mix.weight for mix in mixes if mix is not None and mix.kind == "cutmix"])
    assert abs(weights.mean() - 0.5) < 0.08
    assert abs(weights.var() - 1 / 12) < 0.02  # Beta(1, 1) is uniform.


def test_no_image_is_mixed_with_itself() -> None:
    for count in range(2, 20):
        partners = draw(Augmentation(mixup=1.0), count, 0, 0).partners
        assert partners is not None
        assert sorted(partners.tolist()) == list(range(count))
        assert all(partners[i] != i for i in range(count))


@pytest.mark.parametrize("mixing", ["mixup", "cutmix"])
@pytest.mark.parametrize("rows", [slice(0, 5), slice(1, None, 3), torch.tensor([7, 0, 2]), slice(0, 0)])
def test_a_part_of_a_batch_is_that_part_of_the_whole(rows: slice | Tensor, mixing: str) -> None:
    """Whatever the parts, and parts of parts: so accumulation and more processes change nothing."""
    images, labels = images_of(), torch.arange(12)
    augment = augment_of({**EVERYTHING, "mixup": 0.0, mixing: 0.4})
    whole = augment.draw(12, 3, 4)
    x, targets = augment(images, labels, whole)
    some = whole[rows]
    part, part_targets = augment(images[some.positions], labels[some.positions], some)
    torch.testing.assert_close(part, x[rows], atol=1e-5, rtol=1e-5)
    assert torch.equal(part_targets.first, targets.first[rows])
    assert targets.second is not None
    assert part_targets.second is not None
    assert torch.equal(part_targets.second, targets.second[rows])
    last = some[1:]
    part, _ = augment(images[last.positions], labels[last.positions], last)
    torch.testing.assert_close(part, x[rows][1:], atol=1e-5, rtol=1e-5)


def test_a_kind_of_change_leaves_what_others_draw() -> None:
    everything = draw(Augmentation(**EVERYTHING), 8, 1, 2)
    again = draw(Augmentation(**EVERYTHING), 8, 1, 2)
    other_step = draw(Augmentation(**EVERYTHING), 8, 1, 3)
    alone: dict[str, Tensor] = {}
    for key, value in EVERYTHING.items():
        drawn = draw(Augmentation(**{key: value}), 8, 1, 2)
        alone |= drawn.values
        assert drawn.mix in (None, everything.mix)
    assert list(alone) == list(everything.values)
    assert not torch.equal(alone["brightness"], alone["contrast"])
    for kind, value in everything.values.items():
        assert torch.equal(value, alone[kind])
        assert torch.equal(value, again.values[kind])
        assert not torch.equal(value, other_step.values[kind])
    for kind in everything.colors:
        without = draw(Augmentation(**{**EVERYTHING, kind: 0.0}), 8, 1, 2)
        assert without.colors == tuple(other for other in everything.colors if other != kind)


@pytest.mark.parametrize(("channels", "shape"), [(1, Image(3, 30, 30)), (1, Vector(480)), (3, Image(3, 24, 20))])
def test_without_augmentation_images_are_prepared_alone(channels: int, shape: Shape) -> None:
    images = images_of(channels=channels)
    before = images.clone()
    augment = augment_of({}, channels, shape)
    x, targets = augment(images, torch.arange(12), augment.draw(12, 0, 0))
    assert torch.equal(x, augment.prepare(images))
    assert torch.equal(images, before)
    assert targets.second is None
    assert torch.equal(targets.main, torch.arange(12))


def test_what_is_cropped_already_is_not_cropped_again() -> None:
    augment = augment_of({"crop": 0.2})
    images, draws = images_of(), augment.draw(12, 0, 0)
    assert torch.equal(augment(images, torch.arange(12), draws, crops_done=True)[0], augment.prepare(images))
    assert not torch.equal(augment(images, torch.arange(12), draws)[0], augment.prepare(images))


@pytest.mark.parametrize("crops_done", [False, True])
@pytest.mark.parametrize("shape", [Image(3, 36, 36), Vector(24 * 20 * 3)])
def test_all_changes_together_keep_the_shape_and_the_images(shape: Shape, crops_done: bool) -> None:
    images = images_of()
    before = images.clone()
    augment = augment_of(EVERYTHING, 3, shape)
    x, _ = augment(images, torch.arange(12), augment.draw(12, 0, 0), crops_done)
    assert x.shape[1:] == ((3, 36, 36) if isinstance(shape, Image) else (24 * 20 * 3,))
    assert x.isfinite().all()
    assert torch.equal(images, before)
    assert torch.equal(x, augment(images, torch.arange(12), augment.draw(12, 0, 0), crops_done)[0])


def test_what_would_be_a_mistake_is_refused() -> None:
    labels = torch.arange(12)
    check_augmentation(Augmentation(shift=19), ImageSet(images_of(), labels))
    with pytest.raises(TrainingError, match=r"augmentation\.shift: 20 pixels leave nothing of images of 24x20"):
        check_augmentation(Augmentation(shift=20), ImageSet(images_of(), labels))
    with pytest.raises(TrainingError, match=r"augmentation\.pca_noise: it changes .* the images have 4 channels"):
        check_augmentation(Augmentation(pca_noise=0.1), ImageSet(torch.zeros(12, 4, 8, 8).byte(), labels))
    augment = augment_of({"mixup": 1.0})
    with pytest.raises(ValueError, match="3 images and 3 labels for draws of 6"):
        augment(images_of(3), torch.arange(3), augment.draw(12, 0, 0)[:3])


def test_what_would_do_nothing_is_refused_before_there_is_a_run(tmp_path: Path) -> None:
    recipe = Recipe(data=Data(train=40, test=20), augmentation=Augmentation(saturation=0.2))
    with pytest.raises(TrainingError, match="the images are grey") as caught:
        train(Subject(*tiny()), recipe, device="cpu", out=tmp_path / "run")
    assert caught.value.exit_code == 2
    assert not (tmp_path / "run").exists()


def test_colours_of_one_kind_have_no_variance() -> None:
    colors = measure_colors(torch.full((2, 3, 4, 4), 77).byte())
    assert isinstance(colors, Colors)
    assert colors.variances.abs().max() < 1e-6
