# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034
# What must be there before anything else can run: Debian packages, Python, its virtual environment.
# Sourced by ./dev, which stands in the root of the checkout.

cache=${KEYTURN_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/keyturn}

build_packages="meson ninja-build pkg-config gcc libc6-dev libmicrohttpd-dev libgnutls28-dev
    libcjson-dev libcurl4-gnutls-dev libyaml-dev libpcre2-dev libunistring-dev check python3"
cluster_packages="openssl ca-certificates"
# The AWS stand-in is checked against curl's signer.
test_packages="curl"
check_packages="clang-format clang-tidy cppcheck git"

fail() {
    echo "./dev: $*" >&2
    exit 1
}

is_installed() {
    case $(dpkg-query -W -f='${Status}' "$1" 2>/dev/null) in
    "install ok installed") return 0 ;;
    *) return 1 ;;
    esac
}

# Installs what is missing of the packages named; asks nothing of apt when all are there.
need_packages() {
    if ! command -v dpkg-query >/dev/null; then
        echo "./dev: no Debian system; you need the equivalents of: $*" >&2
        return 0
    fi
    missing=
    for package in "$@"; do
        is_installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            fail "these packages are missing, and there is no sudo to install them:
    apt-get install --no-install-recommends$missing"
        as_root=sudo
    fi
    echo "./dev: installing$missing" >&2
    # The package lists may be absent or stale; only then are they fetched.
    apt_get "$as_root" install || {
        apt_get "$as_root" update && apt_get "$as_root" install
    } || fail "apt-get failed (its last words are above). Once it works, this must:
    apt-get update && apt-get install --no-install-recommends$missing"
}

# apt_get SUDO install|update: quiet, unless it fails.
apt_get() {
    mkdir -p "$cache"
    apt_log=$cache/apt.log
    if [ "$2" = install ]; then
        # shellcheck disable=SC2086
        set -- $1 env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
            $missing
    else
        # shellcheck disable=SC2086
        set -- $1 apt-get update
    fi
    if "$@" </dev/null >"$apt_log" 2>&1; then
        return 0
    fi
    tail -n 5 "$apt_log" >&2
    return 1
}

# clang, and the sanitizer runtimes, whose package is named after clang's version.
need_clang() {
    need_packages clang
    command -v dpkg-query >/dev/null || return 0
    version=$(clang -dumpversion)
    need_packages "libclang-rt-${version%%.*}-dev"
}

python_is_usable() {
    "$1" -c "import sys; ${2:-pass}; sys.exit(sys.version_info < (3, 11))" 2>/dev/null
}

# Sets $python to the first python3 that is 3.11 or later. $1: modules it must have as well.
find_python() {
    for python in python3 /usr/bin/python3; do
        if python_is_usable "$python" "${1:-}"; then
            return 0
        fi
    done
    need_packages python3
    python=/usr/bin/python3
    python_is_usable "$python" || fail "Python 3.11 or later is needed, and this system has none"
}

# Sets $venv_python to a Python with the packages of tests/requirements.txt, in a virtual
# environment in the cache: one for each content of that file and each Python.
make_venv() {
    find_python "import ensurepip, venv"
    if ! python_is_usable "$python" "import ensurepip, venv"; then
        need_packages python3-venv
        python=/usr/bin/python3
    fi
    key=$({
        "$python" -c 'import sys; print(sys.version, sys.base_prefix)'
        cat tests/requirements.txt
    } | sha256sum | cut -c1-16)
    venv=$cache/venv/$key
    venv_python=$venv/bin/python
    [ ! -e "$venv/complete" ] || return 0
    mkdir -p "$cache/venv"
    echo "./dev: installing tests/requirements.txt into $venv" >&2
    (
        flock 9 # another run may be making it
        [ ! -e "$venv/complete" ] || exit 0
        rm -rf "$venv"
        "$python" -m venv "$venv" &&
            "$venv_python" -m pip install --quiet --disable-pip-version-check --no-deps \
                --requirement tests/requirements.txt &&
            : >"$venv/complete"
    ) 9>"$cache/venv/lock" ||
        fail "the virtual environment could not be made (see above); pip needs its package index"
}
