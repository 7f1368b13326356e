"""What is known after a fault goes on: of two faults in one network both are found, and nothing else is said."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import pytest

import archdsl
from archdsl.diagnostics.render import render

CHANNELS, SIZES = "channels", "sizes"


class Fault(NamedTuple):
    """Items with one fault, which take 8x32x32 and without the fault would give it.

    at: the characters at fault. blurs: what is not known behind it. needs: what must be known for it to be found.
    """

    text: str
    at: str
    code: str
    blurs: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()


def fault(text: str, at: str, code: str, blurs: str = "", needs: str = "") -> Fault:
    return Fault(text, at, code, frozenset(blurs.split()), frozenset(needs.split()))


FAULTS = [
    fault("conv(8, 1, g5)", "g5", "groups-do-not-divide"),
    fault("groupnorm(7)", "7", "groups-do-not-divide", needs=CHANNELS),
    fault("channel_shuffle(7)", "7", "groups-do-not-divide", needs=CHANNELS),
    fault("conv(8, 99)", "99", "window-too-large", SIZES, SIZES),
    fault("pool(98, 1)", "98", "window-too-large", SIZES, SIZES),
    fault("pool(2, 1, 2)", "2", "padding-too-large", SIZES),
    fault("conv(0, 1)", "0", "value-out-of-range", CHANNELS),
    fault("conv(8.5, 1)", "8.5", "wrong-kind", CHANNELS),
    fault("conv(8, 1, s0)", "s0", "value-out-of-range", SIZES),
    fault("conv(8, 1, padd=0)", "padd", "unknown-argument", SIZES),
    fault("take_channels(0, 97)", "97", "no-such-channels", CHANNELS, CHANNELS),
    fault("pixel_shuffle(5)", "5", "channels-do-not-divide", f"{CHANNELS} {SIZES}", CHANNELS),
    fault("add { relu | conv(9, 1) }", "conv(9, 1)", "branches-disagree", CHANNELS, CHANNELS),
    fault("add { relu | conv(8, 2) }", "conv(8, 2)", "branches-disagree", SIZES, SIZES),
    fault("concat { conv(4, 1) | conv(4, 2) }", "conv(4, 2)", "branches-disagree", SIZES, SIZES),
    fault("dropout(96)", "96", "value-out-of-range"),
    fault("conf(8, 1)", "conf", "unknown-layer", f"{CHANNELS} {SIZES}"),
]

AROUND = {
    "a chain": "@ relu\n@",
    "seq": "seq { relu @ }\nrelu\nseq { @ }",
    "labels": "a: @ b: { relu @ }",
    "blocks": "block first { relu @ }\nblock second(c) { conv(c, 1) @ }\nfirst\nsecond(8)",
    "loops": "repeat(2) { relu @ }\nfor c in (8, 8) { relu @ }",
    "a loop of blocks": "block b(c) { relu @ }\nrepeat(2) { b(8) }\nb(8)\n@",
    "a condition": "if in_channels == 8 { @ } else { tanh }\n@",
    "heads": "aux(1) { @ flatten fc(10) }\n@",
}


def planted(around: str, first: str, second: str) -> str:
    """A network with one fault in each of two places; blocks are defined before its input."""
    lines = around.replace("@", first, 1).replace("@", second, 1).splitlines()
    blocks = [line for line in lines if line.startswith("block")]
    chain = [line for line in lines if not line.startswith("block")]
    return "\n".join([*blocks, "input(8, 32, 32)", *chain, "global_avgpool flatten fc(10)"])


@pytest.mark.parametrize("around", AROUND)
def test_two_faults_of_one_network_are_both_found(around: str) -> None:
    wrong = []
    seen = 0
    for first, second in product(FAULTS, FAULTS):
        if first.blurs & second.needs and around != "heads":
            continue
        seen += 1
        text = planted(AROUND[around], first.text, second.text)
        found = archdsl.check(text).errors
        if sorted((each.code, each.primary.span.text) for each in found) != sorted(
            (each.code, each.at) for each in (first, second)
        ):
            wrong.append(f"{text}\n{render(found)}")
    assert seen > 100
    assert not wrong, f"{len(wrong)} of {seen}\n" + "\n\n".join(wrong[:2])
