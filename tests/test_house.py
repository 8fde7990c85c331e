"""Laws of the house: what is installed collides with nothing, and what is written down is true."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OURS = {"schemas", "sources", "stats", "streams", "sinks", "dashboards", "whence"}


def test_our_top_level_names_collide_with_no_dependency() -> None:
    owners = importlib.metadata.packages_distributions()
    strangers = {name: set(owners.get(name, ())) - {PROJECT["project"]["name"]} for name in OURS}
    assert {name: who for name, who in strangers.items() if who} == {}


def test_every_package_is_listed_and_every_listed_one_exists() -> None:
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    found = {
        ".".join(path.parent.relative_to(ROOT).parts) for top in OURS for path in (ROOT / top).rglob("__init__.py")
    }
    assert listed == found


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_locks_name_versions_and_hashes_but_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index-url" not in text
    pinned = re.findall(r"^[A-Za-z0-9._-]+(?:\[[^\]]+\])?==[^\s;]+", text, flags=re.MULTILINE)
    assert len(pinned) > 50
    assert text.count("--hash=sha256:") >= len(pinned)


def test_every_dependency_is_locked() -> None:
    locked = {name.lower() for name in re.findall(r"^([A-Za-z0-9._-]+)==", _lock(), flags=re.MULTILINE)}
    wanted = {re.split(r"[\[<>=!;]", line)[0].lower() for line in PROJECT["project"]["dependencies"]}
    assert wanted - locked == set()


def _lock() -> str:
    return (ROOT / "requirements.lock").read_text(encoding="utf-8")
