"""A courier in a process of its own, that can kill itself at a chosen moment.

``python -m tests.streams.deliver.process SERVERS HOOK OPS [MOMENT:NUMBER]`` delivers the sample's workspace by the sample's
routing file, with its two channels at these URLs.
"""

from __future__ import annotations

import signal
import sys
import threading

from msgspec.structs import replace

from schemas.broker import Broker
from streams.deliver.channels import senders
from streams.deliver.courier import Courier
from streams.deliver.settings import CourierSettings
from tests.dying import dying_at
from tests.streams.deliver.samples import SHOP, routing

SECRET = "the key of both channels"
EVERYBODY = '[audiences.all]\nteams = ["operations"]\nkinds = ["release"]\n'
SETTINGS = CourierSettings(first_pause_s=0.05, longest_pause_s=0.2, session_s=6)


def main(servers: str, hook: str, ops: str, moment: str = "never:0") -> None:
    """Deliver until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    rules = routing(EVERYBODY)
    urls = {"hook": hook, "ops": ops}
    rules = replace(rules, channels={name: replace(one, url=urls[name]) for name, one in rules.channels.items()})
    secrets = dict.fromkeys(urls, SECRET)
    broker = Broker(servers=servers, embedded=True)
    Courier(broker, (SHOP,), rules, senders(rules, secrets), SETTINGS, at=dying_at(moment)).run(stop)


if __name__ == "__main__":
    main(*sys.argv[1:])
