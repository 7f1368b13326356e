"""Recipes: what is read, what is refused, and in which words."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis.strategies import DrawFn, booleans, composite, lists, sampled_from, tuples
from hypothesis.strategies import text as hypothesis_text
from tries import TRIES

from archdsl.cli.command_line import run_words
from archdsl.errors import TrainingError
from archdsl.recipe import elsewhere
from archdsl.recipe.keys import SECTIONS, all_keys
from archdsl.recipe.page import describe_key, explanation, keys_as_yaml, with_keys
from archdsl.recipe.read import Override, check_recipe, read_overrides, read_recipe
from archdsl.recipe.recipe import CHOICES, SGD, AdamW, Augmentation, Cosine, Data, Recipe, Step, recipe_differences
from archdsl.recipe.schema import recipe_schema
from archdsl.recipe.yaml_text import read_yaml

SPECS = Path(__file__).parent.parent / "specs"


def refusal(text: str, *overrides: Override) -> str:
    with pytest.raises(TrainingError) as caught:
        check_recipe("r.yaml", text, overrides)
    assert caught.value.exit_code == 2
    return str(caught.value)


@composite
def recipe_like(draw: DrawFn) -> str:
    """Keys with values that fit some of them, in sections or out of them; or any text at all."""
    values = sampled_from(["0", "1", "0.5", "1e-3", "true", "null", "sgd", "muon", "step", "mnist", "folder:x", "[1]"])
    keys = sampled_from([*all_keys(), *SECTIONS, "qq", "<<", "1"])
    lines = draw(lists(tuples(keys, values), max_size=5, unique_by=lambda each: each[0].partition(".")[0]))
    text = "".join(
        f"{key}: {value}\n" if "." not in key else f"{key.replace('.', ': {')}: {value}}}\n" for key, value in lines
    )
    return text if draw(booleans()) else draw(hypothesis_text(max_size=40)) + text


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
        ("optimizer: {momentum: 0.9}", "optimizer.momentum: adamw has no such key; sgd and muon have it"),
        ("optimizer: {name: adamv}", "r.yaml:1: optimizer.name: 'adamv' is none of .*; did you mean adamw?"),
        ("optimizer: {name: true}", "optimizer.name: true is none of adam"),
        ("optimizer: {name: [a]}", "optimizer"),
        ("optimizer: adam", "optimizer: a section of keys is needed here, as in `optimizer: {name: adam}`"),
        ("optimizer: [adam]", "optimizer: a section of keys is needed here"),
        ("optimizer:", "optimizer: a section of keys is needed here"),
        ("data: shapes", "data: a section of keys is needed here, as in `data: {name: shapes}`"),
        ("augmentation: true", "as in `augmentation: {flip: true}`"),
        ("data: {name: fashion}", "there is no data set 'fashion'; did you mean fashion-mnist?"),
        ("data: {name: CIFAR_10}", "did you mean cifar10?"),
        ("data: {name: /}", "did you mean folder:/?"),
        ("data: {name: svhn}", "there are shapes, digits, fashion-mnist, .*, cifar100 and folder:PATH"),
        ("data: {name: ImageNet}", "a folder with `train` and `val` is read by folder:PATH"),
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
        ("schedule: {name: cosine, every: 3}", "schedule.every: cosine has no such key; step has it"),
        ("schedule: {name: cosin}", "did you mean cosine?"),
        ("schedule: {warmup: 1.5}", "schedule.warmup: must be less than 1, and is 1.5"),
        ("initialization: kaiming", "initialization: must be 'default', 'he' or 'xavier', and is 'kaiming'"),
        ("seed: -1", "seed: must be at least 0"),
        ("lr: 0.1", "r.yaml:1: lr: there is no such key; did you mean optimizer.lr?"),
        ("optimizer: {wd: 0}", "did you mean optimizer.weight_decay?"),
        ("num_epochs: 3", "did you mean epochs?"),
        ("warmup_epochs: 3", "did you mean schedule.warmup?"),
        ("name: mnist", "did you mean data.name, optimizer.name or schedule.name?"),
        ("optimizer: {qqq: 0}", "there is no such key; there are name, lr, weight_decay, decay_norms_and_biases$"),
        (
            "epochs: 1\nearly_stop: 3",
            "r.yaml:2: early_stop: it needs images to choose by; hold some back with data.val",
        ),
        ("epochs: 1\naccumulation: 33", "r.yaml:2: accumulation: a batch of 32 images can't be cut into 33 parts"),
        ("data:\n  train: 9\n  validation: 9", "r.yaml:3: data.validation: nothing would be left to learn from"),
        ("optimizer: {name: sgd, momentum: 0, nesterov: true}", "optimizer.nesterov: it needs a momentum"),
        ("augmentation: {flip: yes}", "augmentation.flip: must be true or false, and is 'yes'"),
        ("augmentation: {hue: 0.6}", "augmentation.hue: must be at most 0.5, and is 0.6"),
        ("precision: fp16", "precision: must be 'auto', 'fp32' or 'bf16', and is 'fp16'"),
        ('{"\\e[31m": 1, "\\e[31m": 2}', "r.yaml:1: .*31m is given twice"),
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


def test_each_mistake_is_told_once_in_the_order_of_the_lines() -> None:
    told = refusal("sede: 3\nearly_stop: 2\nepochs: 0\noptimizer: {lr: x}\nbatch_size: 2\naccumulation: 4\n")
    assert [line.split(": ")[:2] for line in told.splitlines()] == [
        ["r.yaml:1", "sede"],
        ["r.yaml:2", "early_stop"],
        ["r.yaml:3", "epochs"],
        ["r.yaml:4", "optimizer.lr"],
        ["r.yaml:6", "accumulation"],
    ]


def test_very_many_mistakes_and_very_long_ones_are_cut() -> None:
    told = refusal("".join(f"{'k' * 900}{number}: 1\n" for number in range(70))).splitlines()
    assert told[-1] == "r.yaml: 50 more mistakes"
    assert len(told) == 21
    assert max(map(len, told)) < 510


@pytest.mark.chance
@given(recipe_like())
@settings(max_examples=60 * TRIES, deadline=None)
def test_any_text_is_a_recipe_or_is_refused_in_lines_with_a_place(text: str) -> None:
    try:
        recipe = check_recipe("r.yaml", text)
    except TrainingError as error:
        lines = str(error).splitlines()
    else:
        lines = []
        assert check_recipe("again", recipe.to_yaml()) == recipe
    for line in lines:
        match = re.match(r"r\.yaml(?::(\d+))?: \S", line)
        assert match, line
        assert 1 <= int(match[1] or 1) <= text.count("\n") + 1
        assert line.isprintable()


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


def test_a_folder_may_have_images_to_choose_by_of_its_own() -> None:
    recipe = check_recipe("r.yaml", "data: {name: 'folder:x', train: 10, validation: 10}\nearly_stop: 3")
    assert (recipe.data.validation, recipe.early_stop) == (10, 3)
    assert check_recipe("r.yaml", "data: {name: 'folder:x'}\nearly_stop: 3").early_stop == 3


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


@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_recipes_are_read(path: Path) -> None:
    read_recipe(path)


# What the command line puts over a recipe.


def test_a_key_set_on_the_command_line_is_read_as_in_a_recipe() -> None:
    given = ["optimizer.name=sgd", "optimizer.lr=1e-1", "data.name=folder:a=b", "data.train = null", "compile=true"]
    recipe = check_recipe(
        "r.yaml", "data: {train: 30}\nepochs: 7", read_overrides(given, {"--epochs": 9, "--lr": None})
    )
    assert recipe.optimizer == SGD(lr=0.1)
    assert recipe.data == Data(name="folder:a=b")
    assert (recipe.compile, recipe.epochs) == (True, 9)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["optimizer.lr"], "--set-recipe takes KEY=VALUE, as optimizer.lr=0.05, not `optimizer.lr`"),
        (["epochs="], "--set-recipe takes KEY=VALUE, as optimizer.lr=0.05, not `epochs=`"),
        (["optimizer=SGD"], "--set-recipe optimizer: a section is set key by key, as --set-recipe optimizer.name=sgd"),
        (["dropout=0.5"], "--set-recipe dropout: there is no such key; it is a layer of the network"),
        (["learning_rate=1"], "--set-recipe learning_rate: there is no such key; did you mean optimizer.lr?"),
        (["optimizer.momentun=1"], "--set-recipe optimizer.momentun: there is no such key; did you mean optimizer.mom"),
        (["nothing.like=1"], "--set-recipe nothing.like: there is no such key; see `archdsl recipe explain`"),
        (["optimizer=sgd"], "--set-recipe optimizer: a section is set key by key, as --set-recipe optimizer.name="),
        (["seed=[1]"], "--set-recipe seed: one value is needed here, and `[1]` is a list"),
        (["seed=[1"], "--set-recipe seed: not YAML: "),
        (["seed=010"], "--set-recipe seed: a number does not begin with 0: write 10"),
        (["seed=&a 1"], "--set-recipe seed: a recipe has no anchors"),
        (["seed=1", "seed=2"], "--set-recipe seed is given twice"),
        (["epochs=1"], "--epochs and --set-recipe epochs are one key; give one"),
        (["seed=\x1b[31m"], "--set-recipe seed: not YAML: "),
        (["seed=x"], "--set-recipe seed: must be a whole number, and is 'x'"),
        (["optimizer.lr=0"], "--set-recipe optimizer.lr: must be more than 0, and is 0"),
        (["optimizer.momentum=0.5"], "--set-recipe optimizer.momentum: adamw has no such key; sgd and muon have it"),
        (["optimizer.name=sgdd"], "--set-recipe optimizer.name: 'sgdd' is none of .*; did you mean sgd?"),
        (
            ["optimizer.name=muon"],
            "r.yaml:2: optimizer.nesterov: muon, of --set-recipe optimizer.name, has no such key",
        ),
    ],
)
def test_a_key_set_wrongly_is_a_line_that_names_it(settings: list[str], message: str) -> None:
    text = "optimizer:\n  nesterov: true\n  name: sgd" if "muon" in settings[0] else ""
    with pytest.raises(TrainingError) as caught:
        check_recipe("r.yaml", text, read_overrides(settings, {"--epochs": 3}))
    told = str(caught.value)
    assert re.match(re.escape(message).replace(r"\.\*", ".*"), told), told
    assert told.isprintable()
    assert caught.value.exit_code == 2


def test_what_differs_between_recipes() -> None:
    one = check_recipe("r.yaml", "optimizer: {name: sgd, lr: 0.1}\nseed: 3")
    assert recipe_differences(one, one) == []
    assert recipe_differences(one, check_recipe("r.yaml", "optimizer: {lr: 0.1}\nseed: 3\ndata: {train: 9}")) == [
        ("data.train", None, 9),
        ("optimizer.name", "sgd", "adamw"),
        ("optimizer.weight_decay", 0.0, 0.01),
        ("optimizer.momentum", 0.9, None),
        ("optimizer.nesterov", False, None),
    ]


# What is told of keys.


def test_every_key_is_explained_with_an_example_that_is_read_and_changes_something() -> None:
    fields = {
        f"{section}.{key}"
        for section, choices in {**CHOICES, "data": {"": Data}, "augmentation": {"": Augmentation}}.items()
        for cls in choices.values()
        for key in cls.model_fields
    } | {key for key in Recipe.model_fields if key not in SECTIONS}
    assert set(all_keys()) == fields
    for key in all_keys().values():
        text = describe_key(key)
        example = re.findall(r"^- Example: `(.*)`$", text, re.MULTILINE)[0]
        needed = {"early_stop": ["data.validation=10"], "data.in_memory": ["data.name=folder:x"]}.get(key.path, [])
        recipe = check_recipe("example", example, read_overrides(needed))
        assert key.path in [path for path, _, _ in recipe_differences(recipe, Recipe())], key.path
        given_keys = [*needed, *(f"{key.section}.name={owner}" for owner in key.owners[:1])]
        for way in re.findall(r"`--set-recipe (.*?)`", text):
            check_recipe("example", "", read_overrides([*given_keys, way]))


def test_all_keys_in_one_recipe_are_the_default_one() -> None:
    text = keys_as_yaml()
    assert check_recipe("all", text) == Recipe()
    for key in all_keys().values():
        assert re.search(rf"^(  )?(# )?{key.name}: \S+ +# [A-Zf].*\.$", text, re.MULTILINE), key.path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lr", "`optimizer.lr`"),
        ("learning-rate", "`optimizer.lr`"),
        ("patience", "`early_stop`"),
        ("augmentation", "  crop: null "),
        ("optimizer", "- muon: Momentum whose matrices"),
        ("muon", "  momentum: 0.95 "),
        ("weight_decay", "adam and sgd: The pull of weights to 0, added to the gradient.\nadamw and muon: "),
        ("optimizer.lr", "- Default: 0.0005 for adam and adamw, 0.01 for sgd, 0.02 for muon\n"),
        ("data.name", "- On the command line: `--set-recipe data.name=fashion-mnist` or `--data fashion-mnist`"),
        ("clip_gradient", "- Value: a number, more than 0, at most 1,000,000; or null\n- Default: null\n"),
    ],
)
def test_a_name_is_explained(name: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_words(["recipe", "explain", name]) == 0
    assert said in capsys.readouterr().out


def test_what_is_no_key_is_not_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_words(["recipe", "explain", "momentun"]) == 2
    assert run_words(["recipe", "explain", "\x1b[31m"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0].endswith("is called `momentun`; did you mean `optimizer.momentum`?")
    assert told[1].isprintable()
    assert run_words(["explain", "cosine"]) == 2
    assert capsys.readouterr().err.endswith(", but a recipe has it: see `archdsl recipe explain cosine`\n")


def test_what_other_tools_call_a_key_is_understood() -> None:
    for name, told in {
        "RandomHorizontalFlip": "augmentation.flip",
        "EarlyStopping": "early_stop",
        "learning-rate": "optimizer.lr",
        "RandomCrop": "augmentation.shift",
        "AdamW": "optimizer: adamw",
        "StepLR": "schedule: step",
    }.items():
        assert (explanation(name) or "").startswith(f"`{told}`"), name
    assert {*elsewhere._KEYS} <= {*all_keys(), *SECTIONS}
    assert {*elsewhere._CHOICES} <= {*CHOICES["schedule"]}
    for names in elsewhere._NO_KEYS:
        assert not [name for name in names.split() if explanation(name)]
        assert all(map(elsewhere.why_no_key, names.split()))


def test_the_recipe_that_would_be_taken_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "net.arch"
    spec.write_text("input(1, 8, 8)\nflatten fc(10)\n")
    (tmp_path / "net.yaml").write_text("epochs: 9\n")
    (tmp_path / "other.arch").touch()
    (tmp_path / "other.yml").write_text("seed: 9\n")
    for words, expected in {
        (str(spec),): Recipe(epochs=9),
        (str(spec), "--set-recipe", "seed=3"): Recipe(epochs=9, seed=3),
        (str(spec), "--recipe", "default"): Recipe(),
        (str(tmp_path / "other.arch"),): Recipe(seed=9),
        ("--recipe", str(tmp_path / "net.yaml")): Recipe(epochs=9),
        (): Recipe(),
    }.items():
        assert run_words(["recipe", "show", *words]) == 0
        assert check_recipe("shown", capsys.readouterr().out) == expected
    assert run_words(["recipe", "show", str(tmp_path / "none.arch")]) == 2
    assert run_words(["recipe", "show", "--set-recipe", "seed=x"]) == 2
    assert [line.startswith("archdsl: ") for line in capsys.readouterr().err.splitlines()] == [True, True]


def test_the_schema_takes_and_refuses_what_the_reader_does() -> None:
    validator = jsonschema.Draft202012Validator(recipe_schema())
    validator.check_schema(recipe_schema())
    for text in (
        "optimizer: {lr: 0.1}",
        "optimizer: {name: muon, adamw_lr: 1e-3}",
        "schedule: {warmup: 0}",
        "data: {name: 'folder:x', train: null}\naugmentation: {crop: 0.5}",
        Recipe().to_yaml(),
        keys_as_yaml(),
        *(path.read_text() for path in SPECS.rglob("*.yaml")),
    ):
        check_recipe("r.yaml", text)
        validator.validate(read_yaml("r.yaml", text).value)
    for text in (
        "epoch: 3",
        "epochs: 0",
        "epochs: true",
        "optimizer: {momentum: 0.9}",
        "optimizer: {name: sgdd}",
        "optimizer: adam",
        "schedule: {every: 3}",
        "data: {name: fashion}",
        "data: {name: 'folder:'}",
        "augmentation: {flip: 1}",
        "precision: fp16",
        "ema: 1",
    ):
        refusal(text)
        assert not validator.is_valid(read_yaml("r.yaml", text).value), text


def test_the_page_on_recipes_has_the_keys_as_they_are() -> None:
    page = (SPECS.parent / "docs" / "recipes.md").read_text(encoding="utf-8")
    assert page == with_keys(page), "run `make reference`"
    for example in re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        check_recipe("example", example)
