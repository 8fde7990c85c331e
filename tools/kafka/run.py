"""One Apache Kafka node (KRaft) from jars, for tests, benchmarks and a look by hand.

``make kafka`` fetches the jars into ``var/kafka/lib``. By hand::

    python -m tools.kafka.run var/kafka/data

runs a node in that directory, prints its address, and stops at Ctrl-C. The same directory and ports can be
started again after a kill: the log is still there. Retention is switched off: tests send messages stamped with their
stories' own times, and Kafka deletes by those.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
CLUSTER_ID = "V2hlbmNlLXRlc3RzLTAwMQ"
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
num.partitions=4
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=200
group.min.session.timeout.ms=1000
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
transaction.max.timeout.ms=900000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
log.retention.check.interval.ms=86400000
log.initial.task.delay.ms=86400000
"""


class KafkaMissingError(Exception):
    """Java or the jars are not here; the text says what to do."""


def libraries() -> Path:
    """Where the jars are: ``WHENCE_KAFKA_LIB``, else ``var/kafka/lib``."""
    return Path(os.environ.get("WHENCE_KAFKA_LIB", ROOT / "var" / "kafka" / "lib"))


def requirements() -> tuple[str, Path]:
    """The Java program and the folder of jars.

    Raises:
        KafkaMissingError: either is missing.
    """
    java = shutil.which("java")
    if java is None:
        raise KafkaMissingError("Apache Kafka needs Java 17 or newer, and there is no `java` on the path")
    if not any(libraries().glob("kafka_2.13-*.jar")):
        raise KafkaMissingError(f"Apache Kafka's jars are not in {libraries()}: run `make kafka`")
    return java, libraries()


_GIVEN: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on just now, and that systems give to nobody who asks for any port or
    connects: it must still be free when a server has started, seconds later, and while it is started again. None is
    given twice."""
    for port in random.SystemRandom().sample(sorted(set(range(10_000, 30_000)) - _GIVEN), k=100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _GIVEN.add(port)
            return port
    raise RuntimeError("a hundred ports of 127.0.0.1 between 10000 and 30000 were taken")


class Node:
    """One node in ``directory``. It keeps its ports, so that clients find it again after a restart.

    ``more`` are lines of its properties that come after ours, and win; ``format_with`` further arguments for formatting
    the storage, such as users.
    """

    def __init__(self, directory: Path, *, heap: str = "768m", more: str = "", format_with: Sequence[str] = ()) -> None:
        self.directory = directory
        self.heap = heap
        self._more = more
        self._format_with = tuple(format_with)
        self.port = free_port()
        self.controller = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def servers(self) -> str:
        """``host:port`` for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What the node printed."""
        return self.directory / "kafka.log"

    def start(self, *, timeout_s: float = 60.0) -> None:
        """Format the storage where that has not been done, start, and wait until it answers.

        Raises:
            KafkaMissingError: no Java, no jars.
            RuntimeError: it died or did not answer in time; the text ends with its last lines.
        """
        java, lib = requirements()
        self.directory.mkdir(parents=True, exist_ok=True)
        properties = self.directory / "server.properties"
        data = self.directory / "data"
        ours = PROPERTIES.format(port=self.port, controller=self.controller, data=data)
        properties.write_text(ours + self._more.format(port=self.port, controller=self.controller))
        command = [java, f"-Xmx{self.heap}", "-XX:+UseSerialGC", "-cp", f"{lib}/*"]
        if not (data / "meta.properties").exists():
            self._format([*command, "kafka.tools.StorageTool"], properties)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                [*command, "kafka.Kafka", str(properties)], stdout=log, stderr=log, start_new_session=True
            )
        self._wait(timeout_s)

    def _format(self, command: list[str], properties: Path) -> None:
        arguments = ["format", "-t", CLUSTER_ID, "-c", str(properties), *self._format_with]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise RuntimeError(f"formatting {properties.parent} failed: {done.stderr[-2000:] or done.stdout[-2000:]}")

    def _wait(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                break
            if self._answers():
                return
            time.sleep(0.1)
        self.kill()
        raise RuntimeError(f"Kafka did not start within {timeout_s:g} s: {self.log.read_text()[-2000:]}")

    def _answers(self) -> bool:
        from confluent_kafka.admin import AdminClient  # noqa: PLC0415 - the launcher itself needs no client

        admin = AdminClient({"bootstrap.servers": self.servers, "log_level": 0})
        try:
            return bool(admin.list_topics(timeout=2.0).brokers)
        except Exception:
            return False

    def stop(self, *, timeout_s: float = 20.0) -> None:
        """Shut down in order; kill after ``timeout_s``."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def kill(self) -> None:
        """``kill -9``."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def __enter__(self) -> Node:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def main(arguments: list[str]) -> int:
    """Run a node in the directory given until Ctrl-C."""
    directory = Path(arguments[0] if arguments else ROOT / "var" / "kafka" / "data")
    try:
        with Node(directory) as node:
            sys.stdout.write(f"Apache Kafka on {node.servers}, data in {directory}; Ctrl-C ends it\n")
            sys.stdout.flush()
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
    except KafkaMissingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
