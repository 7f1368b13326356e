"""What each word means: its arguments, its shape rule, its cost and its torch module. No torch, no text, no spans."""

# isort: off
# The order of the reference, which is also that of LAYERS.
from archdsl.layers import convolution as convolution
from archdsl.layers import pooling as pooling
from archdsl.layers import linear as linear
from archdsl.layers import normalization as normalization
from archdsl.layers import activation as activation
from archdsl.layers import regularization as regularization
from archdsl.layers import reshaping as reshaping
from archdsl.layers import joining as joining
from archdsl.layers.base import LAYERS as LAYERS
