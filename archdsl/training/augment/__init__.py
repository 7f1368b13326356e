"""How images to learn from are changed by chance, a batch at a time, on the device that trains.

`draws.py` draws, `geometry.py`, `color.py` and `mix.py` do with images what was drawn, and `augment.py` is the whole of
it: bytes and labels in, a network's input and its targets out.
"""

from archdsl.training.augment.augment import Augment, check_augmentation
from archdsl.training.augment.color import Colors, measure_colors
from archdsl.training.augment.draws import Draws
from archdsl.training.augment.geometry import crop_box
from archdsl.training.augment.mix import Targets

__all__ = ["Augment", "Colors", "Draws", "Targets", "check_augmentation", "crop_box", "measure_colors"]
