#!/bin/sh
# Installs the distribution's Postgres and Redis server programs, if they are missing; with --for-tests also Prometheus, by which the
# tests look at dashboards and alerts.
#
# Orgmirror starts private servers from these programs (`orgmirror up`, the tests). No service is set up, started or changed: on Debian
# and Ubuntu, where installing Postgres would create a database cluster and start it, this is prevented for the time of the installation.
set -eu

# Everything below may be called by hand with a short PATH.
PATH="$PATH:/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"

say() { printf '%s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# The places that shared/private-servers looks into (src/programs.rs).
have_postgres() {
    have postgres && return 0
    for program in /usr/lib/postgresql/*/bin/postgres /usr/pgsql-*/bin/postgres /usr/libexec/postgresql*/postgres \
        /opt/homebrew/opt/postgresql@*/bin/postgres /usr/local/opt/postgresql@*/bin/postgres; do
        [ ! -x "$program" ] || return 0
    done
    return 1
}
have_redis() { have redis-server || have valkey-server; }
have_prometheus() { [ "$for_tests" = no ] || { have prometheus && have promtool; }; }

for_tests=no
[ "${1:-}" != --for-tests ] || for_tests=yes
missing=
have_postgres || missing="Postgres"
have_redis || missing="${missing:+$missing and }Redis"
have_prometheus || missing="${missing:+$missing and }Prometheus"
[ -n "$missing" ] || exit 0

# Runs a command as root, asking for a password only where there is no other way.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    elif have doas; then
        doas "$@"
    else
        fail "Installing needs root, and neither sudo nor doas is here. As root, run: $*"
    fi
}

say "Missing here: the server programs of $missing."

install_debian() {
    packages=
    have_postgres || packages="postgresql"
    have_redis || packages="$packages redis-server"
    have_prometheus || packages="$packages prometheus"
    say "Installing with apt-get:$(printf ' %s' $packages). No database cluster is created and no service is started."
    as_root sh -s $packages <<'ROOT'
set -eu
policy=/usr/sbin/policy-rc.d
cluster=/etc/postgresql-common/createcluster.conf
made_policy= kept_cluster=
undo() {
    [ -z "$made_policy" ] || rm -f "$policy"
    [ -z "$kept_cluster" ] || mv -f "$kept_cluster" "$cluster"
}
trap undo EXIT
trap 'exit 1' HUP INT TERM
install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}
# 101 is Debian's answer for "this service must not be started". A policy that is already there is somebody's decision: it stays.
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made_policy=yes
fi
apt-get update -qq
case " $* " in *" postgresql "*)
    # Brings the setting that the server's package reads; it is as before when this script ends.
    install postgresql-common
    if [ -f "$cluster" ]; then
        cp -p "$cluster" "$cluster.orgmirror"
        kept_cluster="$cluster.orgmirror"
    fi
    printf 'create_main_cluster = false\n' >>"$cluster"
esac
install "$@"
# Not now and not at the next start of the computer.
for service in redis-server prometheus; do
    case " $* " in *" $service "*) update-rc.d "$service" disable >/dev/null 2>&1 || true ;; esac
done
ROOT
}

install_with() {
    say "Installing with $1: $2"
    # shellcheck disable=SC2086 # a list of words
    as_root $1 $2
}

if have apt-get; then
    install_debian
elif have dnf; then
    # Newer versions ship Valkey in the place of Redis; Orgmirror uses either.
    redis=redis
    dnf -q list --available redis >/dev/null 2>&1 || redis=valkey
    prometheus=
    have_prometheus || prometheus=golang-github-prometheus
    install_with "dnf install -y" "postgresql-server $redis $prometheus"
elif have apk; then
    prometheus=
    have_prometheus || prometheus=prometheus
    install_with "apk add" "postgresql redis $prometheus"
elif have pacman; then
    redis=redis
    pacman -Si redis >/dev/null 2>&1 || redis=valkey
    prometheus=
    have_prometheus || prometheus=prometheus
    install_with "pacman -S --needed --noconfirm" "postgresql $redis $prometheus"
elif have brew; then
    say "Installing with brew: postgresql@17 redis prometheus"
    brew install postgresql@17 redis prometheus
else
    fail "No package manager known to this script is here. Install the server programs of $missing by hand, or set
ORGMIRROR_DATABASE_URL and ORGMIRROR_REDIS_URL to servers that already run."
fi

have_postgres || fail "The packages are installed, but \`postgres\` is still not found; look for it and add its folder to PATH."
have_redis || fail "The packages are installed, but \`redis-server\` is still not found; look for it and add its folder to PATH."
have_prometheus || fail "The packages are installed, but \`prometheus\` is still not found; look for it and add its folder to PATH."
say "Done: the server programs are installed. Orgmirror starts them itself, with data in its own folder."
