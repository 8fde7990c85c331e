"""Logging of a process: structlog on standard error, for people or one JSON object per line; libraries tamed."""

from __future__ import annotations

import logging
import sys
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
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(level.upper() if level == "debug" else "ERROR")
