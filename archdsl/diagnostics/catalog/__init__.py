"""Every code, its wording and its explanation, by the stage that finds it."""

from archdsl.diagnostics.catalog import layers as layers
from archdsl.diagnostics.catalog.entry import CATALOG as CATALOG
from archdsl.diagnostics.catalog.entry import Wording as Wording
from archdsl.diagnostics.catalog.entry import diagnose as diagnose
