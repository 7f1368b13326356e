"""What each word means: its arguments, its shape rule, its cost and its torch module. No torch, no text, no spans."""

from archdsl.layers import convolution as convolution
from archdsl.layers import joining as joining
from archdsl.layers.base import LAYERS as LAYERS
