"""The training itself, beside a loop in plain torch, and what it chooses by its evaluations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - as all of torch writes it.

import archdsl
from archdsl.recipe.recipe import SGD, Augmentation, Cosine, Data, Recipe
from archdsl.runs.evaluation import Evaluation
from archdsl.training import loop
from archdsl.training.data.load import load_data
from archdsl.training.data.prepare import Prepare, measure
from archdsl.training.initialize import initialize
from archdsl.training.loop import epoch_order
from archdsl.training.run import RunResult, train
from archdsl.training.schedule import learning_rate
from archdsl.training.subject import Subject
from archdsl.weights.tensors import read_weights

SPEC = "input(3, 16, 16)\nconv(4, 3, s2) relu flatten fc(10)\n"
CPU = torch.device("cpu")

RECIPE = Recipe(
    data=Data(train=40, validation=10, test=20),
    epochs=3,
    batch_size=12,
    accumulation=2,
    label_smoothing=0.1,
    clip_gradient=3.0,
    ema=0.8,
    evaluate_every=2,
    seed=3,
    optimizer=SGD(lr=0.05, momentum=0.9),
    schedule=Cosine(warmup=0.2),
)


def network() -> archdsl.Network:
    found = archdsl.check(SPEC).network
    assert found is not None
    return found


def go(out: Path, recipe: Recipe, **more: Any) -> RunResult:
    trained = network()
    return train(Subject(trained, trained.root.span.source), recipe, device="cpu", out=out, **more)


def test_a_training_is_that_of_a_plain_loop(tmp_path: Path) -> None:
    """Smoothing, accumulation, clipping, the schedule, the average that is evaluated, and the numbers told of them."""
    result = go(tmp_path / "run", RECIPE)

    data = load_data(RECIPE.data, network(), network().root.span.source, Path())
    assert data.validation is not None
    prepare = Prepare(network().input, measure(data.train.sample()), CPU)
    x, y = prepare(data.train.sample()), data.train.labels
    torch.manual_seed(3)
    model = archdsl.build(network())
    initialize(model, "he")
    optimizer = torch.optim.SGD(model.parameters(), 0.05, 0.9)
    average = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    step, norms, told = 0, [], []
    for epoch in range(3):
        losses = []
        for batch in epoch_order(30, 3, epoch).split(12):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x[batch]), y[batch], label_smoothing=0.1)
            loss.backward()
            norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), 3.0)))
            optimizer.param_groups[0]["lr"] = learning_rate(step, 3, 3, 0.05, RECIPE.schedule)
            optimizer.step()
            decay = min(0.8, (1 + step) / (10 + step))
            for name, tensor in model.state_dict().items():
                average[name] = decay * average[name] + (1 - decay) * tensor
            losses.append(loss.item() * len(batch))
            step += 1
        with torch.no_grad():
            held = prepare(data.validation.sample())
            logits = torch.func.functional_call(model, average, (held,))
        labels = data.validation.labels
        accuracy = logits.argmax(1).eq(labels).double().mean().item()
        told.append((sum(losses) / 30, F.cross_entropy(logits, labels).item(), accuracy, dict(average)))
    assert min(norms) < 3 < max(norms)

    assert [each.train_loss for each in result.epochs] == pytest.approx([each[0] for each in told], rel=1e-4)
    assert result.epochs[0].validation_loss is None
    for metrics, (_, loss, accuracy, _) in list(zip(result.epochs, told, strict=True))[1:]:
        assert metrics.validation_loss == pytest.approx(loss, rel=1e-4)
        assert metrics.validation_accuracy == pytest.approx(accuracy)
    best = told[1][3] if told[1][2] >= told[2][2] else told[2][3]
    kept = read_weights(tmp_path / "run" / "weights.safetensors").tensors
    for name, tensor in best.items():
        assert torch.allclose(kept[name], tensor, atol=1e-5), name
    with torch.no_grad():
        logits = torch.func.functional_call(model, best, (prepare(data.test.sample()),))
    assert result.test_loss == pytest.approx(F.cross_entropy(logits, data.test.labels).item(), rel=1e-4)


def test_the_best_weights_are_kept_and_a_run_that_gets_no_better_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the images held back; of equals the first; the test images are looked at once."""
    accuracies = iter([0.2, 0.5, 0.4, 0.5, 0.3, 0.125])
    seen: list[int] = []
    states: list[dict[str, Tensor]] = []

    def scripted(model: nn.Module, images: Any, *_: object, **__: object) -> Evaluation:
        seen.append(len(images))
        states.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return Evaluation(len(images), 1.0, next(accuracies), None, 0.0, (), ())

    monkeypatch.setattr(loop, "evaluate", scripted)
    result = go(tmp_path / "run", RECIPE.model_copy(update={"epochs": 30, "evaluate_every": 1, "early_stop": 3}))
    assert seen == [10, 10, 10, 10, 10, 20]
    assert (len(result.epochs), result.best_epoch, result.test_accuracy) == (5, 2, 0.125)
    kept = read_weights(tmp_path / "run" / "weights.safetensors").tensors
    for state in (states[1], states[5]):  # The test is of these.
        assert all(torch.equal(kept[name], tensor) for name, tensor in state.items())
    assert not torch.equal(states[4]["0.weight"], states[1]["0.weight"])


