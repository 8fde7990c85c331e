"""Libraries that repeat themselves are heard seldom; our own words always."""

from __future__ import annotations

import asyncio
import logging

from whence.logs import SELDOM_S, Seldom


def _record(name: str, text: str, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord(name, level, __file__, 1, text, (), None)


def test_a_library_that_repeats_itself_is_heard_every_thirty_seconds() -> None:
    now = [100.0]
    heard = Seldom(lambda: now[0])
    assert heard.filter(_record("aiokafka.consumer.fetcher", "Failed fetch from 1: not ready"))
    assert not heard.filter(_record("aiokafka.consumer.fetcher", "Failed fetch from 2: not ready"))
    assert heard.filter(_record("aiokafka.consumer.fetcher", "Something else"))
    now[0] += SELDOM_S
    assert heard.filter(_record("aiokafka.consumer.fetcher", "Failed fetch from 3: not ready"))


def test_our_own_words_are_always_heard() -> None:
    heard = Seldom(lambda: 0.0)
    assert all(heard.filter(_record("whence.agents", "broker_away")) for _ in range(3))


def test_remarks_of_a_library_do_not_pass_whatever_level_it_sets_itself() -> None:
    heard = Seldom(lambda: 0.0)
    assert not heard.filter(_record("great_expectations.data_context.types.base", "Created", logging.INFO))
    assert heard.filter(_record("whence.sink", "assigned", logging.INFO))


def test_a_request_cut_off_at_the_end_leaves_no_traceback_and_a_failed_one_does() -> None:
    heard = Seldom(lambda: 0.0)
    for error, told in ((asyncio.CancelledError("stopped"), False), (OSError("full"), True)):
        record = _record("uvicorn.error", "Exception in ASGI application")
        record.exc_info = (type(error), error, None)
        assert heard.filter(record) is told
