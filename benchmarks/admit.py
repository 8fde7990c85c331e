"""Admit over the load, until everything is committed."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import nullcontext

from confluent_kafka import Consumer, KafkaException, TopicPartition

from benchmarks.load import WORKSPACE
from benchmarks.meter import Meter, memory_mb
from schemas.broker import Broker, client_config
from schemas.catalog import TICKETS
from streams.admit.agent import Admit
from streams.admit.compiled import purely
from streams.admit.settings import AdmitSettings


def main(servers: str, total: str, *flags: str) -> None:
    """Admit ``total`` messages; print the figures."""
    broker = Broker(servers=servers)
    settings = AdmitSettings(customer_key=b"only for measuring")
    meters: list[Meter] = []

    def at(moment: str) -> None:
        if moment == "rebuilt":
            meters.append(Meter())

    part, stop = Admit(broker, settings, [WORKSPACE], at=at), threading.Event()
    thread = threading.Thread(target=part.run, args=(stop,))
    thread.start()
    group = Consumer(client_config(broker, group_id=settings.group))
    places = [TopicPartition(TICKETS.name, partition) for partition in range(4)]
    began = time.monotonic()
    while (done := committed(group, places)) < int(total) and thread.is_alive():
        if "--memory" in flags:
            print(f"{time.monotonic() - began:6.0f} s {done:>12,} messages {memory_mb():7.0f} MB", flush=True)
        time.sleep(0.5)
    report = meters[0].report()
    stop.set()
    thread.join()
    print(report)


def committed(group: Consumer, places: list[TopicPartition]) -> int:
    """Messages committed so far: nothing else was written to the topic, so offsets count them."""
    try:
        return sum(max(0, place.offset) for place in group.committed(places, timeout=10.0))
    except KafkaException:
        return 0  # a group's coordinator takes a moment to be there


if __name__ == "__main__":
    with purely() if "--pure" in sys.argv else nullcontext():
        main(*sys.argv[1:])
