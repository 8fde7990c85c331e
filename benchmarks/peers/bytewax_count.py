"""The count by Bytewax, without its windows: ``python bytewax_count.py SERVERS TOTAL``."""

import sys
from typing import Any

import bytewax.operators as op  # type: ignore[import-not-found]
from bytewax.connectors.kafka import KafkaSource  # type: ignore[import-not-found]
from bytewax.connectors.stdio import StdOutSink  # type: ignore[import-not-found]
from bytewax.dataflow import Dataflow  # type: ignore[import-not-found]
from bytewax.testing import cluster_main  # type: ignore[import-not-found]
from counting import Counting  # type: ignore[import-not-found]


def main(servers: str, total: int) -> None:
    """Count until the end of the topic."""
    counting = Counting(total)
    flow = Dataflow("bench")
    source = KafkaSource([servers], ["tickets"], tail=False, batch_size=10_000)
    messages = op.input("tickets", flow, source)

    def count(message: Any) -> list[str]:
        last = counting.take(message.value, message.key)
        return [counting.report()] if last else []

    op.output("out", op.flat_map("count", messages, count), StdOutSink())
    cluster_main(flow, [], 0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
