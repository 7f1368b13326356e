"""Recipes: what is read, what is refused, and in which words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archdsl.training.errors import TrainingError
from archdsl.training.recipe import SGD, AdamW, Cosine, Recipe, Step
from archdsl.training.recipe_file import Override, check_recipe, read_recipe

SPECS = Path(__file__).parents[2] / "specs"


def refusal(text: str, *overrides: Override) -> str:
    with pytest.raises(TrainingError) as caught:
        check_recipe("r.yaml", text, overrides)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_nothing_is_the_default_recipe() -> None:
    assert check_recipe("r.yaml", "") == Recipe()
    assert check_recipe("r.yaml", "# only a comment\n") == Recipe()
    assert read_recipe(None) == Recipe()


def test_all_of_a_recipe_is_read() -> None:
    recipe = check_recipe(
        "r.yaml",
        """
        data: {name: fashion-mnist, train: 3000, normalize: false}
        epochs: 12
        batch_size: 128
        optimizer:
          name: sgd
          lr: 1e-2
          momentum: 0.5
        schedule: {name: step, every: 4, factor: .5}
        initialization: xavier
        seed: 7
        """,
    )
    assert recipe.data.name == "fashion-mnist"
    assert (recipe.data.train, recipe.data.test, recipe.data.normalize) == (3000, None, False)
    assert (recipe.epochs, recipe.batch_size, recipe.seed) == (12, 128, 7)
    assert recipe.optimizer == SGD(lr=0.01, momentum=0.5)
    assert recipe.schedule == Step(every=4, factor=0.5)
    assert recipe.initialization == "xavier"


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 0.001), ("1E-3", 0.001), ("1.5e-4", 0.00015), (".5", 0.5), ("1.", 1.0), ("+0.25", 0.25), ("2", 2.0)],
)
def test_a_number_is_a_number(text: str, value: float) -> None:
    assert check_recipe("r.yaml", f"optimizer: {{lr: {text}}}").optimizer.lr == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch: 3", "r.yaml:1: epoch: there is no such key; did you mean epochs?"),
        ("\noptimizer:\n  name: sgd\n  momentun: 0.5\n", "r.yaml:4: optimizer.momentun: .*did you mean momentum?"),
        ("optimizer: {momentum: 0.9}", "optimizer.momentum: there is no such key; there are name, lr, weight_decay"),
        ("optimizer: {name: adamv}", "r.yaml:1: optimizer.name: 'adamv' is none of .*; did you mean adamw?"),
        ("optimizer: {name: true}", "optimizer.name: True is none of adam"),
        ("optimizer: {name: [a]}", "optimizer"),
        ("optimizer: adam", "optimizer: a section of keys is needed here"),
        ("optimizer: [adam]", "optimizer: a section of keys is needed here"),
        ("optimizer:", "optimizer: a section of keys is needed here"),
        ("data: shapes", "data: a section of keys is needed here"),
        ("data: {name: fashion}", "there is no data set 'fashion'; did you mean fashion-mnist?"),
        ("data: {name: imagenet9}", "there are shapes, digits, fashion-mnist, .*, cifar100 and folder:PATH"),
        ("data: {name: 'folder:'}", "there is no data set 'folder:'"),
        ("epochs: true", "epochs: must be a whole number, and is true"),
        ("epochs: on", "epochs: must be a whole number, and is 'on'"),
        ("epochs: 3.0", "epochs: must be a whole number, and is 3.0"),
        ("epochs: '3'", "epochs: must be a whole number, and is '3'"),
        ("epochs: 1_000", "epochs: must be a whole number, and is '1_000'"),
        ("epochs: 12:30:00", "epochs: must be a whole number, and is '12:30:00'"),
        ("epochs:", "epochs: must be a whole number, and is null"),
        ("epochs: 0", "epochs: must be at least 1, and is 0"),
        ("epochs: -1", "epochs: must be at least 1, and is -1"),
        ("epochs: 010", "r.yaml:1: a number does not begin with 0: write 10, or '010'"),
        ("epochs: 0x10", "epochs: must be a whole number, and is '0x10'"),
        ("epochs: 99999999999999999999999", "a whole number has at most 19 digits, and this one 23"),
        ("batch_size: 0", "batch_size: must be at least 1"),
        ("optimizer: {lr: 0}", "optimizer.lr: must be more than 0"),
        ("optimizer: {lr: -1e-3}", "optimizer.lr: must be more than 0, and is -0.001"),
        ("optimizer: {lr: 1e3}", "optimizer.lr: must be at most 100"),
        ("optimizer: {lr: 1e999}", "1e999 is larger than any number"),
        ("optimizer: {lr: 0,1}", "optimizer.lr: must be more than 0, and is 0"),
        ("optimizer: {lr: .nan}", "r.yaml:1: .nan is no number"),
        ("optimizer: {lr: -.inf}", "-.inf is no number"),
        ("optimizer: {lr: fast}", "optimizer.lr: must be a number, and is 'fast'"),
        ("optimizer: {name: sgd, momentum: 1}", "optimizer.momentum: must be less than 1"),
        ("schedule: {name: cosine, every: 3}", "schedule.every: there is no such key"),
        ("schedule: {name: cosin}", "did you mean cosine?"),
        ("schedule: {warmup: 1.5}", "schedule.warmup: must be less than 1, and is 1.5"),
        ("initialization: kaiming", "initialization: must be 'default', 'he' or 'xavier', and is 'kaiming'"),
        ("seed: -1", "seed: must be at least 0"),
        ("epochs: 3\nseed: 1\nepochs: 4\n", "r.yaml:3: epochs is given twice, first in line 1"),
        ("data: {train: 3, train: 4}", "data.train is given twice"),
        ("data: &d {train: 3}", "a recipe has no anchors; take out `&d`"),
        ("data: *d", "a recipe has no aliases; write the value out in place of `\\*d`"),
        ("data: !!python/object/apply:os.system ['true']", "a recipe has no tags"),
        ("epochs: !!int 3", "a recipe has no tags"),
        ("<<: {epochs: 3}", "<<: there is no such key"),
        ("[1]: 2", "a key is a plain word"),
        ("? {a: b}\n: 3", "a key is a plain word"),
        ("epochs: 3\n---\nepochs: 4\n", "r.yaml:2: a recipe is one document"),
        ("- epochs: 3", "a recipe is made of keys and values"),
        ("epochs", "a recipe is made of keys and values"),
        ("epochs: [3", "r.yaml:1: not YAML: "),
        ("epochs: 3\n\tseed: 1\n", "r.yaml:2: not YAML: "),
        ("epochs: '3", "not YAML: "),
        ("epochs: 3\x00", "not YAML: "),
        ("\x1b[31mred\x1b[0m: 3", "not YAML: "),
        ('"\\e[31m": 3', "\\\\x1b\\[31m: there is no such key"),
        ("data: " + "{a: " * 40 + "1" + "}" * 40, "nested deeper than 10"),
        ("data: " + "[" * 5000 + "]" * 5000, "nested deeper than 10|not YAML"),
        ("epochs: 3 # " + "x" * 70_000, "at most 65536 characters"),
    ],
)
def test_an_oddity_is_refused(text: str, message: str) -> None:
    told = refusal(text)
    assert told.startswith("r.yaml")
    assert re.search(message, told), told
    assert all(line.isprintable() for line in told.splitlines())


def test_each_mistake_is_told() -> None:
    told = refusal("epochs: 0\nsede: 3\noptimizer: {lr: x}\n").splitlines()
    assert len(told) == 3
    assert {line.split(": ")[1] for line in told} == {"epochs", "sede", "optimizer.lr"}


def test_a_flag_wins_over_the_recipe_and_is_named_when_it_is_wrong() -> None:
    text = "epochs: 3\noptimizer: {name: sgd, lr: 0.5}\n"
    overrides = (Override(("epochs",), 9, "--epochs"), Override(("optimizer", "lr"), 0.25, "--lr"))
    recipe = check_recipe("r.yaml", text, overrides)
    assert (recipe.epochs, recipe.optimizer) == (9, SGD(lr=0.25))
    with pytest.raises(TrainingError, match=r"^--epochs: must be at least 1, and is 0$"):
        check_recipe("r.yaml", text, (Override(("epochs",), 0, "--epochs"),))


def test_a_flag_mends_what_is_wrong_in_the_recipe() -> None:
    assert check_recipe("r.yaml", "epochs: 0", (Override(("epochs",), 2, "--epochs"),)).epochs == 2


def test_a_flag_for_a_section_that_is_none() -> None:
    told = refusal("optimizer: adam", Override(("optimizer", "lr"), 0.1, "--lr"))
    assert "a section of keys is needed here" in told


def test_a_recipe_written_and_read_is_the_same() -> None:
    recipe = Recipe(optimizer=AdamW(lr=1e-5, weight_decay=1e-7), schedule=Cosine(warmup=1 / 3), epochs=3)
    assert check_recipe("r.yaml", recipe.to_yaml()) == recipe
    assert check_recipe("r.yaml", Recipe().to_yaml()) == Recipe()


def test_a_recipe_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Recipe().epochs = 3  # type: ignore[misc]


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(TrainingError, match=str(path)):
            read_recipe(path)
    (tmp_path / "latin.yaml").write_bytes(b"epochs: 3 # caf\xe9\n")
    with pytest.raises(TrainingError, match="not UTF-8"):
        read_recipe(tmp_path / "latin.yaml")
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbfepochs: 3\r\nseed: 4\r\n")
    assert read_recipe(tmp_path / "bom.yaml").seed == 4


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.name)
def test_the_shipped_recipes_are_read(path: Path) -> None:
    read_recipe(path)


def test_reading_a_recipe_imports_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys, archdsl.training.recipe_file as r; r.read_recipe(None); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
