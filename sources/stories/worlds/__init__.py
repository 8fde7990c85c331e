"""Made-up worlds by the hundred, cheap and hard, to judge attribution with: six families, the truth beside each."""

from sources.stories.worlds.families import FAMILIES, FIT_FAMILIES, JUDGED_FAMILIES
from sources.stories.worlds.world import World, WorldTruth, make_world

__all__ = ["FAMILIES", "FIT_FAMILIES", "JUDGED_FAMILIES", "World", "WorldTruth", "make_world"]
