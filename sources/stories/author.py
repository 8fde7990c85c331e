"""The author's desk: versions counted, moments drawn, changes and effects written down."""

from __future__ import annotations

import numpy as np

from sources.stories.plot import Effect, Plot, Step
from sources.stories.problems import QUIET_NOTES, QUIET_PROMOTIONS, Problem
from sources.stories.world import DAY_S, Company, Seconds, VersionRelease

HOUR_S = 3_600.0


class Author:
    """Collects the plot while it is written; holds the version counters and the dice."""

    def __init__(self, rng: np.random.Generator, company: Company, live: Seconds, scale: float) -> None:
        self.rng = rng
        self.company = company
        self.live = live
        self.scale = scale
        self.steps: list[Step] = []
        self.effects: list[Effect] = []
        self.releases: list[list[VersionRelease]] = [[], [], []]
        self._minor = [1, 1, 10]
        self._patch = [0, 0, 0]
        for track in range(3):
            self.publish(track, -30 * DAY_S)

    def pick(self, problems: tuple[Problem, ...]) -> Problem:
        return problems[int(self.rng.integers(len(problems)))]

    def moment(self, day: float, hour: float, *, jitter_h: float = 0.6) -> Seconds:
        """Seconds of a live day's hour, moved a little; negative days lie in the history. Whole minutes."""
        at = self.live + day * DAY_S + (hour + self.rng.uniform(-jitter_h, jitter_h)) * HOUR_S
        return float(round(at / 60.0) * 60.0)

    def publish(self, track: int, at: Seconds, *, patch: bool = False) -> VersionRelease:
        """The next version on a track, rolled out over hours on mobile, at once on the web."""
        self._patch[track] = self._patch[track] + 1 if patch else 0
        self._minor[track] += 0 if patch else 1
        mobile = track < 2
        major = (5, 7)[track] if mobile else 2026
        version = f"{major}.{self._minor[track]}" + (f".{self._patch[track]}" if mobile or patch else "")
        steps = ((at, 0.2), (at + 3 * HOUR_S, 0.6), (at + 8 * HOUR_S, 1.0)) if mobile and not patch else ((at, 1.0),)
        release = VersionRelease(track, version, at, steps)
        self.releases[track].append(release)
        return release

    def key_of(self, release: VersionRelease) -> str:
        track = self.company.tracks[release.track]
        return f"{track.product} {track.platform} {release.version}"

    def release(
        self, track: int, at: Seconds, title: str, notes: str, *, fixes: tuple[str, ...] = (), owner: str = ""
    ) -> VersionRelease:
        made = self.publish(track, at, patch=bool(fixes))
        self.steps.append(
            Step(
                key=self.key_of(made),
                kind="release",
                at=at,
                track=track,
                release=made,
                fixes=fixes,
                title=title,
                text=notes,
                owner=owner or f"{self.company.tracks[track].platform} team",
            )
        )
        return made

    def quiet_release(self, track: int, at: Seconds) -> VersionRelease:
        title, notes = QUIET_NOTES[int(self.rng.integers(len(QUIET_NOTES)))]
        return self.release(track, at, title, notes)

    def quiet_promotion(self, number: int, at: Seconds, hours: float) -> str:
        title, text, code, claims = QUIET_PROMOTIONS[number % len(QUIET_PROMOTIONS)]
        key = f"promo-quiet-{number}"
        self.steps.append(
            Step(
                key=key,
                kind="promotion",
                at=at,
                ends=at + hours * HOUR_S,
                title=title,
                text=text,
                code=code,
                claims=claims,
                owner="marketing",
            )
        )
        return key

    def plot(self, blanks: dict[str, str]) -> Plot:
        """Everything written so far, in order of time."""
        return Plot(
            steps=tuple(sorted(self.steps, key=lambda step: step.at)),
            effects=tuple(sorted(self.effects, key=lambda effect: effect.onset)),
            releases=tuple(tuple(sorted(made, key=lambda release: release.at)) for made in self.releases),
            blanks=blanks,
        )
