"""What a column of a panel is called and how its values read: once for the page, for Grafana and for the tests."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

# What a reader gets to see of a value; `id` is only there for links and joins.
Kind = Literal[
    "id", "text", "word", "cause", "list", "flag", "time", "hour", "count", "number", "share", "seconds", "minutes", "hours",
    "days", "money",
]  # fmt: skip

# The types of ClickHouse that a kind may come as, without `LowCardinality` and `Nullable`.
TYPES: dict[Kind, tuple[str, ...]] = {
    "id": ("String", "UInt32", "UInt64", "Int64"),
    "text": ("String",),
    "word": ("String",),
    "cause": ("String",),
    "list": ("Array(String)", "Array(LowCardinality(String))"),
    "flag": ("Bool", "UInt8"),
    "time": ("DateTime64(3, 'UTC')", "DateTime('UTC')"),
    "hour": ("Int32", "Int64"),
    "count": ("UInt8", "UInt16", "UInt32", "UInt64", "Int64", "Float64"),
    "number": ("Float64", "UInt32", "UInt64", "Int64"),
    "share": ("Float64",),
    "seconds": ("Float64", "Int64", "UInt32", "UInt64"),
    "minutes": ("Float64",),
    "hours": ("Float64",),
    "days": ("Float64", "Int64"),
    "money": ("Float64",),
}
UNITS: dict[Kind, str] = {
    "share": "percentunit", "seconds": "s", "minutes": "m", "hours": "h", "days": "d",
}  # fmt: skip
DECIMALS: dict[Kind, int] = {
    "hour": 0, "count": 0, "number": 1, "share": 0, "minutes": 0, "hours": 1, "days": 1, "money": 0,
}  # fmt: skip


class Column(Struct, frozen=True):
    """One column: its name in SQL, its heading for a person, and what its values are."""

    name: str
    label: str
    kind: Kind


_DECLARED = """
ahead           Fastest           time
affected        Share             share
allowed         Allowed           text
allowed_false   False ones allowed number
answers         Answers           count
article         Article           text
as_of           As of             time
at              When              time
attempts        Attempts          count
attributions    Attributions      count
before          Before the launch count
behind_s        Behind            seconds
briefed_at      Support briefed   time
briefed_h       Before the launch by hours
bucket_s        Bucket            seconds
budget_per_week Budget            number
cause           Cause             text
channel         Channel           word
check_id        Check             id
claim           What was promised text
claimed_by      Taken by          text
column          Column            word
confirmed       Confirmed         count
contacts        Contacts          count
contacts_high   at most           count
contacts_low    at least          count
cost            Cost              money
costly          With contacts     count
customers       Customers         count
days_ahead      In                days
days_to_fix     Until the fix     days
dimension       What              word
end             Ended             time
ended           Ended             flag
ends_at         Until             time
event_id        Contact           id
excess          Excess            count
excess_high     at most           count
excess_low      at least          count
expectation     Check             word
expected        Expected          number
field           Field             word
final           Final             flag
first           First contact     time
fix             Fix               text
fix_at          Fixed             time
fixes           Fixes             list
forecast        Contacts to come  count
forecast_h      Hours to come     hours
found           Spikes            count
gap             Gap               flag
group           Group             word
handed_over     Handed over       share
heard_s         Until heard       seconds
high            Usual at most     number
hour            Hours since       hour
hours           Hours             hours
impacts         Causes            count
inputs          Inputs            count
judged          Judged            time
judged_by       Judged by people  count
key             Key               id
kind            Kind              word
landed_long_s   Slowest twentieth seconds
landed_s        Until stored      seconds
last            Last contact      time
latest          Latest            time
letter_id       Place             text
letters         Messages          count
line            Evidence          word
low             Usual at least    number
low_share       Low scores        share
macro           Macro             text
mentions        Contacts that name it count
merged_into     Merged into       id
missing         Still missing     list
name            Cause             text
next_at         Tried again       time
now             Now               time
note            Note              text
observed        Contacts          count
onset           Began             time
onset_high      at latest         time
onset_low       at earliest       time
opened_at       Found             time
over_s          For               seconds
owner           Owner             word
per_thousand    Per 1,000 customers number
planned         Planned           count
planned_share   Planned roll-out  share
previous        Earlier ones      number
probability     Sure              share
rank            Rank              count
reason          Reason            word
records         Rows              count
rejected        Rejected          count
releases        Releases          count
repeats         Spikes            count
revision        Revision          count
right           Right             share
score           Score             share
sentence        Said              text
share           Customers on it   share
share_now       Now               share
share_usual     Usually           share
shown_from      From              id
shown_to        To                id
slice           Where             word
slowest         Slowest           word
spike_id        Spike             id
spikes          Spikes            list
stage           Stage             word
starts_at       From              time
state           State             word
stated          Stated            share
stream          Stream            word
streams         Streams           list
success         Passes            flag
surprise        Surprise          number
survey          Survey            word
t               Time              time
table           Table             word
team            Team              word
text            Text              text
title           Title             text
topic           Topic             word
unfixed         Without a fix     count
unjudged        Not judged        count
unaware         Agents unaware    count
until           Up to             time
usual           A week earlier    number
value           Value             text
verdict         Verdict           word
wait_long_min   Slowest tenth     minutes
wait_min        Half wait up to   minutes
week            Week              time
was             Found             text
weight          Weight            number
weeks           Weeks             number
what            What              word
who             Who               text
word            Word              text
workspace       Workspace         word
worked          Did it work       word
"""


def _declared(line: str) -> Column:
    name, _, rest = line.strip().partition(" ")
    label, _, kind = rest.strip().rpartition(" ")
    if kind not in TYPES:
        raise ValueError(f"column {name} is of kind {kind!r}; allowed is one of {', '.join(TYPES)}")
    return Column(name, label.strip(), kind)


COLUMN = {one.name: one for one in map(_declared, _DECLARED.strip().splitlines())}
