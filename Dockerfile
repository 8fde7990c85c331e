# syntax=docker/dockerfile:1
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/whence
ENV PATH=/opt/whence/bin:$PATH
# A compiler for admit's optional step; it stays in this stage.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY requirements.lock requirements-dev.lock ./
# The embedded engine (half a gigabyte) stays out: containers ask a ClickHouse server. --build-arg LEAVE_OUT= keeps it.
ARG LEAVE_OUT="chdb chdb-core"
RUN pip install --require-hashes --only-binary :all: -r requirements.lock \
 && if [ -n "$LEAVE_OUT" ]; then pip uninstall --yes $LEAVE_OUT; fi
# setuptools, pinned with its hashes by the other lock, only builds our own wheel.
RUN awk '/^setuptools==/ {on=1} on {print} on && !/\\$/ {exit}' requirements-dev.lock > build.lock \
 && pip install --require-hashes --only-binary :all: -r build.lock
COPY pyproject.toml README.md ./
COPY schemas schemas
COPY stats stats
COPY streams streams
COPY sinks sinks
COPY sources sources
COPY dashboards dashboards
COPY whence whence
RUN pip install --no-deps --no-build-isolation . \
 && pip uninstall --yes setuptools pip \
 && find /opt/whence -type d -name __pycache__ -prune -exec rm -rf {} +

FROM python:3.11.14-slim-bookworm
RUN groupadd --gid 10001 whence \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/whence --create-home --shell /usr/sbin/nologin whence
COPY --from=build /opt/whence /opt/whence
ENV PATH=/opt/whence/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 GX_ANALYTICS_ENABLED=false \
    WHENCE_DATA_FOLDER=/var/lib/whence WHENCE_LOG_FORMAT=json
USER 10001:10001
WORKDIR /var/lib/whence
VOLUME /var/lib/whence
ENTRYPOINT ["whence"]
CMD ["--help"]
