# The image of the chart. Plain instructions only (no heredocs, no digests in FROM), so that old
# builders such as Debian 12's buildah build it too.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        gcc \
        libc6-dev \
        libcjson-dev \
        libcurl4-gnutls-dev \
        libgnutls28-dev \
        libmicrohttpd-dev \
        libpcre2-dev \
        libunistring-dev \
        libyaml-dev \
        meson \
        ninja-build \
        pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN meson setup /build --buildtype=release --werror -Dtests=false \
    && meson compile -C /build keyturn \
    && strip --strip-unneeded -o /keyturn /build/webhook/keyturn

FROM ${BASE}
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates \
        libcjson1 \
        libcurl3-gnutls \
        libgnutls30 \
        libmicrohttpd12 \
        libpcre2-8-0 \
        libunistring2 \
        libyaml-0-2 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /keyturn /usr/bin/keyturn
# Fails here, and not in the cluster, when a library is missing.
RUN ["/usr/bin/keyturn", "version"]
# The numbers that the chart's securityContext names. No such user needs to exist.
USER 65532:65532
EXPOSE 8443 8080
ENTRYPOINT ["/usr/bin/keyturn"]
CMD ["serve"]
