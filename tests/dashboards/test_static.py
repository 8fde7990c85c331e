"""Laws of the front end's files: nothing from elsewhere, nothing that the security policy forbids."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

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
