"""The figures that the program draws: the same each time, balanced, not linear, and learnable."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from archdsl.training.data.figures import FIGURES, draw_figures


def test_the_same_arguments_draw_the_same_images() -> None:
    first, labels = draw_figures(250, 3, 24, 32, seed=5)
    torch.rand(3)  # What else is drawn at random does not matter.
    again, again_labels = draw_figures(250, 3, 24, 32, seed=5)
    assert torch.equal(first, again)
    assert torch.equal(labels, again_labels)
    assert first.shape == (250, 3, 24, 32)
    assert first.dtype == torch.uint8


def test_other_seeds_and_parts_draw_other_images() -> None:
    drawn = [
        draw_figures(40, 1, 16, 16, seed=seed, part=part)[0]
        for seed in (0, 1, 128, 256, 2**31 - 1)
        for part in ("train", "test")
    ]
    assert len({hashlib.sha256(images.numpy().tobytes()).digest() for images in drawn}) == 10


def test_no_image_is_drawn_twice() -> None:
    images = torch.cat([draw_figures(1000, 1, 16, 16, part=part)[0] for part in ("train", "test")])
    assert len({image.numpy().tobytes() for image in images}) == 2000


def test_fewer_images_are_the_first_of_more() -> None:
    more, _ = draw_figures(450, 1, 20, 20)
    for count in (1, 10, 200, 201, 399):
        assert torch.equal(draw_figures(count, 1, 20, 20)[0], more[:count])


def test_every_ten_images_have_each_class_once() -> None:
    _, labels = draw_figures(1230, 1, 16, 16)
    assert labels.bincount(minlength=10).tolist() == [123] * 10
    assert len(FIGURES) == 10


def test_figures_vary_within_a_class() -> None:
    images, labels = draw_figures(2000, 1, 32, 32)
    for label in range(10):
        pixels = images[labels == label].float()
        assert pixels.mean((1, 2, 3)).std() > 15  # Light and dark ones.
        assert 90 < pixels.mean((0, 1)).mean() < 165  # As many of each.
        assert pixels.mean(0).std() < 12  # No place is that of the figure.


def test_figures_of_two_classes_differ_more_than_by_noise() -> None:
    from archdsl.training.data import figures

    grid = torch.linspace(-1, 1, 65)
    x, y = grid.view(1, -1), grid.view(-1, 1)
    inside = torch.stack([figure(x.expand(65, 65), y.expand(65, 65)) < 0 for figure in figures.FIGURES.values()])
    for i in range(10):
        assert 0.05 < inside[i].float().mean() < 0.7
        for j in range(i):
            overlap = (inside[i] & inside[j]).sum() / (inside[i] | inside[j]).sum()
            assert overlap < 0.9, (i, j)


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 16, 40), (4, 50, 17), (2, 33, 64)])
def test_figures_are_drawn_at_any_shape(shape: tuple[int, int, int]) -> None:
    images, _ = draw_figures(20, *shape)
    assert images.shape == (20, *shape)
    assert images.float().std((2, 3)).min() > 2


@pytest.mark.slow
def test_a_linear_classifier_stays_low_where_a_small_network_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    from linear_classifier import best_linear_accuracy

    from archdsl.recipe.recipe import AdamW, Data, Recipe
    from archdsl.training.run import train
    from archdsl.training.subject import Subject

    from .networks import small

    train_images, train_labels = draw_figures(4000, 1, 28, 28)
    test_images, test_labels = draw_figures(1000, 1, 28, 28, part="test")
    linear = best_linear_accuracy(train_images, train_labels, test_images, test_labels)
    assert 0.1 <= linear < 0.4

    recipe = Recipe(data=Data(train=4000), epochs=10, batch_size=32, optimizer=AdamW(lr=1e-3))
    result = train(Subject(*small()), recipe, out=tmp_path / "run", device="cpu")
    assert result.epochs[-1].test_accuracy > 0.6
