"""The word that was meant: by its letters, and by what torch, Keras, Darknet, papers and people call things."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from archdsl.layers import LAYERS
from archdsl.syntax.words import STRUCTURE

_STRUCTURE_ELSEWHERE = {
    "seq": "sequential sequence chain module_list nn_sequential stack folge sequenz",
    "repeat": "loop rep repeats replicate while foreach wiederhole wiederholen repeter repetir chongfu 重复",
    "input": "inputs input_shape input_layer input_size in_shape image placeholder eingabe eingang entree entrada "
    "shuru 输入",
}

_KEYWORDS_ELSEWHERE = {
    "else if": "elif elseif elsif",
    "if": "switch case when wenn si falls",
    "for": "foreach fuer pour para",
    "block": "def function func fn fun class module define macro",
    "import": "include use using require",
    "let": "const var val set local",
}

_FUNCTIONS_ELSEWHERE = {
    "max": "maximum",
    "min": "minimum",
    "round": "rint rounded runden arrondir",
    "floor": "int trunc round_down floordiv",
    "ceil": "ceiling round_up",
    "len": "length size count laenge",
    "range": "arange xrange linspace iota",
    "zip": "izip zipped pairs enumerate",
    "choose": "where cond select ternary iif ifelse if_else switch match",
    "make_divisible": "_make_divisible round_filters round_channels divisible round_to",
}

_VALUES_ELSEWHERE = {"true": "yes on wahr vrai", "false": "no off falsch faux"}


_IDIOMS = {
    "conv(out, 1)": "conv1x1 pointwise pointwise_conv pwconv",
    "conv(out, 3, p1)": "conv3x3",
    "conv(out, 5, p2)": "conv5x5",
    "conv(out, 7, p3)": "conv7x7",
    "conv(in_channels, 3, p1, g=in_channels)": "DepthwiseConv2D depthwise depthwise_conv dwconv dw_conv",
    "conv(in_channels, 3, p1, g=in_channels) conv(out, 1)": "SeparableConv2D separable_conv sepconv "
    "depthwise_separable_conv",
    "conv(out, 3, p1, nobias) batchnorm relu": "conv_bn_relu ConvBNReLU conv_bn ConvBN cbr conv_block BasicConv2d "
    "ConvNormActivation Conv2dNormActivation",
    "add { conv(in_channels, 3, p1) relu conv(in_channels, 3, p1) | identity }": "resblock residual_block res_block "
    "BasicBlock shortcut_block skip_block",
    "mul { identity | global_avgpool conv(8, 1) relu conv(in_channels, 1) sigmoid }": "SqueezeExcitation "
    "squeeze_excite squeeze_and_excitation se_block se_layer se",
    "conv_transpose(out, 4, s2, p1)": "unpooling MaxUnpool2d",
    "relu": "activation act nonlinearity Activation",
}

_ELSEWHERE_ONLY = """
    selu celu softplus softsign hardtanh glu swiglu rrelu logsigmoid threshold tanhshrink softmin hardshrink
    lstm gru rnn embedding attention self_attention MultiheadAttention transformer TransformerEncoder
    conv1d conv3d maxpool1d maxpool3d MaxPooling1D MaxPooling3D avgpool1d avgpool3d batchnorm3d ConvTranspose1d
    ConvTranspose3d dropout3d dropout1d bilinear crop cropping2d center_crop lambda masking timedistributed
    noise gaussian_noise unfold fold yolo softmax_loss loss optimizer data accuracy
