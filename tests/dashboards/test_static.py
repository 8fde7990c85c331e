"""Laws of the front end's files: nothing from elsewhere, nothing that the security policy forbids."""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest

from schemas.attribution import EvidenceLine
from tools.pictures import MOST_BYTES, SHOTS

STATIC = Path(__file__).parents[2] / "dashboards" / "static"
OURS = sorted(path for path in STATIC.iterdir() if path.suffix in (".js", ".css", ".html", ".svg"))


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_file_names_no_other_host(path: Path) -> None:
    addresses = set(re.findall(r"https?://[^\s\"'`)]+|url\((?!data:)[^)]*\)", path.read_text(encoding="utf-8")))
    assert addresses <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("path", [path for path in OURS if path.suffix == ".js"], ids=lambda path: path.name)
def test_script_builds_no_html_from_text_and_no_code_from_data(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)


def test_vendored_echarts_is_the_stated_build() -> None:
    stated = re.search(r"sha256 `([0-9a-f]{64})`", (STATIC / "vendor" / "README.md").read_text(encoding="utf-8"))
    assert stated is not None
    build = (STATIC / "vendor" / "echarts" / "echarts.common.min.js").read_bytes()
    assert hashlib.sha256(build).hexdigest() == stated[1]


def test_vendored_code_brings_its_licences() -> None:
    folder = STATIC / "vendor" / "echarts"
    assert "Apache License" in (folder / "LICENSE").read_text(encoding="utf-8")
    assert "Apache ECharts" in (folder / "NOTICE").read_text(encoding="utf-8")
    assert "Bostock" in (folder / "LICENSE-d3").read_text(encoding="utf-8")


def test_colours_of_kinds_are_defined_in_every_theme() -> None:
    css = (STATIC / "style.css").read_text(encoding="utf-8")
    kinds = set(
        re.findall(r"^  (\w+): \{ name:", (STATIC / "causes.js").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    assert "release" in kinds
    for kind in kinds:
        assert css.count(f"--kind-{kind}:") == 3


def test_every_kind_has_a_shape_of_its_own() -> None:
    text = (STATIC / "causes.js").read_text(encoding="utf-8").replace("path: RING", 'path: "ring"')
    shapes = re.findall(r"^  \w+: \{ name:.* path: \"([^\"]+)\"", text, flags=re.MULTILINE)
    assert len(shapes) == len(set(shapes)) > 8


def test_every_line_of_a_chart_has_a_dash_or_a_colour_of_its_own_and_neighbours_differ_in_dash() -> None:
    text = (STATIC / "lines.js").read_text(encoding="utf-8")
    styles = re.findall(r'\["(--[\w-]+)", (?:"(\w+)"|\[)', text)
    assert len(styles) == len(set(styles)) == 7
    assert all(one[1] != other[1] for one, other in pairwise(styles))


def test_every_line_of_evidence_has_a_name_for_people() -> None:
    text = (STATIC / "views_spike.js").read_text(encoding="utf-8")
    found = re.search(r"const LINES = \{(.*?)\};", text, flags=re.DOTALL)
    assert found is not None
    assert set(re.findall(r"(\w+): \"", found[1])) == set(get_args(EvidenceLine))


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb`` by WCAG 2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("name", ["ink", "muted", "accent", "hot", "good"])
@pytest.mark.parametrize("ground", ["surface", "page"])
def test_text_can_be_read_in_every_theme(name: str, ground: str) -> None:
    css = (STATIC / "style.css").read_text(encoding="utf-8")
    texts, grounds = (re.findall(rf"--{one}: (#[0-9a-f]{{6}});", css) for one in (name, ground))
    assert len(texts) == len(grounds) == 3
    for text, behind in zip(texts, grounds, strict=True):
        light, dark = sorted((luminance(text), luminance(behind)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, f"{text} on {behind}"


def test_pictures_of_the_documentation_are_the_stated_ones_and_small() -> None:
    folder = STATIC.parents[1] / "docs" / "images"
    assert {f"{shot.name}.jpg" for shot in SHOTS} == {path.name for path in folder.glob("*.jpg")}
    assert max(path.stat().st_size for path in folder.glob("*.jpg")) <= MOST_BYTES
