"""The sections of the settings that belong to no other package: broker, page, health, log, Grafana.

Sections of the parts (``store``, ``admit`` …) are the frozen classes that stand beside those parts.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from schemas.broker import Broker
from schemas.errors import FatalError
from schemas.tls import SECURE, tls_context

EMBEDDED = "embedded"
LEAST_TOKEN = 16
Port = Annotated[int, Field(ge=0, le=65_535)]


def _existing(path: Path | None) -> Path | None:
    if path is not None and not path.is_file():
        raise ValueError("the path of a file that exists")
    return path


def _servers(text: str) -> str:
    if text != EMBEDDED and not re.fullmatch(r"[^\s,]+:\d+(,[^\s,]+:\d+)*", text):
        raise ValueError(f"{EMBEDDED} or host:port[,host:port...]")
    return text


def _url(text: str) -> str:
    if text and not re.fullmatch(r"https?://[^\s@]+", text):
        raise ValueError("http://host[:port] or https://host[:port], without user or password in it")
    return text


def _long_enough(token: SecretStr) -> SecretStr:
    given = len(token.get_secret_value())
    if 0 < given < LEAST_TOKEN:
        raise ValueError(
            f"a secret of at least {LEAST_TOKEN} characters (it has {given}); "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(32))' makes one"
        )
    return token


ExistingFile = Annotated[Path | None, AfterValidator(_existing)]
Token = Annotated[SecretStr, AfterValidator(_long_enough)]


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an address.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


class Section(BaseModel):
    """A frozen section that refuses names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class BrokerSection(Section):
    """``servers`` is ``embedded`` (in memory, in this process) or ``host:port[,host:port…]`` of Apache Kafka.

    The rest passes through to librdkafka: TLS with ``security_protocol`` SSL or SASL_SSL, SASL with a mechanism,
    a user name and a password (from the environment or a file only). ``partitions`` is used where topics are made.
    """

    servers: Annotated[str, AfterValidator(_servers)] = EMBEDDED
    partitions: Annotated[int, Field(ge=1, le=1_000)] | None = None
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    sasl_username: str = ""
    sasl_password: SecretStr = SecretStr("")
    ssl_ca_file: ExistingFile = None
    ssl_certificate_file: ExistingFile = None
    ssl_key_file: ExistingFile = None
    ssl_key_password: SecretStr = SecretStr("")
    ssl_verify_hostname: bool = True

    @property
    def embedded(self) -> bool:
        return self.servers == EMBEDDED

    @model_validator(mode="after")
    def _sasl_is_whole(self) -> BrokerSection:
        wants = self.security_protocol.startswith("SASL")
        if wants and not (self.sasl_mechanism and self.sasl_username and self.sasl_password.get_secret_value()):
            raise ValueError(
                f"broker.security_protocol is {self.security_protocol}, which needs broker.sasl_mechanism, "
                "broker.sasl_username and WHENCE_BROKER_SASL_PASSWORD or WHENCE_BROKER_SASL_PASSWORD_FILE"
            )
        if not wants and (self.sasl_mechanism or self.sasl_username):
            raise ValueError(
                f"broker.security_protocol is {self.security_protocol}, which does not use broker.sasl_mechanism or "
                "broker.sasl_username; allowed with them is SASL_PLAINTEXT or SASL_SSL"
            )
        return self

    @model_validator(mode="after")
    def _files_can_be_used(self) -> BrokerSection:
        files = (self.ssl_ca_file, self.ssl_certificate_file, self.ssl_key_file)
        if self.security_protocol not in SECURE:
            if any(files):
                raise ValueError(
                    f"broker.security_protocol is {self.security_protocol}, which does not use broker.ssl_ca_file, "
                    "broker.ssl_certificate_file or broker.ssl_key_file; allowed with them is SSL or SASL_SSL"
                )
            return self
        try:
            tls_context(self.broker().security)
        except FatalError as error:
            raise ValueError(f"{error.what}. {error.remedy}") from error
        return self

    def broker(self) -> Broker:
        """The broker outside; an embedded one is started first and describes itself."""
        options = {
            "security.protocol": self.security_protocol if self.security_protocol != "PLAINTEXT" else "",
            "sasl.mechanism": self.sasl_mechanism or "",
            "sasl.username": self.sasl_username,
            "sasl.password": self.sasl_password.get_secret_value(),
            "ssl.ca.location": str(self.ssl_ca_file or ""),
            "ssl.certificate.location": str(self.ssl_certificate_file or ""),
            "ssl.key.location": str(self.ssl_key_file or ""),
            "ssl.key.password": self.ssl_key_password.get_secret_value(),
            "ssl.endpoint.identification.algorithm": "" if self.ssl_verify_hostname else "none",
        }
        return Broker(servers=self.servers, security={name: value for name, value in options.items() if value})


class WebSection(Section):
    """Where the page is served. Beyond loopback it needs a ``token``. Port 0 takes any free one. ``hour_cost`` is what
    an hour of handling costs, in your own currency; without it the page shows hours but no cost."""

    address: str = "127.0.0.1"
    port: Port = 8750
    token: Token = SecretStr("")
    hour_cost: Annotated[float, Field(ge=0.0)] = 0.0

    @model_validator(mode="after")
    def _token_beyond_loopback(self) -> WebSection:
        if not is_loopback(self.address) and not self.token.get_secret_value():
            raise ValueError(
                f"web.address is {self.address}, which other machines can reach; allowed without a token is "
                "127.0.0.1, ::1 or localhost: set WHENCE_WEB_TOKEN or WHENCE_WEB_TOKEN_FILE"
            )
        return self


class IntakeSection(Section):
    """HTTP intake of events beside the page: served only where a ``token`` is set."""

    token: Token = SecretStr("")


class HealthSection(Section):
    """Where a part started by ``whence run`` answers /health, /ready and /metrics. Port 0 takes any free one."""

    address: str = "127.0.0.1"
    port: Port = 8751


class LogSection(Section):
    """``console`` is for people, ``json`` is one object per line."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class GrafanaSection(Section):
    """Where dashboards are published. ``verify_tls`` off only for tests of your own. ``store_*`` is how Grafana itself
    reaches ClickHouse: by its native protocol, with a user that may only read."""

    url: Annotated[str, AfterValidator(_url)] = ""
    token: SecretStr = SecretStr("")
    ca_file: ExistingFile = None
    verify_tls: bool = True
    store_host: str = "clickhouse"
    store_port: Annotated[int, Field(ge=1, le=65_535)] = 9000
    store_user: str = "grafana"
    store_password: SecretStr = SecretStr("")
    store_secure: bool = False


class DataSection(Section):
    """``folder`` holds what the embedded mode keeps on disk: the store and the key that customers are hashed with."""

    folder: Path = Path("var")
