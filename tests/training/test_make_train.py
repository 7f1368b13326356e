"""The first command of the README does what it says: the network learns, on data that a linear classifier can't."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parent.parent.parent


def command_of_make_train() -> list[str]:
    match = re.search(r"^train:.*\n\t\$\(BIN\)/archdsl (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert match
    return shlex.split(match[1])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_make_train_ends_with_a_network_that_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from archdsl.__main__ import main

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", ["archdsl", *command_of_make_train(), "--out", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as end:
        main()
    output = capsys.readouterr().out
    assert end.value.code == 0, output
    match = re.search(r"^test accuracy (\S+) after", output, re.MULTILINE)
    assert match
    assert float(match[1]) >= 0.8


@pytest.mark.slow
def test_a_linear_classifier_on_the_pixels_stays_under_a_half(monkeypatch: pytest.MonkeyPatch) -> None:
    """Multinomial logistic regression on the very images of `make train`, its penalty chosen on the test set."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from linear_classifier import linear_accuracy

    from archdsl.training.data.figures import draw_figures

    train, labels = draw_figures(5000, 1, 96, 96, seed=0)
    test, test_labels = draw_figures(1000, 1, 96, 96, seed=0, part="test")
    assert torch.bincount(test_labels).tolist() == [100] * 10
    for penalty in (0.1, 1.0):
        assert linear_accuracy(train, labels, test, test_labels, penalty)["test"] < 0.5
