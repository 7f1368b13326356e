"""`archdsl find-lr`: the steps are those of a training, and the suggestion is where a sweep would look."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from commands import find_lr
from torch._dynamo.exc import BackendCompilerFailed
from torch.nn import functional as F  # noqa: N812 - as all of torch writes it.

from archdsl.backends.pytorch import build
from archdsl.errors import TrainingError
from archdsl.formats.schema import SCHEMAS
from archdsl.recipe.recipe import SGD, Augmentation, Data, Recipe
from archdsl.runs.range_test import RangeTest, advice, lines_of, page_of, rates_of, smooth
from archdsl.training import find_rate as find_rate_module
from archdsl.training.data.figures import draw_figures
from archdsl.training.data.prepare import Prepare, measure
from archdsl.training.find_rate import find_rate
from archdsl.training.initialize import initialize
from archdsl.training.loop import epoch_order
from archdsl.training.subject import Subject

from .networks import TINY_SPEC, linear

RECIPE = Recipe(data=Data(train=24, test=10), batch_size=10, accumulation=2, optimizer=SGD(lr=0.1, momentum=0.5))


def test_the_steps_are_those_of_a_bare_loop_at_these_rates() -> None:
    """Epoch after epoch: of 24 images in batches of 10, the last step of each has four."""
    subject = Subject(*linear())
    test = find_rate(subject, RECIPE, low=1e-3, high=0.1, steps=20, device="cpu")
    assert test.rates == pytest.approx(torch.logspace(-3, -1, 20, dtype=torch.float64).tolist())

    images, labels = draw_figures(24, 1, 16, 16, seed=0, part="train")
    x = Prepare(subject.network.input, measure(images), torch.device("cpu"))(images)
    torch.manual_seed(0)
    model = build(subject.network)
    initialize(model, "he")
    optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.5)
    order = [batch for epoch in range(7) for batch in epoch_order(24, 0, epoch).split(10)]
    expected = []
    for rate, batch in zip(test.rates, order, strict=False):
        loss = F.cross_entropy(model(x[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        expected.append(loss.item())
    assert test.losses == pytest.approx(expected, rel=1e-4)


def test_it_ends_where_the_loss_has_grown_and_augments_as_the_recipe_does() -> None:
    subject = Subject(*linear())
    test = find_rate(subject, RECIPE, low=1e-3, high=100, steps=60, device="cpu")
    assert test.ended_early
    assert max(test.smoothed[:-1]) <= 4 * min(test.smoothed) < test.smoothed[-1]
    mixed = RECIPE.model_copy(update={"augmentation": Augmentation(mixup=1.0)})
    other = find_rate(subject, mixed, low=1e-3, high=100, steps=20, device="cpu")
    assert other.losses[0] != test.losses[0]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "out of memory on cpu with batches of 5 at once"),
        (BackendCompilerFailed(lambda: None, RuntimeError("no compiler"), None), "torch.compile failed"),
    ],
)
@pytest.mark.parametrize("place", ["prepare_training", "compute_step"])
def test_what_ends_a_training_in_a_line_ends_the_test_so(
    monkeypatch: pytest.MonkeyPatch, place: str, error: Exception, told: str
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(find_rate_module, place, fails)
    network, spec = linear()
    with pytest.raises(TrainingError, match=told) as caught:
        find_rate(Subject(network, spec), RECIPE, device="cpu")
    assert caught.value.exit_code == 3


def test_the_average_is_a_debiased_one_and_a_tenth_of_its_lowest_is_suggested() -> None:
    losses = [3.0, 1.0, 2.0]
    weights = [0.9**2, 0.9, 1.0]
    assert smooth(losses, 20)[-1] == pytest.approx(
        sum(w * x for w, x in zip(weights, losses, strict=True)) / sum(weights)
    )
    rates = rates_of(1e-6, 1, 100)
    valley = RangeTest(rates, tuple(abs(math.log10(rate) + 2) for rate in rates), 100)
    lowest = rates[valley.smoothed.index(min(valley.smoothed))]
    assert 1e-2 < lowest < 1
    assert valley.suggestion == lowest / 10
    assert f"optimizer.lr={lowest / 10:.2g}, " in advice(valley)
    for rising in (RangeTest(rates, tuple(1 + rate for rate in rates), 100), RangeTest((), (), 100)):
        assert rising.suggestion is None
        assert lines_of(rising, "net")[-1] == "no suggestion: the loss falls at none of these rates"


def test_the_curve_is_drawn_in_a_terminal_and_on_a_page() -> None:
    rates = rates_of(1e-6, 1, 60)
    test = RangeTest(rates, tuple(2 - step / 30 for step in range(60)), 60)
    head, _, *plot, _, _ = lines_of(test, "net")
    assert head == "net: 60 steps, at rates from 1e-06 to 1"
    columns = [row.partition("|")[2] for row in plot[:-2]]
    assert [sum(column[i : i + 1] == "*" for column in columns) for i in range(60)] == [1] * 60
    assert columns[0].startswith("*")
    assert columns[-1].endswith("*")
    page = page_of(test, "net")
    assert page.count("<polyline") == 2
    assert 'data-x="1e-06 1.26e-06 ' in page
    assert ">0.01</text>" in page


def test_the_command_prints_and_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.arch").write_text(TINY_SPEC)
    small: dict[str, Any] = {"limit_train": 32, "steps": 20, "device": "cpu"}
    assert find_lr("net.arch", format="json", **small) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMAS["rates"]).validate(document)
    assert find_lr("net.arch", output="lr.html", **small) == 0
    assert capsys.readouterr().out.endswith("\nthe curve is in lr.html\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lr.html", "net.arch"]
    for low, high in ((0.0, 1.0), (1.0, 0.1), (1.0, 1000.0)):
        assert find_lr("net.arch", low=low, high=high) == 2
        assert "rates rise from more than 0 to 100 at most" in capsys.readouterr().err
    assert find_lr("net.arch", set_recipe=["epoch=1"], **small) == 2
    assert "--set-recipe epoch: there is no such key" in capsys.readouterr().err
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    assert find_lr("net.arch", **small) == 2
    assert capsys.readouterr().err.startswith("archdsl: a rate is found by one process")
