"""Logging of a process: structlog on standard error, for people or one JSON object per line; libraries tamed."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import time
from collections.abc import Callable
from typing import Literal

import structlog

CHATTY = (
    "aiokafka",
    "asyncio",
    "clickhouse_connect",
    "faust",
    "great_expectations",
    "httpx",
    "mode",
    "streams.patches",
    "urllib3",
    "uvicorn",
    "whence.broker",
    "whence.sink.kafka",
)

SELDOM_S = 30.0
_NUMBER = re.compile(r"\d+")


class Seldom(logging.Filter):
    """Passes what a chatty library says again, numbers aside, every 30 seconds only: while a broker is away the clients
    complain many times a second, and our own parts say it once and better. Its remarks below a warning do not pass,
    whatever level it has set for its own loggers, nor that it was cancelled: that is how a stop reaches it."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now_s = now_s
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(CHATTY):
            return True
        if record.levelno < logging.WARNING:
            return False
        if record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError):
            return False
        what = f"{record.name} {_NUMBER.sub('', record.getMessage())[:200]}"
        now = self._now_s()
        if now - self._said.get(what, -SELDOM_S) < SELDOM_S:
            return False
        if len(self._said) > 1_000:
            self._said.clear()
        self._said[what] = now
        return True


def set_up_logging(level: str, form: Literal["console", "json"]) -> None:
    """Send every log event, ours and the libraries', to standard error in one form.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``; chatty libraries start at ``error`` unless ``debug``.
        form: ``console`` for people, ``json`` for machines.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if form == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    if level != "debug":
        handler.addFilter(Seldom())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(level.upper() if level == "debug" else "ERROR")
