from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from dashboards.access import COOKIE, SESSION_S, Access
from dashboards.headers import HEADERS
from dashboards.page import create_app
from dashboards.panels import VIEW_NAMES
from dashboards.query import Query, Row
from schemas.errors import FatalError
from schemas.health import Health

TOKEN = "a long token that nobody guesses"
PARTS = [Health(part="sink", alive=True, ready=False, detail="waiting for ClickHouse")]


class Client:
    """A browser of sorts: keeps cookies, follows nothing."""

    def __init__(self, query: Query, token: str | None) -> None:
        self._app = create_app(query, lambda: PARTS, token)
        self._cookies = httpx.Cookies()

    def get(self, path: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._send("GET", path, **options))

    def post(self, path: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._send("POST", path, **options))

    async def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", cookies=self._cookies) as client:
            got = await client.request(method, path, **options)
            self._cookies.update(client.cookies)
            return got


def page(query: Query, token: str | None = None) -> Client:
    return Client(query, token)


def broken(sql: str, parameters: Mapping[str, object]) -> Sequence[Row]:
    raise ConnectionError("Connection refused\nstack …")


def answer(client: Client, path: str) -> Any:
    got = client.get(path)
    assert got.status_code == 200, got.text
    return got.json()


@pytest.mark.parametrize("view", VIEW_NAMES)
def test_every_view_answers_with_all_its_panels_and_no_error(view: str, filled: Query) -> None:
    said = answer(page(filled), f"/api/views/{view}?spike=sp-login&span=1w")
    assert {name: panel.get("error") for name, panel in said["panels"].items() if panel.get("error")} == {}
    assert all(panel["rows"] for panel in said["panels"].values())


@pytest.mark.parametrize("view", VIEW_NAMES)
def test_every_view_of_an_empty_store_says_what_that_means(view: str, empty: Query) -> None:
    said = answer(page(empty), f"/api/views/{view}")
    assert (said["workspace"], said["workspaces"]) == (None, [])
    assert all(panel["empty"] and panel["rows"] == [] for panel in said["panels"].values())


def test_now_is_the_storys_time_not_the_clocks(filled: Query) -> None:
    said = answer(page(filled), "/api/views/now?span=6h")
    assert said["now"] == 1773330000000
    assert said["until"] <= said["now"]
    assert said["until"] - said["since"] == 6 * 3600 * 1000


def test_now_shows_the_spike_with_cause_sureness_and_interval(filled: Query) -> None:
    spike = answer(page(filled), "/api/views/now")["panels"]["spikes"]["rows"][0]
    assert (spike["state"], spike["title"], spike["probability"], spike["owner"]) == (
        "open",
        "App 5.2.0",
        0.97,
        "mobile-core",
    )
    assert spike["excess_low"] < spike["excess"] < spike["excess_high"]


def test_an_unknown_span_or_workspace_falls_back_to_the_default(filled: Query) -> None:
    said = answer(page(filled), "/api/views/now?span=century&workspace=nobody")
    assert (said["span"], said["workspace"]) == ("1d", "acme")


def test_a_spike_that_is_not_there_is_no_error(filled: Query) -> None:
    said = answer(page(filled), "/api/views/spike?spike=gone")
    assert said["panels"]["spike"]["rows"] == []


def test_health_of_the_parts_comes_with_every_view(filled: Query) -> None:
    assert answer(page(filled), "/api/views/pipeline")["health"] == [
        {"part": "sink", "alive": True, "ready": False, "detail": "waiting for ClickHouse"}
    ]


def test_what_has_not_changed_is_not_sent_again(filled: Query) -> None:
    """Ages and spans follow the clock, so two answers may lie on both sides of a second; not time and again."""
    client = page(filled)
    answers = []
    for _ in range(5):
        first = client.get("/api/views/now")
        again = client.get("/api/views/now", headers={"If-None-Match": first.headers["etag"]})
        answers.append((again.status_code, again.content))
    assert (304, b"") in answers


def test_an_unknown_view_is_refused_with_the_known_ones(filled: Query) -> None:
    got = page(filled).get("/api/views/then")
    assert (got.status_code, got.json()) == (
        404,
        {"error": "There is no view 'then'; there are now, spike, releases, campaigns, bill, changes, pipeline."},
    )


def test_a_store_that_is_away_gives_one_sentence_and_503() -> None:
    got = page(broken).get("/api/views/now")
    assert got.status_code == 503
    assert got.json() == {"error": "ClickHouse does not answer: Connection refused. Trying again."}


def test_a_stores_own_sentence_is_not_said_twice() -> None:
    def away(sql: str, parameters: Mapping[str, object]) -> Sequence[Row]:
        raise FatalError("No ClickHouse answers at store:8123: Connection refused", remedy="Start it.")

    got = page(away).get("/api/views/now")
    assert got.json() == {"error": "No ClickHouse answers at store:8123: Connection refused. Start it. Trying again."}


