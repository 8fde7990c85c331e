"""Every topic, once: its name, key, shape on the broker, owner and purpose."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from schemas.alert import Alert
from schemas.attribution import Attribution, Impact
from schemas.contact import Contact
from schemas.dead_letter import DeadLetter
from schemas.delivery import Delivery
from schemas.frame import Frame
from schemas.quality import QualityResult
from schemas.raw import ChangeRecord, Chat, Feedback, Population, Promotion, Release, Signal, Survey, Ticket
from schemas.spike import Expectation, Spike
from schemas.timeline import TimelineEntry

DAY_MS = 86_400_000
Owner = Literal["producers", "admit", "detect", "attribute", "alert", "quality", "people", "every stage"]


class Topic(Struct, frozen=True, kw_only=True):
    """One Kafka topic. ``key`` says in words what a message is keyed by; ``group`` which topics must have the
    same number of partitions (``workspace``: keyed by workspace and co-partitioned)."""

    name: str
    type: type[Struct]
    owner: Owner
    key: Literal["customer", "change", "workspace", "contact", "place"]
    group: Literal["raw", "workspace", "other"]
    purpose: str
    partitions: int = 4
    retention_ms: int = 7 * DAY_MS
    cleanup: Literal["delete", "compact"] = "delete"


TICKETS = Topic(
    name="tickets",
    type=Ticket,
    owner="producers",
    key="customer",
    group="raw",
    purpose="Help-desk tickets, opened and updated.",
)
CHATS = Topic(
    name="chats", type=Chat, owner="producers", key="customer", group="raw", purpose="Chats with people and bots."
)
SURVEYS = Topic(
    name="surveys", type=Survey, owner="producers", key="customer", group="raw", purpose="Survey responses and reviews."
)
RELEASES = Topic(
    name="releases",
    type=Release,
    owner="producers",
    key="change",
    group="raw",
    purpose="Releases and feature flags.",
    retention_ms=400 * DAY_MS,
)
PROMOTIONS = Topic(
    name="promotions",
    type=Promotion,
    owner="producers",
    key="change",
    group="raw",
    purpose="Campaigns, offers, mailings.",
    retention_ms=400 * DAY_MS,
)
CHANGES = Topic(
    name="changes",
    type=ChangeRecord,
    owner="producers",
    key="change",
    group="raw",
    purpose="Incidents, policies, prices, automation, capacity.",
    retention_ms=400 * DAY_MS,
)
POPULATIONS = Topic(
    name="populations",
    type=Population,
    owner="producers",
    key="change",
    group="raw",
    purpose="Customers per slice, the denominators.",
    retention_ms=60 * DAY_MS,
)
SIGNALS = Topic(
    name="signals",
    type=Signal,
    owner="producers",
    key="customer",
    group="raw",
    purpose="Agents' hunches.",
    retention_ms=60 * DAY_MS,
)

CONTACTS = Topic(
    name="contacts", type=Contact, owner="admit", key="contact", group="other", purpose="Admitted contacts, redacted."
)
FRAMES = Topic(
    name="frames",
    type=Frame,
    owner="admit",
    key="workspace",
    group="workspace",
    purpose="Counts and samples per closed bucket and input partition.",
    retention_ms=400 * DAY_MS,
)
TIMELINE = Topic(
    name="timeline",
    type=TimelineEntry,
    owner="admit",
    key="workspace",
    group="workspace",
    purpose="Changes upstream in one shape.",
    retention_ms=400 * DAY_MS,
)
SPIKES = Topic(
    name="spikes",
    type=Spike,
    owner="detect",
    key="workspace",
    group="workspace",
    purpose="Spikes, by revision.",
    retention_ms=400 * DAY_MS,
)
EXPECTATIONS = Topic(
    name="expectations",
    type=Expectation,
    owner="detect",
    key="workspace",
    group="workspace",
    purpose="Expected counts per judged bucket, and detect's progress.",
    retention_ms=400 * DAY_MS,
)
ATTRIBUTIONS = Topic(
    name="attributions",
    type=Attribution,
    owner="attribute",
    key="workspace",
    group="workspace",
    purpose="Causes of spikes with evidence, by revision.",
    retention_ms=400 * DAY_MS,
)
IMPACTS = Topic(
    name="impacts",
    type=Impact,
    owner="attribute",
    key="workspace",
    group="workspace",
    purpose="What each change has cost.",
    retention_ms=400 * DAY_MS,
)
ALERTS = Topic(
    name="alerts",
    type=Alert,
    owner="alert",
    key="workspace",
    group="workspace",
    purpose="Messages to people, by change of state.",
    retention_ms=400 * DAY_MS,
)
DELIVERIES = Topic(
    name="deliveries",
    type=Delivery,
    owner="alert",
    key="workspace",
    group="workspace",
    purpose="What became of every message to every channel.",
    retention_ms=400 * DAY_MS,
)
QUALITY = Topic(
    name="quality",
    type=QualityResult,
    owner="quality",
    key="workspace",
    group="workspace",
    purpose="Results of data-quality checks.",
    retention_ms=60 * DAY_MS,
)
FEEDBACK = Topic(
    name="feedback",
    type=Feedback,
    owner="people",
    key="workspace",
    group="workspace",
    purpose="People's word on a spike's cause.",
    retention_ms=400 * DAY_MS,
)
DEAD_LETTERS = Topic(
    name="dead-letters",
    type=DeadLetter,
    owner="every stage",
    key="place",
    group="other",
    purpose="What was refused, with place, reason and original bytes.",
    retention_ms=3 * DAY_MS,
)

CONTACT_TOPICS = (TICKETS, CHATS, SURVEYS)
TIMELINE_TOPICS = (RELEASES, PROMOTIONS, CHANGES, POPULATIONS, SIGNALS)
RAW_TOPICS = CONTACT_TOPICS + TIMELINE_TOPICS
STAGE_TOPICS = (
    CONTACTS,
    FRAMES,
    TIMELINE,
    SPIKES,
    EXPECTATIONS,
    ATTRIBUTIONS,
    IMPACTS,
    ALERTS,
    DELIVERIES,
    QUALITY,
    FEEDBACK,
    DEAD_LETTERS,
)
TOPICS = RAW_TOPICS + STAGE_TOPICS
BY_NAME = {topic.name: topic for topic in TOPICS}