@pytest.mark.parametrize(("precision", "channels_last"), [("fp32", True), ("bf16", False)])
def test_a_network_is_computed_as_the_recipe_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str, channels_last: bool
) -> None:
    """In training and in evaluation; the images to learn from are changed, those to test on are not."""
    real = nn.Conv2d.forward
    calls: list[tuple[bool, bool, bool, bool]] = []
    tested: list[Tensor] = []

    def noted(self: nn.Conv2d, x: Tensor) -> Tensor:
        layouts = [each.is_contiguous(memory_format=torch.channels_last) for each in (x, self.weight)]
        calls.append((self.training, torch.is_autocast_enabled("cpu"), *layouts))
        if not self.training:
            tested.append(x)
        return real(self, x)

    monkeypatch.setattr(nn.Conv2d, "forward", noted)
    recipe = Recipe(
        data=Data(train=20, test=20),
        epochs=2,
        batch_size=10,
        precision=precision,
        channels_last=channels_last,
        augmentation=Augmentation(flip=True, shift=3),
    )
    go(tmp_path / "run", recipe)
    assert {each[0] for each in calls} == {True, False}
    assert {each[1:] for each in calls} == {(precision == "bf16", channels_last, channels_last)}
    assert torch.equal(*tested)


def test_images_to_learn_from_are_changed_anew_in_each_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = nn.Conv2d.forward
    seen: list[Tensor] = []

    def noted(self: nn.Conv2d, x: Tensor) -> Tensor:
        if self.training:
            seen.append(x.detach().clone())
        return real(self, x)

    monkeypatch.setattr(nn.Conv2d, "forward", noted)
    recipe = Recipe(data=Data(train=20, test=10), epochs=2, batch_size=20, augmentation=Augmentation(shift=3))
    go(tmp_path / "changed", recipe)
    go(tmp_path / "plain", recipe.model_copy(update={"augmentation": Augmentation()}))
    changed, plain = (
        [batch[epoch_order(20, 0, epoch).argsort()] for epoch, batch in enumerate(seen[i : i + 2])] for i in (0, 2)
    )
    assert torch.equal(*plain)
    assert not torch.equal(*changed)
    assert not torch.equal(changed[0], plain[0])


def test_a_network_is_compiled_where_the_recipe_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[nn.Module] = []

    def noted(model: nn.Module) -> nn.Module:
        compiled.append(model)
        return model

    monkeypatch.setattr(torch, "compile", noted)
    recipe = Recipe(data=Data(train=20, test=20), epochs=1, batch_size=10)
    for compile in (False, True):
        go(tmp_path / str(compile), recipe.model_copy(update={"compile": compile}))
        assert len(compiled) == compile
