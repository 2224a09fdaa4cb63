#!/bin/sh
# Checks every overlay against the published schemas, without a cluster: those of Kubernetes itself, strictly, and those of the kinds that
# KEDA and the Prometheus operator define. The schemas come with packages of pip and npm, into target/kubernetes-check.
#
#   deploy/kubernetes/check.sh            check
#   deploy/kubernetes/check.sh --write    make components/monitoring/alerts.yaml from deploy/prometheus/alerts.yml first
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tools=${TARGET_DIR:-$here/../../target}/kubernetes-check
mkdir -p "$tools"

fail() { printf '%s\n' "$*" >&2; exit 1; }
for program in kubectl python3 npm; do
    command -v "$program" >/dev/null || fail "Missing: $program. This check needs kubectl (1.27 or newer, for its kustomize), python3 with venv, and npm."
done
if [ ! -x "$tools/venv/bin/kubernetes-validate" ]; then
    python3 -m venv "$tools/venv"
    "$tools/venv/bin/pip" install -q kubernetes-validate==1.37.0
fi
if [ ! -d "$tools/node_modules/typescript" ]; then
    (cd "$tools" && npm install --silent --no-audit --no-fund --prefix . @kubernetes-models/keda@2.0.0 @kubernetes-models/prometheus-operator@6.0.0 yaml@2 typescript@5 >/dev/null)
fi

# The rules exist once: the operator's copy is the same text under another head.
operators_copy() {
    sed -n '/^groups:/q;p' "$here/components/monitoring/alerts.yaml" | sed '/^spec:/q'
    sed -n '/^groups:/,$p' "$here/../prometheus/alerts.yml" | sed 's/^\(.\)/  \1/'
}
operators_copy >"$tools/alerts.yaml"
[ "${1:-}" != --write ] || cp "$tools/alerts.yaml" "$here/components/monitoring/alerts.yaml"
cmp -s "$tools/alerts.yaml" "$here/components/monitoring/alerts.yaml" ||
    fail "components/monitoring/alerts.yaml differs from deploy/prometheus/alerts.yml; make it anew: deploy/kubernetes/check.sh --write"

for overlay in "$here"/overlays/*/; do
    name=$(basename "$overlay")
    kubectl kustomize "$overlay" >"$tools/$name.yaml"
    "$tools/venv/bin/kubernetes-validate" --strict --no-warn "$tools/$name.yaml" >"$tools/$name.log" 2>&1 || {
        grep -v ^INFO "$tools/$name.log" >&2
        fail "overlays/$name does not fit the schemas of Kubernetes."
    }
    cp "$here/custom-kinds.mjs" "$tools/custom-kinds.mjs"
    custom=$(cd "$tools" && node custom-kinds.mjs "$name.yaml") || fail "overlays/$name does not fit the schemas of KEDA or of the Prometheus operator."
    echo "overlays/$name: $(grep -c passed "$tools/$name.log") objects of Kubernetes and $custom of others fit their schemas"
done
