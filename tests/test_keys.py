"""Labels against torch: what may be a label can be a child of every module that holds others."""

from __future__ import annotations

import pytest
from torch import nn

import archdsl
from archdsl.backends import pytorch_modules
from archdsl.checker.expansion import RESERVED_LABELS, is_reserved

HOLDERS = (nn.Sequential, pytorch_modules.Concat, pytorch_modules.Add, pytorch_modules.Mul, pytorch_modules.Aux)


def test_the_reserved_labels_are_the_names_of_torch() -> None:
    names = {name for holder in HOLDERS for name in dir(holder())}
    assert {name for name in names if not is_reserved(name)} == set()
    # What torch no longer has stays reserved: a spec is read alike with every version.
    assert len(RESERVED_LABELS - names) < 10


@pytest.mark.parametrize("label", ["weight", "bias", "layer1", "input", "conv", "seq", "x", "keys", "items", "values"])
def test_other_labels_stand_in_every_module(label: str) -> None:
    body = f"{label}: conv(4, 1)"
    text = f"input(4, 8, 8) {body} seq {{ {body} }} add {{ {body} | relu }} concat {{ {body} | relu }} conv(4, 1) "
    text += f"mul {{ {body} | relu }} aux(1) {{ {body} flatten fc(2) }} flatten fc(2)"
    checked = archdsl.check(text)
    assert checked.network is not None, checked.diagnostics
    keys = archdsl.build(checked.network).state_dict()
    assert sum(f"{label}.weight" in key for key in keys) == 6
