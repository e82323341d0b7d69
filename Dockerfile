# vmtriage with the crash(8) of Debian 13, which reads dumps of kernels up to 6.12 and newer.
#
#   docker build -t vmtriage .
#   docker run --rm -v /var/crash:/crash:ro -v /usr/lib/debug:/usr/lib/debug:ro \
#       vmtriage analyze /crash/HOST-DATE/vmcore

FROM debian:trixie-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3-venv \
 && python3 -m venv /build \
 && python3 -m venv --without-pip /opt/vmtriage
COPY requirements.lock /src/
# Every file is checked against the lock; what only developers need stays behind in this stage.
RUN /build/bin/pip download -q --only-binary :all: --require-hashes -r /src/requirements.lock -d /wheels
COPY pyproject.toml README.md LICENSE /src/
COPY vmtriage /src/vmtriage
COPY signatures /src/signatures
COPY reports/templates /src/reports/templates
RUN /build/bin/pip wheel -q --no-deps -w /wheels /src \
 && /build/bin/pip --python /opt/vmtriage/bin/python install -q --no-index --find-links /wheels vmtriage

FROM debian:trixie-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends bubblewrap crash makedumpfile python3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin vmtriage \
 && mkdir /crash
COPY --from=build /opt/vmtriage /opt/vmtriage
ENV PATH=/opt/vmtriage/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV PYTHONDONTWRITEBYTECODE=1
WORKDIR /crash
USER vmtriage
ENTRYPOINT ["vmtriage"]
