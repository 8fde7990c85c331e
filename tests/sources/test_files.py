from __future__ import annotations

import gzip
import os
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from schemas.catalog import CHATS, TICKETS, Topic
from schemas.errors import FatalError
from schemas.raw import Chat, RawEvent, Release, Ticket
from sources.files import RejectLog, read_events
from sources.mapping import FieldMap, FileMap, Mapping, load_mapping
from sources.rejects import RejectedRow
from sources.sorting import in_order

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
HEADER = "Id,Created,Product,Text\n"
FIELDS: dict[str, str | FieldMap] = {
    "contact": "Id",
    "event_id": "Id",
    "occurred_at": "Created",
    "product": "Product",
    "text": "Text",
}


def mapping(*files: FileMap, **more: object) -> Mapping:
    return msgspec.convert(
        {"workspace": {"name": "shop"}, "files": files or (tickets(),), **more}, Mapping, from_attributes=True
    )


def tickets(**more: object) -> FileMap:
    settings: dict[str, object] = {"glob": "*.csv*", "topic": "tickets", "fields": FIELDS, **more}
    return FileMap(**settings)  # type: ignore[arg-type]


def read(folder: Path, one: Mapping | None = None) -> tuple[list[Ticket], list[str]]:
    rejects: list[RejectedRow] = []
    events = list(read_events(folder, mapping() if one is None else one, rejects=rejects.append, now=NOW))
    return [event for _, event in events if isinstance(event, Ticket)], [str(row) for row in rejects]


def row(number: int, *, day: int = 1, text: str = "fine") -> str:
    return f"{number},2026-05-{day:02d}T10:00:00Z,app,{text}\n"


def test_rows_of_all_files_come_in_order_of_time(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + row(1, day=3) + row(2, day=1))
    (tmp_path / "b.csv").write_text(HEADER + row(3, day=2))
    events, rejected = read(tmp_path)
    assert [event.contact for event in events] == ["2", "3", "1"]
    assert rejected == []
    assert events[0] == Ticket(
        event_id="2",
        workspace="shop",
        occurred_at=datetime(2026, 5, 1, 10, tzinfo=UTC),
        source="a",
        contact="2",
        product="app",
        text="fine",
    )


def test_order_is_the_same_with_runs_on_disk() -> None:
    rng = random.Random(4)
    events: list[tuple[Topic, RawEvent]] = []
    for number in range(500):
        kind, topic = (Ticket, TICKETS) if number % 2 else (Chat, CHATS)
        at = datetime(2026, 5, rng.randrange(1, 28), tzinfo=UTC)
        events.append((topic, kind(event_id=str(number), workspace="w", source="s", contact="c", occurred_at=at)))
    in_memory = list(in_order(events))
    assert list(in_order(events, run_length=64)) == in_memory
    assert [event.occurred_at for _, event in in_memory] == sorted(event.occurred_at for _, event in events)


def test_byte_order_mark_and_blank_lines_are_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" + (HEADER + row(1) + "\n" + row(2)).encode())
    assert read(tmp_path) == (read(tmp_path)[0], [])
    assert [event.contact for event in read(tmp_path)[0]] == ["1", "2"]


def test_semicolons_taken_for_commas_stop_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text((HEADER + row(1)).replace(",", ";"))
    with pytest.raises(
        FatalError,
        match=r"a.csv has no column 'Created', which the mapping names; it has Id;Created;Product;Text. Correct the mapping or the export. Is the delimiter ';' rather than ','\?",
    ):
        read(tmp_path)


def test_semicolons_and_other_encodings_are_read_when_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes((HEADER + row(1, text="größer")).replace(",", ";").encode("cp1252"))
    events, rejected = read(tmp_path, mapping(tickets(delimiter=";", encoding="cp1252")))
    assert ([event.text for event in events], rejected) == (["größer"], [])


