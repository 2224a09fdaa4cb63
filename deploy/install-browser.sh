#!/bin/sh
# Installs the distribution's Chromium and its driver, if they are missing. The stories in a browser need them, the product does not.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

if have chromedriver && { have chromium || have chromium-browser || have google-chrome; }; then
    exit 0
fi
have apt-get || fail "Install Chromium and its driver (chromedriver) by your system's package manager, then try again."

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; elif have sudo; then sudo "$@"; else fail "Installing needs root. As root, run: $*"; fi
}
echo "Installing with apt-get: chromium chromium-driver."
as_root apt-get update -q
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium chromium-driver
