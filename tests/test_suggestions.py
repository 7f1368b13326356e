"""What is suggested for a name that nothing has: by its letters, by its meaning, and nothing where nothing is near."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from pathlib import Path

import pytest

import archdsl
from archdsl.checker.suggest import (
    folded,
    idiom,
    is_elsewhere_only,
    meant_by_letters,
    meant_function,
    meant_word,
    suggest,
)
from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.layers import LAYERS
from archdsl.syntax.words import FUNCTIONS, STRUCTURE

WORDS = [*LAYERS, *STRUCTURE, "vgg_block", "inception", "for", "if", "let", "block", "import", "else"]


def suggested(name: str) -> str | None:
    """What `unknown-layer` suggests."""
    if idiom(name) or is_elsewhere_only(name):
        return None
    return meant_word(name) or suggest(name, WORDS) or meant_by_letters(name)


MISTYPED = """
cnov con conb cov connv covn: conv
pol poo pooll ppol: pool
rleu reul reluu relu_: relu
relu66 relu_6: relu6
flaten flattenn flattten falten fllatten fatten: flatten
droput drpout dorpout dropuot dropot droppout: dropout
bathcnorm batchnrom batchnom batch_nrom bacthnorm batchnorm_: batchnorm
layernom layer_nrom leyernorm: layernorm
gropnorm groupnrom: groupnorm
cocat concta conact concatt conct: concat
sigmiod sigmod simgoid sigmoidd: sigmoid
sofmax softamx softmx: softmax
logsoftmax log_sofmax: log_softmax
leakyrelu leaky_rleu leky_relu lekyrelu leaky_relus: leaky_relu
gloabl_avgpool global_avgpol globalavgpool global_avg_pool: global_avgpool
global_max_pool globalpool gobal_pool: global_pool
avg_pool avgpol agvpool avgpoool: avgpool
adaptive_avg_pool adaptiv_avgpool adaptive_avgpol: adaptive_avgpool
upsmaple upsampl up_sample uppsample: upsample
zeropad zero_pda zerro_pad: zero_pad
pixelshuffle pixel_shufle pixel_shufffle: pixel_shuffle
channel_shufle chanel_shuffle channelshuffle: channel_shuffle
take_channel take_chanels takechannels: take_channels
identiy idenity indentity identitiy: identity
conv_transpos convtranspose conv_tranpose conv_traspose: conv_transpose
hard_swish hardswsih hardswich: hardswish
hard_sigmoid hardsigmiod: hardsigmoid
drop_pth droppath drop_paht: drop_path
tahn tanhh: tanh
gleu geluu: gelu
siluu sliu: silu
msih mishh: mish
prelus pre_lu: prelu
repaet repeats reapeat repat: repeat
inupt inptu imput inputs: input
vgg_blok vggblock vgg_bloc vgg_blokc: vgg_block
incepton inceptoin incption: inception
blcok bloc: block
improt imort: import
fcc f_c: fc
auxx aux_: aux
addd dad: add
mull: mul
esle els: else
fro: for
lte: let
"""

FROM_ELSEWHERE = """
Conv2d Conv2D nn.Conv2d tf.keras.layers.Conv2D Convolution2D convolution convolutional faltung 卷积 juanji: conv
Linear Dense nn.Linear fully_connected FullyConnected InnerProduct connected 全连接 dicht lineaire: fc
MaxPool2d MaxPooling2D maxpool max_pool2d F.max_pool2d pooling 池化: pool
AvgPool2d AveragePooling2D avg_pool2d: avgpool
BatchNorm2d BatchNormalization bn batch_norm batch_normalize 批归一化: batchnorm
GlobalAveragePooling2D gap GlobalAvgPool2D: global_avgpool
AdaptiveAvgPool2d adaptive_avg_pool2d: adaptive_avgpool
ConvTranspose2d Conv2DTranspose deconv deconvolution 反卷积: conv_transpose
Flatten torch.flatten view Reshape aplatir aplanar 展平: flatten
Dropout F.dropout drop: dropout
SpatialDropout2D Dropout2d: dropout2d
StochasticDepth DropPath drop_connect: drop_path
LeakyReLU leaky lrelu: leaky_relu
Swish SiLU: silu
Hardswish hswish h_swish: hardswish
UpSampling2D interpolate resize nn.Upsample: upsample
ZeroPad2d ZeroPadding2D: zero_pad
Identity noop skip shortcut: identity
Sequential ModuleList: seq
Concatenate cat torch.cat route verketten: concat
residual plus: add
Multiply torch.mul gate: mul
Input InputLayer placeholder eingabe entree: input
loop wiederhole repeter 重复: repeat
LocalResponseNorm local_response_norm: lrn
"""

NOTHING = """
print return stem head body neck layer layers block1 stage2 output net model self x y foo bar baz lenet resnet vgg
classifier features trunk encoder decoder width height depth classes channels main begin attention LSTM GRU embedding
selu softplus celu transformer lambda yield banana kitchen qwerty abc xyz unit cell module1 residual2path my_thing
mobilenet efficientnet swin mixer perceiver tokens heads loss optimizer accuracy crop noise a b c do re mi
"""


def pairs(table: str) -> list[tuple[str, str]]:
    result = []
    for line in table.strip().splitlines():
        names, _, meant = line.rpartition(": ")
        result += [(name, meant) for name in names.split()]
    return result


@pytest.mark.parametrize(("name", "meant"), pairs(MISTYPED))
def test_what_is_mistyped(name: str, meant: str) -> None:
    assert suggested(name) == meant


@pytest.mark.parametrize(("name", "meant"), pairs(FROM_ELSEWHERE))
def test_what_is_called_otherwise_elsewhere(name: str, meant: str) -> None:
    assert meant_word(name) == meant


@pytest.mark.parametrize("name", NOTHING.split())
def test_a_wrong_suggestion_is_worse_than_none(name: str) -> None:
    assert suggested(name) is None


def mistyped(word: str, draw: random.Random) -> str:
    """A word with one letter left out, doubled, swapped with its neighbour, or changed to one beside it on the keys."""
    at = draw.randrange(1, len(word))
    way = draw.randrange(4)
    if way == 0:
        return word[:at] + word[at + 1 :]
    if way == 1:
        return word[:at] + word[at] + word[at:]
    if way == 2:
        return word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]
    rows = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    row = next((row for row in rows if word[at] in row), word[at])
    return word[:at] + row[(row.index(word[at]) + 1) % len(row)] + word[at + 1 :]


def test_one_letter_mistyped_in_words() -> None:
    """Of 600 mistyped words nearly all lead to the word; the others are as near to another one, or are one."""
    draw = random.Random(7)
    words = [word for word in WORDS if len(word) > 3]
    cases = [(word, mistyped(word, draw)) for word in draw.choices(words, k=600)]
    cases = [(word, name) for word, name in cases if folded(name) not in map(folded, WORDS)]
    wrong = [(word, name, suggested(name)) for word, name in cases if suggested(name) != word]
    assert len(cases) > 500
    assert len(wrong) <= len(cases) // 50, wrong


def test_one_letter_mistyped_in_functions() -> None:
    draw = random.Random(7)
    words = [word for word in FUNCTIONS if len(word) > 3]
    cases = [(word, mistyped(word, draw)) for word in draw.choices(words, k=100)]
    wrong = [(word, name) for word, name in cases if name != word and suggest(name, FUNCTIONS) != word]
    assert not wrong


def test_each_alias_is_that_of_one_word() -> None:
    words = defaultdict(set)
    for word, cls in LAYERS.items():
        for alias in (word, *cls.also_called):
            words[folded(alias)].add(word)
    assert not {alias: meant for alias, meant in words.items() if len(meant) > 1}
    # An alias that is a word of its own would never be looked up.
    assert not {alias for alias, meant in words.items() if alias in LAYERS and meant != {alias}}


def test_each_alias_of_an_argument_is_that_of_one() -> None:
    for cls in LAYERS.values():
        aliases = [
            folded(each) for field in cls.fields for each in {folded(field.name), *map(folded, field.also_called)}
        ]
        assert len(aliases) == len(set(aliases)), cls.word


def test_calls_of_elsewhere_name_arguments_of_the_word() -> None:
    """A parameter of a call is a field, is known here, or means something else there."""
    from archdsl.checker.translate import SAID_ELSEWHERE

    for cls in LAYERS.values():
        names = {folded(each) for field in cls.fields for each in (field.name, *field.also_called, *field.opposite)}
        for call in cls.elsewhere:
            for parameter in re.findall(r"[(,]\s*(!?)(\w+)", call):
                known = (
                    names
                    | SAID_ELSEWHERE
                    | {"activation", "mode", "interpolation", "padding", "returnindices", "affine"}
                )
                assert parameter[0] or folded(parameter[1]) in known, call


def test_functions_of_other_libraries_are_ours() -> None:
    for name in ("arange", "maximum", "int", "ceiling", "where", "length"):
        assert meant_function(name) in FUNCTIONS


def place_of(found: Diagnostic) -> tuple[str, int]:
    return found.code, found.primary.span.source.position(found.primary.span.start)[0]


def places(found: tuple[Diagnostic, ...]) -> list[tuple[str, int]]:
    return [place_of(each) for each in found]


def test_each_fix_of_what_is_mistyped_mends_it() -> None:
    """Of the literate cases each fix, applied alone, takes its finding away."""
    text = (Path(__file__).parent / "cases" / "mistyped.md").read_text(encoding="utf-8")
    count = 0
    # What is expected stands in comments, which belong to the lines as they are mistyped.
    text = re.sub(r"  # error: .*$", "", text, flags=re.MULTILINE)
    for spec in re.findall(r"^```arch\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        errors = archdsl.check(spec).errors
        for found in errors:
            if found.fix is not None:
                count += 1
                mended = spec
                for edit in sorted(found.fix.edits, key=lambda edit: -edit.span.start):
                    mended = mended[: edit.span.start] + edit.text + mended[edit.span.end :]
                left = archdsl.check(mended).errors
                assert places(left).count(place_of(found)) < places(errors).count(place_of(found)), mended
    assert count > 90


def test_what_a_fix_of_an_unknown_word_writes_is_right(tmp_path: Path) -> None:
    """The calls of other libraries that are mended by a fix check without errors afterwards."""
    text = "input(3, 32, 32)\n"
    for call in (
        "Conv(8, 3)",
        "nn.ReLU()",
        "ReLU(inplace=True)",
        "MaxPool2d(2)",
        "nn.MaxPool2d(3, 1, 1)",
        "BatchNormalization()",
        "MaxPooling2D()",
        "UpSampling2D((2, 2))",
        "Conv2D(8, (3, 3), padding='same', activation='relu')",
        "Conv2D(filters=8, kernel_size=3, use_bias=False)",
        "Dropout(0.3)",
        "nn.Dropout(p=0.3)",
        "LeakyReLU(0.1)",
        "Concat { relu | tanh }",
        "F.relu(x)",
        "nn.Flatten()",
        "Dense(10)",
        "Softmax(dim=1)",
    ):
        text += call + "\n"
    found = archdsl.check(text).errors
    assert len(found) == 18
    edits = sorted((edit for each in found if each.fix for edit in each.fix.edits), key=lambda edit: -edit.span.start)
    assert len(edits) == 18
    for edit in edits:
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    assert not archdsl.check(text).errors, text
