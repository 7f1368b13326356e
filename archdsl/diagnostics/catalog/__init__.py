"""Every code, its wording and its explanation, by the stage that finds it."""

from archdsl.diagnostics.catalog import calls as calls
from archdsl.diagnostics.catalog import foreign as foreign
from archdsl.diagnostics.catalog import layers as layers
from archdsl.diagnostics.catalog import lint as lint
from archdsl.diagnostics.catalog import names as names
from archdsl.diagnostics.catalog import structure as structure
from archdsl.diagnostics.catalog import text as text
from archdsl.diagnostics.catalog import values as values
from archdsl.diagnostics.catalog.entry import CATALOG as CATALOG
from archdsl.diagnostics.catalog.entry import Wording as Wording
from archdsl.diagnostics.catalog.entry import diagnose as diagnose
