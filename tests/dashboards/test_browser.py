"""The page in a real Chromium: it loads, shows what the data holds, and says nothing on the console."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
import uvicorn
from fastapi import APIRouter, FastAPI
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, expect
from playwright.sync_api import Error as BrowserError

from dashboards.page import FEEDBACK, create_app
from dashboards.query import Query, Row
from schemas.health import Health
from tests.dashboards.story import NOW
from tools.screenshot import LAPTOP, PHONE, Look, browser, chromium, new_page, visit

pytestmark = pytest.mark.browser
PICTURES = Path(__file__).parents[2] / "build" / "screenshots"
PARTS = [Health(part="admit", alive=True, ready=True, detail="4 partitions, none behind"), Health(part="sink", alive=True, ready=False, detail="ClickHouse is away; trying again in 8 s")]  # fmt: skip
TOKEN = "only for this test"
TIMES = "\N{MULTIPLICATION SIGN}"
LOOKS: dict[str, tuple[ViewportSize, Literal["light", "dark"]]] = {
    "light": (LAPTOP, "light"), "dark": (LAPTOP, "dark"), "phone": (PHONE, "light"),
}  # fmt: skip
FITS = "document.documentElement.scrollWidth === document.documentElement.clientWidth"
PLAIN = Look(sharpness=1)
expect.set_options(timeout=20_000)
PLACES = {
    "now": "/now",
    "spike": "/spikes/sp-login?workspace=acme",
    "releases": "/releases",
    "campaigns": "/campaigns",
    "bill": "/bill?span=all",
    "changes": "/changes",
    "pipeline": "/pipeline",
}


class Switch:
    """A query that can be made to fail."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self.away = False
        self.why = "Connection refused"

    def __call__(self, sql: str, parameters: Mapping[str, object]) -> Sequence[Row]:
        if self.away:
            raise ConnectionError(self.why)
        return self.query(sql, parameters)