def test_a_panel_that_fails_fails_alone(filled: Query) -> None:
    def half_broken(sql: str, parameters: Mapping[str, object]) -> Sequence[Row]:
        if "changes_now" in sql:
            raise ValueError("Code: 60. Unknown table changes_now")
        return filled(sql, parameters)

    panels = answer(page(half_broken), "/api/views/now")["panels"]
    assert panels["changes"]["error"] == "This could not be read from the store: Code: 60. Unknown table changes_now"
    assert panels["volume"]["rows"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/now",
        "/changes",
        "/pipeline",
        "/spikes/a%2Fb",
        "/spikes/sp-login?workspace=acme",
        "/login",
        "/static/app.js",
        "/api/views/now",
        "/nowhere",
    ],
)
def test_every_answer_has_the_security_headers(path: str, filled: Query) -> None:
    got = page(filled).get(path)
    assert {name: got.headers.get(name) for name in HEADERS} == HEADERS
    assert "unsafe" not in got.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/", "/now", "/changes", "/pipeline", "/spikes/sp-login"])
def test_pages_run_no_inline_script_and_load_nothing_from_elsewhere(path: str, filled: Query) -> None:
    html = page(filled).get(path).text
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"""(?:src|href)=["'](?!/|#)""", html)
    assert "style=" not in html


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8750", "127.0.0.1.evil.example", ""])
def test_without_a_token_only_loopback_names_are_answered(host: str, filled: Query) -> None:
    got = page(filled).get("/api/views/now", headers={"Host": host})
    assert got.status_code == 421
    assert got.json()["detail"].startswith("This page answers only under localhost or 127.0.0.1")


@pytest.mark.parametrize("host", ["localhost:8750", "127.0.0.1:1", "[::1]:8750", "localhost"])
def test_loopback_names_are_answered_with_any_port(host: str, filled: Query) -> None:
    assert page(filled).get("/api/views/now", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer "},
        {"Cookie": f"{COOKIE}=99999999999.00"},
        {"Cookie": f"{COOKIE}={TOKEN}"},
        {"Cookie": f"{COOKIE}=²."},
    ],
)
def test_with_a_token_data_needs_it(headers: dict[str, str], filled: Query) -> None:
    got = page(filled, TOKEN).get("/api/views/now", headers={name: value.encode() for name, value in headers.items()})
    assert (got.status_code, got.headers["www-authenticate"]) == (401, "Bearer")
    assert got.json() == {"error": "This needs the token: send it as `Authorization: Bearer …`, or sign in at /login."}


def test_the_token_in_the_header_is_welcome(filled: Query) -> None:
    got = page(filled, TOKEN).get(
        "/api/views/now", headers={"Authorization": f"Bearer {TOKEN}", "Host": "whence.example"}
    )
    assert got.status_code == 200


def test_a_page_without_session_leads_to_the_form_and_back(filled: Query) -> None:
    client = page(filled, TOKEN)
    away = client.get("/spikes/sp-login")
    assert (away.status_code, away.headers["location"]) == (303, "/login?next=/spikes/sp-login")
    assert 'value="/spikes/sp-login"' in client.get(away.headers["location"]).text
    back = client.post("/login", data={"token": TOKEN, "next": "/spikes/sp-login"})
    assert (back.status_code, back.headers["location"]) == (303, "/spikes/sp-login")
    assert client.get("/api/views/now").status_code == 200


def test_the_session_is_unreadable_to_scripts_and_never_the_token(filled: Query) -> None:
    cookie = page(filled, TOKEN).post("/login", data={"token": TOKEN}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie


def test_a_wrong_token_is_told_so_and_gets_no_session(filled: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.page._WRONG_TOKEN_PAUSE_S", 0.0)
    got = page(filled, TOKEN).post("/login", data={"token": "guess"})
    assert (got.status_code, "set-cookie" in got.headers) == (403, False)
    assert "That is not the token." in got.text


def test_a_session_ends(filled: Query) -> None:
    response = Response()
    Access(token=TOKEN, clock=lambda: 1000.0).admit(response, secure=True)
    cookie = response.headers["set-cookie"].split(";")[0].encode()
    request = Request({"type": "http", "headers": [(b"cookie", cookie)]})
    assert Access(token=TOKEN, clock=lambda: 999.0 + SESSION_S).verdict(request) == "welcome"
    assert Access(token=TOKEN, clock=lambda: 1000.0 + SESSION_S).verdict(request) == "who_are_you"
    assert Access(token="another", clock=lambda: 1001.0).verdict(request) == "who_are_you"


@pytest.mark.parametrize("path", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_signing_in_never_leads_to_another_site(path: str, filled: Query) -> None:
    got = page(filled, TOKEN).post("/login", data={"token": TOKEN, "next": path})
    assert got.headers["location"] == "/"


def test_the_forms_words_are_escaped(filled: Query) -> None:
    html = page(filled, TOKEN).get("/login", params={"next": '/"><script>alert(1)</script>'}).text
    assert "<script>alert" not in html


def test_an_endless_form_is_cut_off(filled: Query) -> None:
    assert page(filled, TOKEN).post("/login", content=b"token=" + b"x" * 10_000).status_code == 413


def test_access_never_shows_its_token() -> None:
    assert TOKEN not in repr(Access(token=TOKEN))


def test_static_files_are_all_packaged() -> None:
    root = Path(__file__).parents[2]
    patterns = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["dashboards"]
    packaged = {path for pattern in patterns for path in (root / "dashboards").glob(pattern) if path.is_file()}
    assert packaged == {path for path in (root / "dashboards/static").rglob("*") if path.is_file()}
