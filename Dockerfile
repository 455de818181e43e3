# flowrun in a container: `docker build .`, and `docker build --target local .` with the engine of the local model.
#
#   docker run --rm --volume "$PWD:/flows" --user "$(id -u):$(id -g)" IMAGE validate .
#
# Files of flows are read from /flows, the journal is written to /flows/.flowrun, and weights are kept in /cache.
ARG PYTHON=3.13.9-slim-trixie

FROM python:${PYTHON} AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY dsl dsl
COPY grammars grammars
COPY runtime runtime
RUN python -m venv --without-pip /opt/flowrun \
    && pip --python /opt/flowrun install --no-cache-dir .

FROM build AS build-local
# hadolint ignore=DL3013
RUN pip --python /opt/flowrun install --no-cache-dir ".[local]"

FROM python:${PYTHON} AS base
ENV PATH=/opt/flowrun/bin:$PATH \
    FLOWRUN_CACHE=/cache \
    PYTHONUNBUFFERED=1
RUN useradd --uid 10001 --user-group --create-home flowrun \
    && install --directory --mode=1777 /flows /cache
WORKDIR /flows
USER 10001:10001
ENTRYPOINT ["flowrun"]
CMD ["--help"]

FROM base AS local
USER 0
# The engine needs OpenMP.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build-local /opt/flowrun /opt/flowrun
USER 10001:10001
# `--build-arg WEIGHTS=1` puts the weights into the image, so that it needs no network.
ARG WEIGHTS=
RUN if [ -n "$WEIGHTS" ]; then flowrun weights fetch; fi

# The last stage is the default: without the local model.
FROM base AS core
COPY --from=build /opt/flowrun /opt/flowrun