@contextmanager
def served(query: Query, token: str | None = None) -> Iterator[str]:
    """The page on a free port of this machine."""
    with serving(create_app(query, lambda: PARTS, token)) as url:
        yield url


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """An app on a free port of this machine."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as opened:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{opened.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("no Chromium: install one, or name it in WHENCE_CHROMIUM")
    with browser(program) as opened:
        yield opened


@pytest.fixture(scope="module")
def site(filled: Query) -> Iterator[str]:
    with served(filled) as url:
        yield url


@contextmanager
def shown(chrome: Browser, url: str, look: Look = PLAIN, *, token: str | None = None) -> Iterator[Page]:
    """The page at an address; at the end its console must have stayed silent."""
    page = new_page(chrome, look, token)
    said: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        said.append(f"{message.type}: {message.text}")

    page.on("console", listen)
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    try:
        visit(page, url)
        yield page
        assert said == []
    finally:
        page.context.close()


def check_structure(page: Page) -> None:
    """Landmarks, one heading of the first rank, named sections, and every chart as a table too."""
    for role in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(role)).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    bare = "[...document.querySelectorAll('figure')].filter((one) => !one.querySelector('table')).map((one) => one.outerHTML)"
    assert page.evaluate(bare) == []
    named = "[...document.querySelectorAll('section')].every((one) => document.getElementById(one.getAttribute('aria-labelledby')))"
    assert page.evaluate(named)


@pytest.mark.parametrize("place", PLACES)
def test_page_fits_laptop_and_phone_light_and_dark_and_its_console_stays_silent(
    place: str, site: str, chrome: Browser
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with shown(chrome, site + PLACES[place]) as page:
        check_structure(page)
        for look, (size, scheme) in LOOKS.items():
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(200)
            try:  # charts follow a new width in frames of their own
                page.wait_for_function(FITS, timeout=20_000)
            except BrowserError as error:
                raise AssertionError(f"something sticks out in {look}") from error
            page.screenshot(path=PICTURES / f"{place}-{look}.png", full_page=True)


def test_now_shows_the_open_spike_with_its_cause(site: str, chrome: Browser) -> None:
    with shown(chrome, f"{site}/") as page:
        expect(page.get_by_role("heading", level=1)).to_contain_text("1 spike is open")
        row = page.get_by_role("table", name="Spikes, open ones first").get_by_role("row", name="App 5.2.0")
        expect(row).to_contain_text("open")
        expect(row).to_contain_text("97%")
        expect(row).to_contain_text("+231")
        expect(row).to_contain_text("194 to 270")
        expect(row).to_contain_text("mobile-core")


def test_chart_is_drawn_and_said_in_words_and_numbers(site: str, chrome: Browser) -> None:
    with shown(chrome, f"{site}/now") as page:
        chart = page.get_by_role("img", name="Contacts over")
        canvas = chart.locator("canvas").element_handle()
        page.wait_for_function(
            "(canvas) => canvas.width > 0 && canvas.toDataURL().length > 10000", arg=canvas, timeout=20_000
        )
        page.get_by_text("The chart as a table").first.click()
        expect(
            page.get_by_role("table", name="Contacts and their expectation over time").get_by_role("row")
        ).to_have_count(121)


def test_a_spike_is_reached_by_keyboard_and_its_address_can_be_shared(site: str, chrome: Browser) -> None:
    with shown(chrome, f"{site}/now?workspace=acme&span=1w") as page:
        page.get_by_role("table", name="Spikes").get_by_role("link", name="Release: App 5.2.0").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("caused 231 more contacts")
        expect(page).to_have_url(f"{site}/spikes/sp-login?workspace=acme&span=1w")
        expect(page.locator(".eyebrow")).to_contain_text("the answer is as of 12:34")
        page.go_back()
        expect(page.get_by_role("heading", level=1)).to_contain_text("1 spike is open")


def test_a_spike_shows_candidates_evidence_quotes_and_words(site: str, chrome: Browser) -> None:
    with shown(chrome, f"{site}/spikes/sp-login") as page:
        candidates = page.locator(".candidate")
        expect(candidates).to_have_count(3)
        expect(candidates.first).to_contain_text("App 5.2.0")
        expect(candidates.first).to_contain_text(f"13 {TIMES} likelier")
        expect(candidates.first).to_contain_text(f"3 {TIMES} less likely")
        expect(candidates.nth(1).get_by_text("The web is as usual.")).to_be_hidden()
        candidates.nth(1).locator("summary").click()
        expect(candidates.nth(1).get_by_text("The web is as usual.")).to_be_visible()
        expect(page.locator(".chip-redacted").first).to_have_text("email")
        expect(page.get_by_role("row", name="face id")).to_contain_text("41%")


def test_a_refresh_closes_nothing_that_the_reader_opened(filled: Query, chrome: Browser) -> None:
    switch = Switch(filled)
    with served(switch) as url, shown(chrome, f"{url}/spikes/sp-login") as page:
        page.clock.install()
        page.reload()
        summary = page.locator(".candidate").nth(1).locator("summary")
        summary.click()
        summary.focus()
        canvas = page.locator("canvas").element_handle()
        with page.expect_response("**/api/views/spike*"):
            page.clock.fast_forward(5_000)
        page.get_by_role("button", name="Theme").dispatch_event("click")
        expect(page.locator(".candidate").nth(1).locator("details")).to_have_attribute("open", "")
        assert summary.evaluate("(element) => element === document.activeElement")
        assert canvas is not None
        assert canvas.evaluate("(element) => element.isConnected")


def test_an_empty_store_says_how_to_begin(empty: Query, chrome: Browser) -> None:
    with served(empty) as url, shown(chrome, f"{url}/now") as page:
        expect(page.get_by_text("No contacts yet.")).to_be_visible()
        expect(page.get_by_text("whence demo")).to_be_visible()


def test_a_store_that_goes_away_is_said_and_healing_takes_it_back(filled: Query, chrome: Browser) -> None:
    switch = Switch(filled)
    with served(switch) as url:
        page = new_page(chrome, PLAIN)
        page.clock.install()
        visit(page, f"{url}/now")
        switch.away = True
        page.clock.fast_forward(5_000)
        notice = page.locator("#notice")
        expect(notice).to_have_text("ClickHouse does not answer: Connection refused. Trying again.")
        expect(page.get_by_role("heading", level=1)).to_contain_text("1 spike is open")
        switch.why = "a_word_" * 40
        page.clock.fast_forward(10_000)
        expect(notice).to_contain_text(switch.why)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        switch.away = False
        page.clock.fast_forward(10_000)
        expect(notice).to_be_hidden()
        page.context.close()


REPLAY = ". The input is a replay: its time is its own."


@pytest.mark.parametrize(
    ("progress", "later", "told"),
    [
        ("clock", timedelta(minutes=5), ("dot good", " · 5 min ago", ", 5 min behind the clock.")),
        ("clock", timedelta(minutes=40), ("dot waiting", " · 40 min behind", ", 40 min behind the clock.")),
        ("clock", timedelta(days=3), ("dot waiting", " · 3 days behind", ", 3 days behind the clock.")),
        ("input", timedelta(minutes=5), ("dot ", " · replay", REPLAY)),
        ("", timedelta(minutes=5), ("dot good", " · 5 min ago", ", 5 min behind the clock.")),
        ("", timedelta(days=3), ("dot ", " · replay", REPLAY)),
    ],
    ids=["on time", "late", "days late", "a replay", "undeclared, near", "undeclared, far"],
)
def test_what_is_late_looks_late_and_a_replay_like_one(
    filled: Query, chrome: Browser, progress: str, later: timedelta, told: tuple[str, str, str]
) -> None:
    with serving(create_app(filled, lambda: PARTS, progress={"acme": progress})) as url:
        page = new_page(chrome, PLAIN)
        page.clock.set_fixed_time(NOW + later)
        visit(page, f"{url}/pipeline")
        looks, says, sentence = told
        expect(page.locator(".fresh .dot")).to_have_attribute("class", looks)
        expect(page.locator(".fresh .lag")).to_have_text(says)
        expect(page.locator(".headline p")).to_contain_text(sentence)
        page.context.close()


def test_a_figure_and_its_unit_stay_on_one_line(site: str, chrome: Browser) -> None:
    with shown(chrome, f"{site}/changes") as page:
        kept = page.locator(".sure-text, td.whole").evaluate_all(
            "all => all.map(one => getComputedStyle(one).whiteSpace)"
        )
        assert set(kept) == {"nowrap"}


def test_signing_in_leads_to_the_page_asked_for(filled: Query, chrome: Browser) -> None:
    with served(filled, TOKEN) as url:
        page = new_page(chrome, PLAIN)
        page.goto(f"{url}/pipeline")
        page.get_by_label("Token").fill(TOKEN)
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / "sign-in.png")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("1 part is not ready")
        expect(page).to_have_url(f"{url}/pipeline")
        page.context.close()


def test_what_customers_wrote_is_text_never_markup(filled: Query, chrome: Browser) -> None:
    def hostile(sql: str, parameters: Mapping[str, object]) -> Sequence[Row]:
        rows = filled(sql, parameters)
        return [{**row, "text": "<img src=x onerror=alert(1)><b>bold</b>"} if "text" in row else row for row in rows]

    with served(hostile) as url, shown(chrome, f"{url}/spikes/sp-login") as page:
        expect(page.locator("blockquote").first).to_contain_text("onerror=alert(1)")
        expect(page.locator("blockquote img")).to_have_count(0)


def test_time_is_the_viewers_with_utc_at_hand(site: str, chrome: Browser) -> None:
    with shown(chrome, f"{site}/now", Look(zone="Asia/Kolkata")) as page:
        fresh = page.locator(".fresh time")
        expect(fresh).to_contain_text("21:10")
        expect(fresh).to_have_attribute("title", "2026-03-12 15:40 UTC")
        page.get_by_role("button", name="Asia/Calcutta").or_(page.get_by_role("button", name="Asia/Kolkata")).click()
        expect(fresh).to_contain_text("15:40")


def test_theme_can_be_chosen_and_is_kept(site: str, chrome: Browser) -> None:
    with shown(chrome, f"{site}/now", Look(scheme="light")) as page:
        page.get_by_role("button", name="Theme: auto").click()
        page.get_by_role("button", name="Theme: light").click()
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_release_is_chosen_from_a_list_and_the_choice_is_in_the_address(site: str, chrome: Browser) -> None:
    with shown(chrome, f"{site}/releases") as page:
        expect(page.get_by_role("heading", level=1)).to_contain_text("1 of 4 releases brought contacts")
        expect(page.get_by_role("heading", name="App 5.2.0")).to_be_visible()
        page.get_by_role("combobox", name="Release").select_option("web-2026-10")
        expect(page).to_have_url(re.compile(r"change=web-2026-10"))
        expect(page.get_by_text("no spike is attributed to it")).to_be_visible()
        page.reload()
        expect(page.get_by_role("combobox", name="Release")).to_have_value("web-2026-10")


def test_a_campaign_says_what_was_planned_told_and_promised(site: str, chrome: Browser) -> None:
    with shown(chrome, f"{site}/campaigns?change=spring-20") as page:
        expect(page.get_by_text("40 contacts were planned")).to_contain_text("+164 (138 to 192) came")
        expect(page.get_by_text("Support was told 2 h after the launch.")).to_be_visible()
        expect(page.get_by_role("row", name="Spring sale")).to_contain_text("over plan")
        expect(page.get_by_role("row", name="Summer preview")).to_contain_text("briefing")
        expect(page.get_by_text("Sorry, I have no information about this offer.").first).to_be_visible()
        expect(page.locator(".promises li")).to_have_count(2)


def test_the_bill_names_owners_repeats_and_what_nobody_owns(site: str, chrome: Browser) -> None:
    with shown(chrome, f"{site}/bill?span=all") as page:
        expect(page.get_by_role("heading", level=1)).to_contain_text("Changes upstream brought")
        expect(page.get_by_role("table", name="What keeps coming back").get_by_role("row")).to_have_count(2)
        page.get_by_role("table", name="Spikes that nobody owns").get_by_role("link").first.click()
        expect(page).to_have_url(re.compile("/spikes/sp-none"))


def test_the_page_takes_a_word_where_somebody_serves_it(filled: Query, chrome: Browser) -> None:
    app = create_app(filled, lambda: PARTS)
    taken: list[dict[str, str]] = []

    router = APIRouter()

    @router.post(FEEDBACK)
    def take(said: dict[str, str]) -> dict[str, str]:
        taken.append(said)
        return {}

    app.include_router(router)
    with serving(app) as url, shown(chrome, f"{url}/spikes/sp-login") as page:
        page.get_by_label("Your name").fill("Jo")
        page.get_by_role("button", name="Take it").click()
        expect(page.get_by_text("Noted: it is yours.")).to_be_visible()
        page.get_by_role("button", name="Reject it").click()
        expect(page.get_by_text("Noted: the cause is wrong.")).to_be_visible()
        page.get_by_label("It was").select_option("measurement")
        page.get_by_role("button", name="Say so").click()
        expect(page.get_by_text("Noted: it was something else.")).to_be_visible()
    assert [(one["verdict"], one["cause"], one["who"]) for one in taken] == [
        ("own", "", "Jo"),
        ("reject", "app-5.2.0", "Jo"),
        ("reassign", "measurement", "Jo"),
    ]
    assert {(one["workspace"], one["spike"]) for one in taken} == {("acme", "sp-login")}


def test_without_a_place_for_words_the_page_says_where_else(site: str, chrome: Browser) -> None:
    with shown(chrome, f"{site}/spikes/sp-login") as page:
        expect(page.get_by_text("This page cannot take your word here")).to_be_visible()
        expect(page.get_by_role("button", name="Confirm the cause")).to_have_count(0)
        expect(page.get_by_text("confirmed the cause")).to_be_visible()


def test_names_are_there_for_screen_readers(site: str, chrome: Browser) -> None:
    with shown(chrome, f"{site}/spikes/sp-login") as page:
        for role in ("banner", "main", "contentinfo"):
            expect(page.get_by_role(role)).to_have_count(1)
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        nameless = page.evaluate(
            "[...document.querySelectorAll('button, a, select, [role=img]')]"
            ".filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).map((e) => e.outerHTML)"
        )
        assert nameless == []


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("signed(Math.round(-0.3))", "0"),
        ("signed(-0.04)", "0"),
        ("signed(0.04)", "0"),
        ("span(Math.round(-0.3), 4)", "0 to 4"),
        ("number(-0.04)", "0"),
        ("signed(-12)", "\N{MINUS SIGN}12"),
        ("signed(2.46)", "+2.5"),
    ],
)
def test_nought_has_no_sign(call: str, said: str, site: str, chrome: Browser) -> None:
    with shown(chrome, f"{site}/now") as page:
        assert page.evaluate(f"import('/static/format.js').then(({{ number, signed, span }}) => {call})") == said


def test_a_count_at_the_foot_of_its_interval_is_explained(filled: Query, chrome: Browser) -> None:
    def faded(sql: str, parameters: Mapping[str, object]) -> Sequence[Row]:
        return [{**row, "excess_low": row["excess"]} if "surprise" in row else row for row in filled(sql, parameters)]

    note = "Counted up to its stated end; the interval also holds what may have come after, as it faded."
    for query, count in ((faded, 1), (filled, 0)):
        with served(query) as url, shown(chrome, f"{url}/spikes/sp-sale") as page:
            expect(page.locator(".facts")).to_contain_text("Excess contacts")
            expect(page.get_by_text(note)).to_have_count(count)
