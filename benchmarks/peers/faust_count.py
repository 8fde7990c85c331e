"""The count by Faust, one event at a time: ``python faust_count.py SERVERS TOTAL``."""

import asyncio
import sys

import faust
from counting import Counting  # type: ignore[import-not-found]


async def main(servers: str, total: int) -> None:
    """Count until the last message."""
    counting, done = Counting(total), asyncio.Event()
    app = faust.App(
        "bench-faust",
        broker=f"kafka://{servers}",
        value_serializer="raw",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_wait_empty=False,
        consumer_auto_offset_reset="earliest",
        datadir=f"/tmp/bench-faust-{total}",
    )
    tickets = app.topic("tickets", value_type=bytes, key_type=bytes)

    @app.agent(tickets, name="count")
    async def count(stream: faust.StreamT[bytes]) -> None:
        async for event in stream.events():
            if counting.take(event.value, event.key):
                print(counting.report(), flush=True)
                done.set()

    await app.start()
    await done.wait()
    await app.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