"""


def folded(name: str) -> str:
    """A name without what people vary: capitals, underscores, accents, and the module in front of a dot."""
    name = name.rpartition(".")[2].lower().replace("_", "")
    if name.isascii():
        return name
    import unicodedata  # Needed only where a name is not ASCII.

    letters = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _by_meaning(table: dict[str, str]) -> dict[str, str]:
    return {folded(each): word for word, names in table.items() for each in names.split()}


@cache
def _meanings() -> dict[str, str]:
    """Each name that people from elsewhere use, folded, with the word that it means here."""
    meanings = {**_by_meaning(_KEYWORDS_ELSEWHERE), **_by_meaning(_STRUCTURE_ELSEWHERE)}
    # One alias is that of one word: a test holds it.
    for word, cls in LAYERS.items():
        meanings.update({folded(alias): word for alias in (word, *cls.also_called)})
    meanings.update({folded(word): word for word in STRUCTURE})
    return meanings


def meant_word(name: str) -> str | None:
    """The layer word that people from elsewhere mean by this name, or None; `nn.ReLU` is read as `ReLU`."""
    return _meanings().get(folded(name))


def meant_by_letters(name: str) -> str | None:
    """The layer word of the nearest name that people from elsewhere use, or None: `Conv2s`, `maxpol`."""
    near = suggest(name, _meanings()) if len(folded(name)) > 5 else None
    return meant_word(near) if near else None


@cache
def _idioms() -> dict[str, str]:
    return _by_meaning(_IDIOMS)


def idiom(name: str) -> str | None:
    """How something is written here that has a name of its own elsewhere: `SeparableConv2D`; or None."""
    return _idioms().get(folded(name))


@cache
def _only_elsewhere() -> frozenset[str]:
    return frozenset(map(folded, _ELSEWHERE_ONLY.split()))


def is_elsewhere_only(name: str) -> bool:
    """Whether other libraries have a layer of this name and there is none like it here: `LSTM`, `softplus`."""
    return folded(name) in _only_elsewhere()


def meant_function(name: str) -> str | None:
    """The function of values that is meant by this name, or None."""
    return _by_meaning(_FUNCTIONS_ELSEWHERE).get(folded(name))


def meant_value(name: str) -> str | None:
    """`true` or `false`, by what other languages call them, or None."""
    called = folded(name)
    return called if called in ("true", "false") else _by_meaning(_VALUES_ELSEWHERE).get(called)


def suggest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that is nearest by its letters, or None where none is near.

    Nearest is what differs in capitals and underscores alone, then in the fewest letters typed, left out, changed or
    swapped: one for names of three to five letters, two for up to eight, three for longer ones. A first letter that
    differs counts as one more. A name that begins like one candidate alone is meant as that one. What is rather the
    name of a part, as `stem` and `block1`, is near to nothing.
    """
    wanted = folded(name)
    if wanted.rstrip("0123456789") in _PARTS:
        return None
    best: tuple[int, int, str] | None = None
    candidates = list(dict.fromkeys(candidates))
    stem = wanted.rstrip("0123456789x")
    without = {wanted.removesuffix("s"), stem} - {wanted} if len(stem) > 1 else set()
    once = _letters_once(wanted)
    for candidate in candidates:
        if folded(candidate) == wanted or (wanted != once and _letters_once(folded(candidate)) == once):
            return candidate
    for candidate in candidates:
        other = folded(candidate)
        if other in without:
            return candidate
        most = _allowed(max(len(wanted), len(other)))
        distance = _distance(wanted, other, most)
        if distance and wanted[:1] != other[:1] and sorted(wanted[:2]) != sorted(other[:2]):
            distance += 1
        if len(wanted) == len(other) < 4 and sorted(wanted) != sorted(other):
            # Names so short differ by one letter without being alike.
            continue
        if distance <= most and (best is None or (distance, abs(len(wanted) - len(other))) < best[:2]):
            best = (distance, abs(len(wanted) - len(other)), candidate)
    if best is not None:
        return best[2]
    begin_so = [each for each in candidates if folded(each).startswith(wanted)] if len(wanted) > 3 else []
    return begin_so[0] if len(begin_so) == 1 else None


_PARTS = frozenset(
    """
    layer layers block blocks stage stages stem head heads body neck backbone trunk branch branches main model
    net network unit cell module group groups path features feature classifier encoder decoder output outputs
    out result first last left classes channels width height depth right top bottom up down inner outer part
    section step level test foo bar baz name
    """.split()  # noqa: SIM905 - as a list it would take a page.
)


def _allowed(length: int) -> int:
    """How many letters may differ in names of a length."""
    return 0 if length < 3 else 1 if length < 6 else 2 if length < 9 else 3


def _letters_once(name: str) -> str:
    """A name without letters that repeat the one before: `poool` and `pol` are `pol`."""
    return "".join(letter for letter, before in zip(name, f" {name}", strict=False) if letter != before)


def _distance(one: str, other: str, most: int) -> int:
    """How many letters were left out, typed too much, changed or swapped; all above `most` is the same.

    The optimal string alignment distance, row by row.
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