def test_bytes_of_another_encoding_reject_their_row_only(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes((HEADER + row(1, text="größer") + row(2)).encode("cp1252"))
    events, rejected = read(tmp_path)
    assert [event.contact for event in events] == ["2"]
    assert rejected == [
        "a.csv, line 2: the row is '1,2026-05-01T10:00:00Z,app,gr??er'; allowed is text in the stated encoding. Set encoding in the mapping (cp1252, latin-1 …) or export as UTF-8."
    ]


def test_missing_column_stops_and_lists_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Id,Created,Produkt,Text\n" + row(1))
    with pytest.raises(
        FatalError,
        match=r"^a.csv has no column 'Product', which the mapping names; it has Id, Created, Produkt, Text. Correct the mapping or the export.$",
    ):
        read(tmp_path)


def test_doubled_column_stops(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Id,Created,Product,Text,Text\n")
    with pytest.raises(FatalError, match=r"a.csv has the column 'Text' twice. Rename one of them in the export."):
        read(tmp_path)


def test_missing_file_stops_unless_optional(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("x")
    with pytest.raises(
        FatalError, match=r"is called \*.csv\*; there is other.txt. Correct the mapping's glob, or set optional = true."
    ):
        read(tmp_path)
    assert read(tmp_path, mapping(tickets(optional=True))) == ([], [])
    with pytest.raises(FatalError, match=r"nowhere is no folder. Name the folder that holds the exports."):
        read(tmp_path / "nowhere")


def test_empty_file_is_told_and_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("")
    (tmp_path / "b.csv").write_text(HEADER + row(1))
    events, rejected = read(tmp_path)
    assert [event.contact for event in events] == ["1"]
    assert rejected == ["a.csv: the file is empty; allowed is a header and rows. Export it again, or remove it."]


def test_the_same_file_under_two_names_is_read_once(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(HEADER + row(1))
    events, rejected = read(tmp_path)
    assert len(events) == 1
    assert rejected == [
        "b.csv: the file has the same content as a.csv and was read once; allowed is each file once. Remove the copy."
    ]


def test_truncated_archive_gives_what_it_holds(tmp_path: Path) -> None:
    rng = random.Random(1)
    text = HEADER + "".join(row(number, text=str(rng.random())) for number in range(5_000))
    whole = gzip.compress(text.encode())
    (tmp_path / "a.csv.gz").write_bytes(whole[: len(whole) // 2])
    events, rejected = read(tmp_path)
    assert 1_000 < len(events) < 4_000
    assert rejected[-1].startswith("a.csv.gz: the gzip archive is damaged or cut off after line ")
    assert rejected[-1].endswith("The rows before it were used; export or copy it again for the rest.")


def test_damaged_archive_is_told(tmp_path: Path) -> None:
    rng = random.Random(2)
    text = HEADER + "".join(row(number, text=str(rng.random())) for number in range(5_000))
    packed = bytearray(gzip.compress(text.encode()))
    packed[len(packed) // 2 : len(packed) // 2 + 8] = b"\xff" * 8
    (tmp_path / "a.csv.gz").write_bytes(packed)
    events, rejected = read(tmp_path)
    assert len(events) < 5_000
    assert "the gzip archive is damaged or cut off after line" in rejected[-1]


@pytest.mark.parametrize("broken", ['2,2026-05-01T10:00:00Z,app,"never closed', '2,2026-05-01T10:00:00Z,"app" x,"y"'])
def test_broken_quote_costs_its_own_line_only(tmp_path: Path, broken: str) -> None:
    (tmp_path / "a.csv").write_text(HEADER + row(1) + broken + "\n" + row(3, text='"two\nlines, one cell"') + row(4))
    events, rejected = read(tmp_path)
    assert [event.contact for event in events] == ["1", "3", "4"]
    assert events[1].text == "two\nlines, one cell"
    assert rejected == [
        f"a.csv, line 3: the row is {broken!r}; allowed is quotes that open and close around a whole cell. Close the quote, or double it inside a cell."
    ]


def test_row_with_too_many_columns_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + row(1, text="a,b") + row(2))
    events, rejected = read(tmp_path)
    assert [event.contact for event in events] == ["2"]
    assert "a.csv, line 2:" in rejected[0]
    assert (
        "allowed is 4 columns as in the header (it has 5). Look for a missing quote or an unquoted separator."
        in rejected[0]
    )


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            "1,yesterday,app,x",
            "a.csv, line 2: Created is 'yesterday'; allowed is an ISO 8601 time such as 2026-03-01T09:30:00Z. Correct the export, or the mapping of this column.",
        ),
        ("1,,app,x", "a.csv, line 2: Created is empty; allowed is a value in every row."),
        (
            "1,1970-01-01,app,x",
            "a.csv, line 2: Created is '1970-01-01T00:00:00+00:00'; allowed is a time from 2000-01-01 to 2026-06-02 00:00 UTC.",
        ),
        (
            "1,2026-06-03,app,x",
            "a.csv, line 2: Created is '2026-06-03T00:00:00+00:00'; allowed is a time from 2000-01-01 to",
        ),
        (",2026-05-01,app,x", "a.csv, line 2: Id is empty; allowed is a value in every row."),
        (f"{'9' * 201},2026-05-01,app,x", "allowed is text of length <= 200."),
    ],
)
def test_bad_cell_is_told_with_file_line_column_and_value(tmp_path: Path, cells: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(f"{HEADER}{cells}\n{row(2)}")
    events, (rejected,) = read(tmp_path)
    assert [event.contact for event in events] == ["2"]
    assert message in rejected


def test_wrong_type_and_value_are_told(tmp_path: Path) -> None:
    fields = {**FIELDS, "handle_s": "Text", "event": "Product"}
    (tmp_path / "a.csv").write_text(
        "Id,Created,Product,Text\n1,2026-05-01,opened,long\n2,2026-05-01,shut,3\n3,2026-05-01,opened,3\n"
    )
    events, rejected = read(tmp_path, mapping(tickets(fields=fields), rejected_share=1.0))
    assert [event.handle_s for event in events] == [3.0]
    assert "line 2: Text is 'long'; allowed is a number or null." in rejected[0]
    assert "line 3: Product is 'shut'; allowed is opened, updated." in rejected[1]


def test_reading_stops_when_most_rows_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + "".join(f"{number},soon,app,x\n" for number in range(100)))
    with pytest.raises(
        FatalError,
        match=r"^20 of the first 20 rows of a.csv cannot be used; the first: a.csv, line 2: Created is 'soon'; .* Correct the mapping, or raise rejected_share in it.$",
    ):
        read(tmp_path)


def test_rejects_are_logged_and_counted_by_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text(HEADER + row(1) + "x,y\n")
    log = RejectLog()
    assert len(list(read_events(tmp_path, mapping(), rejects=log, now=NOW))) == 1
    assert log.counts == Counter({"a.csv": 1})
    assert log.first[0].line == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_stops(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER)
    (tmp_path / "a.csv").chmod(0)
    with pytest.raises(FatalError, match=r"a.csv cannot be read: Permission denied"):
        read(tmp_path)


def test_endless_line_costs_itself_only(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + row(1, text="x" * 9_000_000) + row(2) + row(4, text="y" * 500_000))
    events, rejected = read(tmp_path)
    assert [event.contact for event in events] == ["2", "4"]
    assert rejected[0].startswith("a.csv, line 2: the row is '1,2026-05-01T10:00:00Z,app,xxx")
    assert rejected[0].endswith(
        "allowed is lines of up to 4,000,000 characters. Shorten the text, or check that this is a text file."
    )
    assert len(rejected) == 1


def test_text_longer_than_the_contract_allows_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + row(1, text="x" * 1_000_001) + row(2))
    events, (rejected,) = read(tmp_path)
    assert [event.contact for event in events] == ["2"]
    assert "a.csv, line 2: Text is 'xxx" in rejected
    assert "allowed is text of length <= 1000000." in rejected


def test_number_that_json_does_not_have_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "1", "score": NaN}\n{"id": "2", "more": {"x": 1e999}}\n')
    _, rejected = read(tmp_path, mapping(FileMap(glob="*.jsonl", topic="tickets", fields=FIELDS), rejected_share=1.0))
    assert rejected == [
        "a.jsonl, line 1: score is 'nan'; allowed is a finite number. Correct the export.",
        "a.jsonl, line 2: more.x is 'inf'; allowed is a finite number. Correct the export.",
    ]


def test_jsonl_with_nested_columns_numbers_and_broken_lines(tmp_path: Path) -> None:
    lines = [
        '{"id": 7, "at": 1777888800, "user": {"name": "jo"}, "tags": ["a", "b"], "minutes": 2.5}',
        "{broken",
        "[1]",
        "",
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    fields: dict[str, str | FieldMap] = {
        "contact": FieldMap(template="T{id}"),
        "event_id": FieldMap(template="{contact}"),
        "occurred_at": FieldMap(column="at", time_format="unix"),
        "customer": "user.name",
        "tags": "tags",
        "handle_s": "minutes",
    }
    events, rejected = read(tmp_path, mapping(FileMap(glob="*.jsonl", topic="tickets", fields=fields)))
    assert [(event.contact, event.event_id, event.customer, event.tags, event.handle_s) for event in events] == [
        ("T7", "T7", "jo", ("a", "b"), 2.5)
    ]
    assert events[0].occurred_at == datetime(2026, 5, 4, 10, tzinfo=UTC)
    assert rejected[0].startswith(
        "a.jsonl, line 2: the row is '{broken'; allowed is one JSON object a line (JSON is malformed"
    )
    assert rejected[1] == "a.jsonl, line 3: the row is '[1]'; allowed is a JSON object. Correct or remove the line."


def shaped(tmp_path: Path, field: str, one: FieldMap, cell: str) -> object:
    (tmp_path / "a.csv").write_text(f'Id,Created,Cell\n1,2026-05-01,"{cell}"\n')
    fields: dict[str, str | FieldMap] = {"contact": "Id", "event_id": "Id", "occurred_at": "Created", field: one}
    events, rejected = read(tmp_path, mapping(tickets(fields=fields, timezone="Europe/Berlin")))
    assert rejected == []
    return getattr(events[0], field)


@pytest.mark.parametrize(
    ("field", "one", "cell", "value"),
    [
        ("version", FieldMap(column="Cell", pattern=r"(\d+\.\d+)"), "App 5.2.1 (x64)", "5.2"),
        ("version", FieldMap(column="Cell", pattern=r"v(\d+)-(\d+)", take=r"\1.\2"), "v5-2", "5.2"),
        ("version", FieldMap(column="Cell", pattern=r"v\d+", otherwise=""), "none", ""),
        ("version", FieldMap(column="Cell", pattern=r"v\d+"), "none", "none"),
        ("platform", FieldMap(column="Cell", lower=True, values={"iphone": "ios"}), " iPhone ", "ios"),
        ("platform", FieldMap(column="Cell", values={"a": "b"}, otherwise="rest"), "c", "rest"),
        ("platform", FieldMap(column="Cell", replace=[("[0-9]+", ""), ("-", " ")]), "win-10", "win "),
        ("platform", FieldMap(column="Cell", default="web"), "", "web"),
        ("tags", FieldMap(column="Cell", split="|"), "a | b||c", ("a", "b", "c")),
        ("handle_s", FieldMap(column="Cell", decimal=","), "1.234,5", 1234.5),
        ("exposed", FieldMap(column="Cell", json=True), '{""promo"": ""control""}', {"promo": "control"}),
        ("product", FieldMap(value="app"), "", "app"),
        ("subject", FieldMap(template="{contact}: {Cell?}"), "", "1:"),
        ("subject", FieldMap(template="{contact}: {Cell}"), "", ""),
        (
            "occurred_at",
            FieldMap(column="Cell", time_format="%d.%m.%Y %H:%M"),
            "01.03.2026 10:30",
            datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        ),
        ("occurred_at", FieldMap(column="Cell"), "2026-05-01 12:00", datetime(2026, 5, 1, 10, tzinfo=UTC)),
        (
            "occurred_at",
            FieldMap(column="Cell", time_format="unix_ms"),
            "1777888800123",
            datetime(2026, 5, 4, 10, 0, 0, 123_000, tzinfo=UTC),
        ),
        (
            "occurred_at",
            FieldMap(column="Cell"),
            "2026-05-01T12:00:00.123456+00:00",
            datetime(2026, 5, 1, 12, 0, 0, 123_000, tzinfo=UTC),
        ),
    ],
)
def test_field_is_shaped_as_the_mapping_says(
    tmp_path: Path, field: str, one: FieldMap, cell: str, value: object
) -> None:
    assert shaped(tmp_path, field, one, cell) == value


def test_rows_can_be_chosen_and_columns_kept(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + row(1) + row(2).replace("app", "web"))
    events, rejected = read(tmp_path, mapping(tickets(where={"Product": ["web"]}, extra=["Text"])))
    assert [(event.contact, event.extra) for event in events] == [("2", {"Text": "fine"})]
    assert rejected == []


def test_rows_without_id_get_one_from_their_content(tmp_path: Path) -> None:
    fields = {name: one for name, one in FIELDS.items() if name != "event_id"}
    (tmp_path / "a.csv").write_text(HEADER + row(1) + row(1) + row(2))
    first, _ = read(tmp_path, mapping(tickets(fields=fields)))
    again, _ = read(tmp_path, mapping(tickets(fields=fields)))
    assert first == again
    assert len({event.event_id for event in first}) == 3


def test_empty_needed_blank_of_a_template_is_told(tmp_path: Path) -> None:
    fields = {**FIELDS, "contact": FieldMap(template="{Product} {Id}")}
    (tmp_path / "a.csv").write_text(HEADER + row(1).replace("app", "") + row(2))
    events, (rejected,) = read(tmp_path, mapping(tickets(fields=fields)))
    assert [event.contact for event in events] == ["app 2"]
    assert "a.csv, line 2: Product is empty; allowed is a value, which '{Product} {Id}' needs." in rejected


def shared() -> Path:
    folder = Path(os.environ.get("WHENCE_SHARED", ROOT.parent / "shared")) / "data" / "firefox"
    if not folder.is_dir():
        pytest.skip(f"the shared Firefox data is not in {folder}")
    return folder


@pytest.mark.firefox
def test_firefox_folder_becomes_events() -> None:
    rejects = RejectLog()
    events = list(read_events(shared(), load_mapping(ROOT / "examples" / "firefox.toml"), rejects=rejects))
    assert rejects.counts.total() == 0
    assert Counter(topic.name for topic, _ in events) == {"tickets": 72_124, "releases": 189, "changes": 2}
    times = [event.occurred_at for _, event in events]
    assert times == sorted(times)
    changes = {getattr(event, "change", "") for topic, event in events if topic.name != "tickets"}
    assert {"Firefox 65.0", "Firefox for Android 68.0", "addons-cert-2019-05", "cloud-http3-2022-01"} <= changes
    assert len(changes) == 191


def test_zendesk_example_reads_a_european_export(tmp_path: Path) -> None:
    header = "Id;Created at;Requester email;Subject;Description;Category;Brand;Operating system;App version;Country;Locale;Tags;Group;Handle time (s);Ticket form"
    rows = [
        '7;29.03.2026 03:30;jo@example.org;Größe;"Zeile 1\nZeile 2; mehr";Billing;Shop;iPhone OS;App 5.2.1 (88);UK;de;vip app;Team A;1.234,5;Web',
        "8;01.02.2026 09:00;ann@example.org;x;y;;App;Windows;;DE;de;;Team A;;Web",
        "9;01.02.2026 10:00;ann@example.org;x;y;;Other brand;Windows;;DE;de;;Team A;;Web",
        "10;31.02.2026 10:00;ann@example.org;x;y;;App;Windows;;DE;de;;Team A;;Web",
    ]
    (tmp_path / "tickets-2026.csv").write_bytes("\r\n".join([header, *rows]).encode("cp1252"))
    (tmp_path / "releases.csv").write_text(
        'Product,Platforms,Version,Released,Team,Notes\nShop,"iOS,Android",5.2.1,2026-03-01 10:00,Checkout,New form\n'
    )
    rejects: list[RejectedRow] = []
    events = [
        event
        for _, event in read_events(
            tmp_path, load_mapping(ROOT / "examples" / "zendesk.toml"), rejects=rejects.append, now=NOW
        )
    ]
    first, release, second = events
    assert isinstance(first, Ticket)
    assert (first.event_id, first.topic, first.product, first.platform, first.version) == (
        "zd-8",
        "other",
        "app",
        "web",
        "",
    )
    assert isinstance(second, Ticket)
    assert second.occurred_at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert (second.text, second.subject, second.region, second.platform) == (
        "Zeile 1\nZeile 2; mehr",
        "Größe",
        "GB",
        "ios",
    )
    assert (second.handle_s, second.tags, second.extra) == (1234.5, ("vip", "app"), {"Ticket form": "Web"})
    assert isinstance(release, Release)
    assert (release.change, release.platforms, release.released_at) == (
        "shop 5.2.1",
        ("ios", "android"),
        datetime(2026, 3, 1, 9, tzinfo=UTC),
    )
    assert [str(row) for row in rejects] == [
        "tickets-2026.csv, line 6: Created at is '31.02.2026 10:00'; allowed is a time like '%d.%m.%Y %H:%M'. Correct the export, or the mapping of this column."
    ]
