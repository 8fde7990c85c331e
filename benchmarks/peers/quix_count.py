"""The count by Quix Streams, without its state store: ``python quix_count.py SERVERS TOTAL``."""

import sys
import tempfile

from counting import Counting  # type: ignore[import-not-found]
from quixstreams import Application  # type: ignore[import-not-found]


def main(servers: str, total: int) -> None:
    """Count until the last message."""
    counting = Counting(total)
    app = Application(
        broker_address=servers,
        consumer_group="bench-quix",
        auto_offset_reset="earliest",
        auto_create_topics=False,
        loglevel="ERROR",
        state_dir=tempfile.mkdtemp(),
    )
    tickets = app.topic("tickets", value_deserializer="bytes", key_deserializer="bytes")

    def count(value: bytes, key: bytes, _timestamp: int, _headers: object) -> None:
        if counting.take(value, key):
            print(counting.report(), flush=True)
            app.stop()

    app.dataframe(tickets).update(count, metadata=True)
    app.run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
