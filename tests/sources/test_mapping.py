from __future__ import annotations

import re
from pathlib import Path

import pytest

from schemas.errors import FatalError
from sources.mapping import load_mapping

ROOT = Path(__file__).resolve().parents[2]
GOOD = """
[workspace]
name = "shop"
[[files]]
glob = "*.csv"
topic = "tickets"
[files.fields]
contact = "Id"
occurred_at = "Created"
"""


def refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / "m.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FatalError) as raised:
        load_mapping(path)
    return str(raised.value).replace(str(path), "m.toml")


def test_minimal_mapping_is_a_silent_replay(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text(GOOD, encoding="utf-8-sig")
    mapping = load_mapping(path)
    assert (mapping.workspace.name, mapping.workspace.progress, mapping.workspace.alerts) == ("shop", "input", False)
    assert mapping.files[0].field_maps()["contact"].column == "Id"


EXAMPLES = [path for path in sorted((ROOT / "examples").glob("*.toml")) if "[[files]]" in path.read_text("utf-8")]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_a_mapping(path: Path) -> None:
    assert load_mapping(path).files


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match=r"none.toml cannot be read: No such file or directory. Check the path."):
        load_mapping(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'name = "shop"',
            "name = shop",
            r"The mapping m.toml is not TOML: Invalid value \(at line 3, column 8\). Correct that line.",
        ),
        (
            'name = "shop"',
            "",
            r"is wrong: workspace.name is missing. docs/mapping.md has all settings.",
        ),
        (
            'name = "shop"',
            'name = "shop"\nbuckets = 60',
            r"workspace.buckets is no setting of a workspace. Did you mean bucket_s\?",
        ),
        (
            'name = "shop"',
            'name = "shop"\nbucket_s = 0',
            r"is wrong: workspace.bucket_s was 0; allowed is a whole number >= 1.",
        ),
        (
            'topic = "tickets"',
            'topic = "mails"',
            r"files\[0\].topic was mails; allowed is tickets, chats, surveys, releases",
        ),
        (
            'topic = "tickets"',
            'topic = "tickets"\ndelimeter = ";"',
            r"files\[0\].delimeter is no setting of a file. Did you mean delimiter\?",
        ),
        (
            '"Id"',
            "{ column = 'Id', patern = 'x' }",
            r"files\[0\].fields.contact.patern is no setting of a field. Did you mean pattern\?",
        ),
        (
            'name = "shop"',
            'name = "shop"\ndimensions = ["product", "colour"]',
            r"workspace.dimensions\[1\] was colour; allowed is channel, product, platform",
        ),
        (
            'contact = "Id"',
            'contakt = "Id"',
            r"files\[0\] \(\*.csv\).fields.contakt is no field of tickets. Did you mean contact\?",
        ),
        (
            'contact = "Id"',
            "",
            r"files\[0\] \(\*.csv\).fields lacks contact, which tickets need. Add contact = \"column\" to it.",
        ),
        (
            '"Id"',
            "{ column = 'Id', value = 'x' }",
            r"fields.contact names column and value. Give exactly one of column, value and template.",
        ),
        ('"Id"', "{ lower = true }", r"fields.contact names no origin. Give exactly one of"),
        (
            '"Id"',
            "{ column = 'Id', pattern = '(' }",
            r"has the pattern '\(', which is wrong: missing \), .* Correct the regular expression.",
        ),
        (
            'topic = "tickets"',
            'topic = "tickets"\ntimezone = "Berlin"',
            r"timezone is 'Berlin', which is no time zone. Name one such as Europe/Berlin or UTC.",
        ),
        (
            'topic = "tickets"',
            'topic = "tickets"\nencoding = "utf-99"',
            r"encoding is 'utf-99', which nobody knows. Name one such as utf-8 or cp1252.",
        ),
        (
            'topic = "tickets"',
            'topic = "tickets"\ndelimiter = "||"',
            r"files\[0\].delimiter was \|\|; allowed is text of length <= 1.",
        ),
    ],
)
def test_wrong_setting_is_named_with_what_is_allowed(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert re.search(message, refusal(tmp_path, GOOD.replace(old, new)))
