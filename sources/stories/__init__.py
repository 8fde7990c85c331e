"""A made-up company, seeded: its customers, what it changes, what that causes, and the truth beside it."""

from sources.stories.folder import write_story
from sources.stories.story import Story, TrueSpike, make_story

__all__ = ["Story", "TrueSpike", "make_story", "write_story"]
