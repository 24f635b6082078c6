#!/bin/sh
# Makes a Debian or Ubuntu machine ready to build, demonstrate or test Durward.
#
#   scripts/setup.sh build     what `cargo build` needs
#   scripts/setup.sh demo      build + a PostgreSQL server for the private demo database
#   scripts/setup.sh test      demo + the clients that the test suite drives
#   scripts/setup.sh bench     demo + what the benchmark compares with and counts by
#
# Says what is missing and why before it installs anything; says nothing and takes no time when all is there.
# Looks for things, not for packages: what came from elsewhere (pyenv, nodesource, a clang of one's own) counts.
# DURWARD_SETUP=check only reports (exit code 1 if something is missing); DURWARD_SETUP=skip does nothing.
set -eu

purpose=${1:-build}
mode=${DURWARD_SETUP:-install}
[ "$mode" = skip ] && exit 0
case $purpose in
    build | demo | test | bench) ;;
    *) echo "usage: $0 build|demo|test|bench" >&2; exit 2 ;;
esac

wanted="" # package names, in the order found missing
reasons="" # one line each: package, what for

want() { # want <package> <reason>
    case " $wanted " in *" $1 "*) return 0 ;; esac
    wanted="$wanted $1"
    reasons="$reasons  $(printf '%-28s %s' "$1" "$2")
"
}

have() { command -v "$1" >/dev/null 2>&1; }

any_file() { # any_file <path or glob>...: whether one of them exists
    for candidate in "$@"; do
        [ -e "$candidate" ] && return 0
    done
    return 1
}

candidate() { # candidate <package>: whether apt could install it
    LC_ALL=C apt-cache policy "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'
}

# --- what is missing -------------------------------------------------------------------------------------------------

find_missing_build() {
    have cc || want gcc "links the program and compiles the C parts of its libraries"
    any_file /usr/include/stdio.h || want libc6-dev "C headers"
    have make || want make "runs this Makefile"
    find_missing_libclang
}

# The SQL parser is PostgreSQL's own, in C; its bindings are made at build time by libclang. Two small packages are
# enough: the library and the compiler's own headers (stdbool.h and the like) of the same version.
find_missing_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] && return 0
    library=no
    any_file /usr/lib/llvm-*/lib/libclang*.so* /usr/lib/*-linux-gnu/libclang-[0-9]*.so* /usr/lib/*-linux-gnu/libclang.so* \
        /usr/local/lib/libclang*.so* /usr/lib64/libclang*.so* && library=yes
    headers=no
    any_file /usr/lib/llvm-*/lib/clang/*/include/stdbool.h /usr/lib/clang/*/include/stdbool.h \
        /usr/local/lib/clang/*/include/stdbool.h && headers=yes
    [ $library = yes ] && [ $headers = yes ] && return 0

    version=$(libclang_version)
    library_package=""
    for name in "libclang1-$version" "libclang1-${version}t64"; do
        [ -n "$version" ] && candidate "$name" && library_package=$name && break
    done
    if [ -n "$library_package" ] && candidate "libclang-common-$version-dev"; then
        want "$library_package" "reads C headers to make the SQL parser's bindings"
        want "libclang-common-$version-dev" "the compiler headers that it needs"
    else
        want libclang-dev "reads C headers to make the SQL parser's bindings"
    fi
}

# The distribution's own default version: what `libclang-dev` stands for.
libclang_version() {
    LC_ALL=C apt-cache depends libclang-dev 2>/dev/null | sed -n 's/^ *Depends: libclang-\([0-9][0-9]*\)-dev.*/\1/p' | head -n 1
}

