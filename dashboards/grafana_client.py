"""Grafana's HTTP API through ``grafana-api``, with every refusal as one sentence that says what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from grafana_api.grafana_api import GrafanaClientError, GrafanaException  # type: ignore[import-untyped]
from grafana_api.grafana_face import GrafanaFace  # type: ignore[import-untyped]

from dashboards.drawing import PLUGIN, PLUGIN_VERSION
from schemas.errors import FatalError

NEEDS = (11, 6)
"""The oldest Grafana whose dashboards and API these are; a test ties it to the SDK and to the image."""

T = TypeVar("T")
Answer = dict[str, Any]


def connect(url: str, token: str, *, verify: bool | str = True, timeout_s: float = 15.0) -> GrafanaFace:
    """A client of the Grafana at ``url``, which may have a path."""
    parts = urlsplit(url)
    prefix = parts.path.strip("/")
    return GrafanaFace(
        token,
        host=parts.hostname or "",
        port=parts.port,
        url_path_prefix=f"{prefix}/" if prefix else "",
        protocol=parts.scheme,
        verify=verify,
        timeout=timeout_s,
    )


@contextmanager
def explained(face: GrafanaFace, doing: str) -> Iterator[None]:
    """Errors of one request, as what a person has to do.

    Raises:
        FatalError: Grafana is away, is not Grafana, or refuses.
    """
    where = str(face.api.url).removesuffix("/api")
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise FatalError(f"{where} does not prove who it is: {_short(error)}", remedy="Set grafana.ca_file to the authority it is signed by.") from error  # fmt: skip
    except requests.exceptions.JSONDecodeError as error:
        raise FatalError(f"{where} answers, but not as Grafana does", remedy="Correct grafana.url, with the path that Grafana is served under, if any.") from error  # fmt: skip
    except requests.exceptions.RequestException as error:
        raise FatalError(f"{where} does not answer: {_short(error)}", remedy="Start Grafana, or correct grafana.url.") from error  # fmt: skip
    except GrafanaException as error:
        raise _refused(error, where, doing) from error


def _refused(error: GrafanaException, where: str, doing: str) -> FatalError:
    said = error.response.get("message", "") if isinstance(error.response, dict) else ""
    if error.status_code == 401:
        return FatalError(f"{where} does not take the token", remedy="Make a service account with the role Admin, and set WHENCE_GRAFANA_TOKEN to a token of it.")  # fmt: skip
    if error.status_code == 403:
        return FatalError(f"The token may not {doing} at {where}", remedy="Give its service account the role Admin.")
    if error.status_code == 412:
        return FatalError(f"{where} did not {doing}: {said or 'somebody else has changed it'}", remedy="Run it again; what was published stays.")  # fmt: skip
    if error.status_code == 404 and not said:
        return FatalError(f"{where} answers, but not as Grafana does", remedy="Correct grafana.url, with the path that Grafana is served under, if any.")  # fmt: skip
    return FatalError(f"{where} did not {doing}: it answers {error.status_code} {said}".rstrip(), remedy="What was published stays; look into Grafana's log.")  # fmt: skip


def _short(error: Exception) -> str:
    reason = re.search(
        r"(certificate verify failed[^(]*|Connection refused|Name or service not known|timed out)", str(error)
    )
    return reason[1].strip(": ") if reason else type(error).__name__


def found(ask: Callable[[], T]) -> T | None:
    """What is asked for, or None where Grafana says that there is no such thing."""
    try:
        return ask()
    except GrafanaClientError as error:
        # Of an alert rule that is not there Grafana says so with an empty body, of all else with a message.
        if error.status_code == 404 and (error.response == "" or "message" in error.response):
            return None
        raise


def check(face: GrafanaFace) -> str:
    """See that this is a Grafana that can show the dashboards, that it takes the token, and that the plugin is there.

    Returns:
        Its version.

    Raises:
        FatalError: what is wrong, and what to do.
    """
    with explained(face, "say how it is"):
        health = face.api.GET("/health")
    version = health.get("version", "") if isinstance(health, dict) and "database" in health else None
    if version is None:
        where = str(face.api.url).removesuffix("/api")
        raise FatalError(f"{where} answers, but not as Grafana does", remedy="Correct grafana.url, with the path that Grafana is served under, if any.")  # fmt: skip
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers and numbers < NEEDS:
        wanted = ".".join(map(str, NEEDS))
        raise FatalError(f"This is Grafana {version}; the dashboards are built for {wanted}", remedy=f"Upgrade it to {wanted} or newer.")  # fmt: skip
    with explained(face, "read its plugins"):
        plugin = found(lambda: face.api.GET(f"/plugins/{PLUGIN}/settings"))
    if plugin is None:
        raise FatalError(f"Grafana has no plugin {PLUGIN}", remedy=f"Install it: grafana cli plugins install {PLUGIN} {PLUGIN_VERSION}")  # fmt: skip
    return str(version)
