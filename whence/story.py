"""A story written down as files."""

from __future__ import annotations

from pathlib import Path

from sources.stories.folder import write_story
from whence.demo import told_seed, told_story
from whence.show import say


def run_story(folder: Path, seed: int, *, fresh: bool) -> None:
    """Write the story of a seed into a folder, with the truth beside it."""
    story = told_story(told_seed(seed, fresh=fresh))
    write_story(story, folder)
    say(f"{len(story.events):,} events of {story.company} and {len(story.truth)} true spikes are in {folder}.")