find_missing_postgres() {
    postgres_for="the private demo database (never started as a service here)"
    if ! { any_file /usr/lib/postgresql/*/bin/initdb || have initdb; } \
        || ! { any_file /usr/lib/postgresql/*/bin/pgbench || have pgbench; }; then
        want postgresql "$postgres_for"
    fi
    have psql || any_file /usr/lib/postgresql/*/bin/psql || want postgresql-client "psql"
}

find_missing_clients() {
    have python3 || want python3 "drives psycopg, asyncpg and SQLAlchemy in the tests"
    if ! have python3 || ! python3 -c 'import venv, ensurepip' >/dev/null 2>&1; then
        want python3-venv "a private place for those libraries"
    fi
    have node || want nodejs "drives node-postgres in the tests"
    have npm || want npm "fetches node-postgres"
    have javac || want default-jdk-headless "drives JDBC in the tests"
    have bzip2 || want bzip2 "unpacks PostgreSQL's regression statements"
    any_file /usr/share/java/postgresql.jar /usr/share/java/postgresql-[0-9]*.jar \
        || want libpostgresql-jdbc-java "the JDBC driver"
}

find_missing_peers() {
    have pgbouncer || any_file /usr/sbin/pgbouncer || want pgbouncer "what the gateway is compared with (its service isn't started)"
    have valgrind || want valgrind "counts instructions"
}

# --- install ---------------------------------------------------------------------------------------------------------

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@" >"$log" 2>&1
}

# Debian starts a cluster on port 5432 when a server package is installed. Nobody asked for one, so that is switched off
# for the length of this installation; a cluster that is there already is left alone.
install_without_cluster() {
    conf=/etc/postgresql-common/createcluster.conf
    apt install -y --no-install-recommends postgresql-common || return 1
    as_root cp -p "$conf" "$conf.durward"
    echo 'create_main_cluster = false' | as_root tee -a "$conf" >/dev/null
    status=0
    apt install -y --no-install-recommends "$@" || status=1
    as_root mv "$conf.durward" "$conf"
    return $status
}

# Debian starts a service when its package is installed, unless this file forbids it (invoke-rc.d(8)).
install_without_service() {
    policy=/usr/sbin/policy-rc.d
    [ -e "$policy" ] && { apt install -y --no-install-recommends "$@"; return; }
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod +x "$policy"
    status=0
    apt install -y --no-install-recommends "$@" || status=1
    as_root rm "$policy"
    return $status
}

install_wanted() {
    case " $wanted " in
        *" pgbouncer "*) install_without_service pgbouncer || return 1 ;;
    esac
    case " $wanted " in
        *" postgresql "*) install_without_cluster $wanted ;;
        *) apt install -y --no-install-recommends $wanted ;;
    esac
}

lists_are_empty() {
    ! ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1
}

find_missing() {
    wanted=""
    reasons=""
    find_missing_build
    case $purpose in demo | test | bench) find_missing_postgres ;; esac
    case $purpose in test) find_missing_clients ;; esac
    case $purpose in bench) find_missing_peers ;; esac
}

if ! have cargo && [ ! -x "$HOME/.cargo/bin/cargo" ]; then
    echo "Durward is built with cargo, which is missing here: install it from https://rustup.rs and run this again." >&2
    exit 1
fi

find_missing
[ -z "$wanted" ] && exit 0

if ! have apt-get; then
    echo "Missing on this machine (package names are Debian's):" >&2
    printf '%s' "$reasons" >&2
    echo "This script installs them on Debian and Ubuntu only; please install their like and run it again." >&2
    exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Package names depend on the distribution's version, so the list is needed before names are chosen.
if lists_are_empty && [ "$mode" = install ]; then
    echo "Reading the distribution's package lists (apt-get update)."
    apt update || { cat "$log" >&2; exit 1; }
    find_missing
fi

echo "Missing here, to be installed with apt-get (once):"
printf '%s' "$reasons"
[ "$mode" = check ] && exit 1

if [ "$(id -u)" != 0 ]; then
    if ! have sudo; then
        echo "This needs root and sudo is missing. As root: apt-get install --no-install-recommends$wanted" >&2
        exit 1
    fi
    echo "sudo may ask for your password."
fi

# A stale list names versions that the mirror no longer has: refresh once and try again.
install_wanted || { apt update && install_wanted; } || {
    echo "apt-get failed:" >&2
    cat "$log" >&2
    exit 1
}

find_missing
if [ -n "$wanted" ]; then
    echo "Still missing after the installation:" >&2
    printf '%s' "$reasons" >&2
    exit 1
fi
echo "Installed."
