#!/bin/sh
# Starts docker-compose.yml for real and tells what it saw (tests/tests/compose). Brings what is missing: on a machine without an Engine one of
# its own, with its data under target/engine, and where no registry of images is reached stand-ins for the images.
#
#   ORGMIRROR_PREBUILT=   compiles inside of the image's own build instead of taking a release build of this machine
#   ORGSIM_USERS=20000    size of the simulated organisation
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
engine=$(mkdir -p "$target/engine" && cd "$target/engine" && pwd)
export ORGMIRROR_PREBUILT="${ORGMIRROR_PREBUILT-yes}" DOCKER_BUILDKIT=0

say() { printf '%s\n' "$*" >&2; }

missing=
command -v docker >/dev/null && command -v dockerd >/dev/null || missing="$missing docker.io iptables"
command -v docker-compose >/dev/null || missing="$missing docker-compose"
command -v debootstrap >/dev/null || missing="$missing debootstrap"
if [ -n "$missing" ]; then
    say "Installing with apt-get:$missing"
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
fi

if ! docker info >/dev/null 2>&1; then
    say "No Engine answers: starting one of this test's own."
    export DOCKER_HOST="unix://$engine/docker.sock"
    dockerd --host "$DOCKER_HOST" --data-root "$engine/data" --exec-root "$engine/exec" --pidfile "$engine/pid" >"$engine/log" 2>&1 &
    dockerd=$!
    trap 'kill "$dockerd" 2>/dev/null; wait "$dockerd" || true' EXIT
    for _ in $(seq 60); do
        ! docker info >/dev/null 2>&1 || break
        kill -0 "$dockerd" 2>/dev/null || { tail -n 5 "$engine/log" >&2; exit 1; }
        sleep 1
    done
fi

# A registry's own images go before stand-ins.
if ! docker image inspect debian:bookworm-slim >/dev/null 2>&1 && ! docker pull -q debian:bookworm-slim >/dev/null 2>&1; then
    with_rust=
    [ -n "$ORGMIRROR_PREBUILT" ] || with_rust=--with-rust
    sh deploy/stand-ins/build.sh $with_rust
fi

if [ -n "$ORGMIRROR_PREBUILT" ]; then
    cargo build --release -p orgmirror
    mkdir -p deploy/prebuilt
    cp "$target/release/orgmirror" deploy/prebuilt/
    strip --strip-debug deploy/prebuilt/orgmirror
    [ -x "$target/tools/bin/cargo-cyclonedx" ] ||
        cargo install --quiet --locked --version 0.5.9 --root "$target/tools" cargo-cyclonedx
    # It writes one beside each package of the workspace.
    "$target/tools/bin/cargo-cyclonedx" cyclonedx --quiet --format json --override-filename sbom --manifest-path services/orgmirror/Cargo.toml
    mv services/orgmirror/sbom.json deploy/prebuilt/sbom.cdx.json
    find bench services shared tests xtask -name sbom.json -delete
fi

cargo test -p orgmirror-tests --test compose -- --nocapture
