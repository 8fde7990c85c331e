"""Apache Kafka behind TLS and SASL: a listener that wants certificates, and one that wants a user and a password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.certificates import Authority
from tests.kafka import kafka_node
from tools.kafka.run import Node, free_port

USER, PASSWORD = "whence", "a-secret-of-the-tests"
_MORE = """
listeners=PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller}},SSL://127.0.0.1:{tls},SASL_SSL://127.0.0.1:{sasl}
advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},SSL://127.0.0.1:{tls},SASL_SSL://127.0.0.1:{sasl}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
listener.name.ssl.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
"""


class Secured:
    """Where it listens, and the files that clients need."""

    node: Node

    def __init__(self, folder: Path, *, days: int = 10) -> None:
        self.tls_port, self.sasl_port = free_port(), free_port()
        authority = Authority(folder)
        self.ca = authority.ca
        self.certificate, self.key = authority.sign("client", password=PASSWORD)
        self._keystore = folder / "server-both.pem"
        certificate, key = authority.sign("server", days=days)
        self._keystore.write_bytes(key.read_bytes() + certificate.read_bytes())
        self.password_file = folder / "password"
        self.password_file.write_text(PASSWORD + "\n")

    @property
    def more(self) -> str:
        """Lines for the node's properties."""
        return _MORE.format(
            tls=self.tls_port,
            sasl=self.sasl_port,
            keystore=self._keystore,
            ca=self.ca,
            user=USER,
            password=PASSWORD,
        )

    def by_certificate(self) -> dict[str, str]:
        """Settings of a client that shows a certificate."""
        return {
            "WHENCE_BROKER_SERVERS": f"127.0.0.1:{self.tls_port}",
            "WHENCE_BROKER_SECURITY_PROTOCOL": "SSL",
            "WHENCE_BROKER_SSL_CA_FILE": str(self.ca),
            "WHENCE_BROKER_SSL_CERTIFICATE_FILE": str(self.certificate),
            "WHENCE_BROKER_SSL_KEY_FILE": str(self.key),
            "WHENCE_BROKER_SSL_KEY_PASSWORD_FILE": str(self.password_file),
        }

    def by_password(self, mechanism: str = "SCRAM-SHA-512") -> dict[str, str]:
        """Settings of a client that says user and password."""
        return {
            "WHENCE_BROKER_SERVERS": f"127.0.0.1:{self.sasl_port}",
            "WHENCE_BROKER_SECURITY_PROTOCOL": "SASL_SSL",
            "WHENCE_BROKER_SSL_CA_FILE": str(self.ca),
            "WHENCE_BROKER_SASL_MECHANISM": mechanism,
            "WHENCE_BROKER_SASL_USERNAME": USER,
            "WHENCE_BROKER_SASL_PASSWORD_FILE": str(self.password_file),
        }


@contextmanager
def secured_kafka(folder: Path, *, days: int = 10) -> Iterator[Secured]:
    """A running node whose own certificate is good until ``days`` from now, or an audible skip."""
    secured = Secured(folder / "papers", days=days)
    scram = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
    with kafka_node(folder / "kafka", more=secured.more, format_with=("--add-scram", scram)) as node:
        secured.node = node
        yield secured
