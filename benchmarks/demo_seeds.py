"""How often ``whence demo --check`` passes on seeds that nobody has chosen: the demo's story through the steps.

    python -m benchmarks.demo_seeds --seeds 1-10 [--loudness 1]

The check asks for four in five causes right and no decoy blamed; the story runs through admit, detect and attribute as
it does in the check, only without broker and store. CPU: about 20 s a seed.
"""

from __future__ import annotations

import argparse

from benchmarks.attribution_stories import admitted
from schemas.attribution import Attribution
from sources.stories import make_story
from streams.attribute.step import ATTRIBUTE
from streams.chain import Chain
from streams.detect.step import DETECT
from whence.demo import LOUDNESS
from whence.verdicts import Comparison, compare


def checked(seed: int, loudness: float) -> Comparison:
    """The verdicts on one seed's story."""
    story = make_story(seed, loudness=loudness)
    chain = Chain(story.workspace, (DETECT, ATTRIBUTE))
    last: dict[str, Attribution] = {}
    for record in admitted(story):
        for _, written in chain.feed(record):
            if isinstance(written, Attribution):
                last[written.spike_id] = written
    return compare(story.truth, list(last.values()))


def main() -> None:
    """Check every seed and print what failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1-10", help="first and last seed")
    parser.add_argument("--loudness", type=float, default=LOUDNESS)
    options = parser.parse_args()
    first, last = (int(part) for part in options.seeds.split("-"))
    passed = 0
    for seed in range(first, last + 1):
        found = checked(seed, options.loudness)
        passed += found.passed
        wrong = ", ".join(
            f"{one.truth}: {one.said or 'not found'} {one.probability:.2f}"
            for one in found.verdicts
            if one.counts and not one.right
        )
        blamed = f"; blamed {', '.join(found.blamed)}" if found.blamed else ""
        print(
            f"seed {seed}: {'passed' if found.passed else 'FAILED'}, {found.right} of {found.counted} right; {wrong}{blamed}",
            flush=True,
        )
    print(f"{passed} of {last - first + 1} seeds passed at loudness {options.loudness:g}")


if __name__ == "__main__":
    main()
