#!/bin/sh
# Builds stand-ins for the images that the Dockerfile and docker-compose.yml name, under the same names and tags, from the distribution's
# packages: for machines that reach no registry of images. They serve tests and nothing else.
#
#   deploy/stand-ins/build.sh [--with-rust]
#
# --with-rust puts this machine's Rust toolchain into the Rust image, so that the Dockerfile can compile; without it the Dockerfile needs the
# argument PREBUILT. Needed: root, debootstrap, docker with an Engine.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
with_rust=${1:-}

suite=bookworm
debian=debian:$suite-slim
rust=rust:1.95-slim-$suite

have() { docker image inspect "$1" >/dev/null 2>&1; }
say() { printf '%s\n' "$*" >&2; }

if ! have "$debian"; then
    say "$debian: by debootstrap"
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT
    debootstrap --variant=minbase "$suite" "$root" >/dev/null
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    tar -C "$root" -c . | docker import --change 'CMD ["bash"]' - "$debian" >/dev/null
fi

if [ "$with_rust" = --with-rust ]; then
    say "$rust: with the toolchain of this machine"
    toolchain=$(rustc --print sysroot)
    context=$(mktemp -d)
    trap 'rm -rf "$root" "$context"' EXIT
    cp -r "$toolchain/bin" "$toolchain/lib" "$context/"
    rm -rf "$context/lib/rustlib/src" "$context"/share
    # The certificates of this machine, so that cargo reaches its registry from within as it does from here.
    cp -L /etc/ssl/certs/ca-certificates.crt "$context/"
    printf 'FROM %s\nCOPY bin /usr/local/bin\nCOPY lib /usr/local/lib\nCOPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt\n' "$debian" >"$context/Dockerfile"
    docker build -q -t "$rust" "$context" >/dev/null
elif ! have "$rust"; then
    say "$rust: Debian alone, without Rust"
    docker tag "$debian" "$rust"
fi

# The names are those of docker-compose.yml.
stand_in() {
    folder=$1 image=$(sed -n "s|^ *image: \($2:.*\)|\1|p" "$here/../../docker-compose.yml" | head -n 1)
    have "$image" && return
    say "$image: deploy/stand-ins/$folder"
    docker build -q -t "$image" "$here/$folder" >/dev/null
}
stand_in postgres postgres
stand_in redis redis
stand_in prometheus prom/prometheus
stand_in grafana grafana/grafana
stand_in collector otel/opentelemetry-collector
