"""Which parts make up Whence, and how they run: all in one process, or one part in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

import structlog
from fastapi import FastAPI
from msgspec.structs import replace

from dashboards.page import create_app
from schemas.broker import Broker
from schemas.health import Health, Part
from schemas.workspace import Workspace
from sinks.migrate import migrate, require_current
from sinks.quality import Quality
from sinks.retention import apply_retention
from sinks.store import StoreAway
from sinks.writer import Writer
from sources.intake import create_router
from streams.admit.agent import Admit
from streams.admit.settings import AdmitSettings
from streams.embedded import embedded_broker
from streams.topics import ensure_topics
from whence.after import AfterTopics
from whence.alerts import courier_of
from whence.errors import SettingsError
from whence.feed import Feed
from whence.feedback import feedback_router
from whence.keys import own_key
from whence.lending import lending_router, new_token
from whence.lending import opened as lent
from whence.pulse import Pulse
from whence.serve import HttpPart, health_app, health_router, listen
from whence.settings import Settings
from whence.show import say
from whence.store import store_client, store_query
from whence.supervise import Supervisor, run_until_stopped

LOG = structlog.get_logger("whence")
IN_MEMORY = (
    "The broker is embedded and keeps its log in memory: what is on the way is lost when this process ends. "
    "What has reached the store in {store} stays. For durability set broker.servers to an Apache Kafka."
)


@contextmanager
def broker_of(settings: Settings) -> Iterator[Broker]:
    """The broker of the settings, embedded or outside; the embedded one with its topics."""
    if settings.broker.embedded:
        with embedded_broker() as broker:
            ensure_topics(broker)
            yield broker
    else:
        yield settings.broker.broker()


def admit_settings(settings: Settings) -> AdmitSettings:
    """Admit's settings with a customer key: the one that was set, or where the broker is embedded, one that is made
    once and kept in the data folder.

    Raises:
        SettingsError: no key was set, and other processes may need the same one.
    """
    if settings.has_customer_key:
        return settings.admit
    if not settings.broker.embedded:
        raise SettingsError(
            "admit.customer_key is missing; allowed is a secret of at least 16 bytes, the same for every admit "
            "process, in WHENCE_ADMIT_CUSTOMER_KEY or WHENCE_ADMIT_CUSTOMER_KEY_FILE"
        )
    return replace(settings.admit, customer_key=own_key(settings.data.folder / "customer.key"))


def page_app(
    settings: Settings,
    broker: Broker | None,
    healths: Callable[[], Sequence[Health]],
    workspaces: Sequence[Workspace] | None = None,
) -> FastAPI:
    """The page, its health, and where a token is set and a broker known, HTTP intake.

    ``workspaces`` are those that are watched, where they are not those of the settings.
    """
    token = settings.web.token.get_secret_value()
    progress = {one.name: one.progress for one in (settings.workspaces if workspaces is None else workspaces)}
    app = create_app(
        store_query(settings.store), healths, token or None, hour_cost=settings.web.hour_cost, progress=progress
    )
    app.include_router(health_router(healths))
    if broker is not None:
        app.include_router(feedback_router(settings, broker))
    intake = settings.intake.token.get_secret_value()
    if broker is not None and intake:
        app.include_router(create_router(broker, intake, workspaces=[one.name for one in settings.workspaces]))
    return app


def all_parts(settings: Settings, broker: Broker, workspaces: tuple[Workspace, ...]) -> tuple[Part, ...]:
    """Everything but the page, in the order of the way of the data."""
    parts: tuple[Part, ...] = (
        Admit(broker, admit_settings(settings), workspaces),
        _agents(settings, broker, workspaces),
        Writer(broker, settings.store, settings.sink),
        Quality(broker, settings.store, workspaces, settings.quality),
        *([courier_of(settings, broker, workspaces)] if settings.alerts.routing else []),
    )
    if settings.broker.embedded:
        return parts
    pulse = Pulse(broker)
    return tuple(AfterTopics(part, broker, settings.broker.partitions, pulse) for part in parts)


def run_up(
    settings: Settings,
    *,
    workspaces: tuple[Workspace, ...] | None = None,
    fed: Feed | None = None,
    opened: Callable[[str], None] | None = None,
    kept: str = IN_MEMORY,
) -> None:
    """Everything in one process until asked to stop.

    Args:
        settings: Of the whole process.
        workspaces: By default those of the settings; of others, which may be old, no retention is applied.
        fed: Runs beside the parts once they have started.
        opened: Called with the page's address when it answers.
        kept: What the embedded broker means for what is on the way, said at the start.

    Raises:
        FatalError: a part cannot go on, the page's port is taken, the store is in use.
    """
    watched = settings.workspaces if workspaces is None else workspaces
    place = listen(settings.web.address, settings.web.port, setting="web")
    with broker_of(settings) as broker, store_client(settings.store, make=True) as client:
        migrate(client)
        if workspaces is None:
            apply_retention(client, settings.retention)
        healths = _Healths()
        app, token = page_app(settings, broker, healths, watched), new_token()
        if settings.store.path:
            app.include_router(lending_router(settings.store, token))
        page = HttpPart("web", app, place)

        def ready(supervisor: Supervisor) -> None:
            healths.of(supervisor)
            if settings.broker.embedded:
                say(kept.format(store=settings.store.place))
            say(f"The page is at {page.url} (Ctrl-C ends).")
            if opened is not None:
                opened(page.url)
            if fed is not None:
                fed(broker, supervisor.stop)

        with lent(settings.store, page.url, token) if settings.store.path else nullcontext():
            run_until_stopped((page, *all_parts(settings, broker, watched)), ready=ready)
    say("Stopped.")


class _Healths:
    """What the page asks, before and after there is a supervisor."""

    def __init__(self) -> None:
        self._supervisor: Supervisor | None = None

    def of(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def __call__(self) -> Sequence[Health]:
        return self._supervisor.health() if self._supervisor is not None else ()


def run_part(settings: Settings, name: str) -> None:
    """One part until asked to stop, with its health beside it.

    Raises:
        SettingsError: the part cannot work with an embedded broker or store, which other processes cannot reach.
        FatalError: the part cannot go on.
    """
    _refuse_embedded(settings, name)
    place, setting = (settings.web, "web") if name == "web" else (settings.health, "health")
    opened = listen(place.address, place.port, setting=setting)
    broker = settings.broker.broker()
    healths = _Healths()
    if name == "web":
        _check_store(settings)
        server = HttpPart("web", page_app(settings, broker, healths), opened)
        parts: tuple[Part, ...] = (server,)
    else:
        server = HttpPart("health", health_app(healths), opened)
        part = _part(settings, broker, name)
        parts = (AfterTopics(part, broker, settings.broker.partitions, Pulse(broker)), server)
    LOG.info("part starts", part=name, broker=broker.servers, url=server.url)
    run_until_stopped(parts, ready=healths.of)


def _check_store(settings: Settings) -> None:
    """Refuse a store of another version; one that is away may come back, and the page says so until then."""
    try:
        with store_client(settings.store) as client:
            require_current(client)
    except StoreAway as error:
        LOG.warning("store_away", why=str(error))


def _part(settings: Settings, broker: Broker, name: str) -> Part:
    if name == "admit":
        return Admit(broker, admit_settings(settings), settings.workspaces)
    if name == "agents":
        return _agents(settings, broker, settings.workspaces)
    if name == "alerts":
        return courier_of(settings, broker, settings.workspaces)
    if name == "sink":
        return Writer(broker, settings.store, settings.sink)
    return Quality(broker, settings.store, settings.workspaces, settings.quality)


def _agents(settings: Settings, broker: Broker, workspaces: tuple[Workspace, ...]) -> Part:
    from streams.worker import Agents  # noqa: PLC0415 Faust takes 40 MB that the other parts do without

    return Agents(broker, workspaces, settings.agents)


def _refuse_embedded(settings: Settings, name: str) -> None:
    if settings.broker.embedded and name != "web":
        raise SettingsError(
            f"broker.servers is embedded, which only whence up can use; allowed with run {name} is host:port"
        )
    if settings.store.path and name in ("sink", "quality", "web"):
        raise SettingsError(
            f"the store is embedded in {settings.store.path}, which only one process can open; "
            f"allowed with run {name} is a ClickHouse server: set store.host"
        )
