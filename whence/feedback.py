"""``whence feedback``, and how the page takes people's word."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import get_args

import httpx
import msgspec
from fastapi import APIRouter, HTTPException, Request

from dashboards.access import Access
from schemas.broker import Broker
from schemas.errors import FatalError, RetryableError, WhenceError
from schemas.links import Verdict
from sinks.store import StoreAway
from sources.feedback import Ear, Guard, Leading, Links, Word, WordRefused, create_feedback_router
from whence.alerts import link_secret
from whence.errors import DataRefused, SettingsError
from whence.settings import Settings
from whence.show import print_json, say
from whence.store import store_query

ASK_WITHIN_S = 15.0
_LEADING = """
SELECT if(cause_key = '', cause_kind, cause_key) AS cause FROM attributions_now
WHERE workspace = {workspace:String} AND spike_id = {spike:String}
"""


def feedback_router(settings: Settings, broker: Broker) -> APIRouter:
    """The routes by which people answer, behind the page's own door."""
    ear = Ear(broker, leading=leading_of(settings))
    links = Links(link_secret(settings), settings.alerts.link_days)
    return create_feedback_router(ear, links, _guard(settings))


def leading_of(settings: Settings) -> Leading:
    """The likeliest cause of a spike, as the store has it."""
    query = store_query(settings.store)

    def leading(workspace: str, spike: str) -> str | None:
        rows = query(_LEADING, {"workspace": workspace, "spike": spike})
        return str(rows[0]["cause"]) if rows else None

    return leading


def _guard(settings: Settings) -> Guard:
    access = Access(token=settings.web.token.get_secret_value() or None)

    def guard(request: Request) -> None:
        verdict = access.verdict(request)
        if verdict == "unknown_host":
            raise HTTPException(421, "This page answers only under localhost or 127.0.0.1 as long as it has no token.")
        if verdict == "who_are_you":
            raise HTTPException(
                401, "This needs the token: send it as `Authorization: Bearer …`, or sign in at /login."
            )

    return guard


def run_feedback(
    settings: Settings,
    spike: str,
    verdict: str,
    about: str,
    *,
    workspace: str | None,
    who: str,
    note: str,
    as_json: bool,
) -> None:
    """Say something about a spike's cause.

    Raises:
        SettingsError: the workspace has to be named, or the verdict is none.
        DataRefused: there is no such spike, or a cause is missing.
        RetryableError, FatalError: the broker, or the page, does not take it.
    """
    word = _word(settings, spike, verdict, about, workspace=workspace, who=who, note=note)
    send: Callable[[Settings, Word], str] = _by_page if settings.broker.embedded else _by_broker
    try:
        event_id = send(settings, word)
    except (WordRefused, StoreAway) as error:
        raise DataRefused(str(error)) from None
    if as_json:
        print_json({"accepted": event_id, "word": msgspec.to_builtins(word)})
    else:
        say(
            f"Recorded for {word.who}: {verdict} {about or 'the likeliest cause' if verdict != 'own' else about}".rstrip()
            + f" (spike {spike})."
        )


def _word(
    settings: Settings, spike: str, verdict: str, about: str, *, workspace: str | None, who: str, note: str
) -> Word:
    if verdict not in get_args(Verdict):
        raise SettingsError(f"the verdict is {verdict!r}; allowed is one of {', '.join(get_args(Verdict))}")
    names = [one.name for one in settings.workspaces]
    if workspace is None and len(names) > 1:
        raise SettingsError(f"--workspace is missing; allowed is one of {', '.join(names)}")
    try:
        return msgspec.convert(
            {
                "workspace": workspace if workspace is not None else names[0],
                "spike": spike,
                "verdict": verdict,
                "cause": about,
                "who": who or getpass.getuser(),
                "note": note,
            },
            Word,
        )
    except msgspec.ValidationError as error:
        raise SettingsError(f"feedback: {error}") from None


def _by_broker(settings: Settings, word: Word) -> str:
    ear = Ear(settings.broker.broker(), leading=leading_of(settings))
    return ear.hear(word, source="cli").event_id


def _by_page(settings: Settings, word: Word) -> str:
    """An embedded broker can only be reached through the page of its process."""
    token = settings.web.token.get_secret_value()
    url = f"http://{settings.web.address}:{settings.web.port}/api/feedback"
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    try:
        answer = httpx.post(
            url, content=msgspec.json.encode(word), headers=headers, timeout=ASK_WITHIN_S, trust_env=False
        )
    except httpx.HTTPError as error:
        raise FatalError(
            f"The page at {url} does not answer ({type(error).__name__})",
            remedy="The broker is embedded, so whence up has to run; or set broker.servers.",
        ) from None
    if answer.status_code == httpx.codes.ACCEPTED:
        return str(answer.json()["accepted"])
    raise _refused(answer)


def _refused(answer: httpx.Response) -> WhenceError:
    try:
        plain = answer.json()
        sentence = str(plain.get("error") or plain.get("detail"))
    except ValueError:
        sentence = f"the page answered {answer.status_code}"
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return RetryableError(sentence, retry_after_s=5.0)
    return DataRefused(sentence)
