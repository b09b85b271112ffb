#!/usr/bin/env bash
# Installs what is missing on a Debian machine with Swift, then runs every test.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=()
for package in libsqlite3-dev libpng-dev libturbojpeg0-dev; do
    dpkg -s "$package" >/dev/null 2>&1 || packages+=("$package")
done
if ((${#packages[@]})); then
    as_root=""
    [ "$(id -u)" = 0 ] || as_root=sudo
    echo "Installing ${packages[*]}"
    $as_root apt-get update -q
    $as_root apt-get install -y -q "${packages[@]}"
fi

# The import check also proves that no library sees a sibling; no traits: only SQLite and libpng are needed.
swift build --scratch-path .build/plain --explicit-target-dependency-import-check error
swift test --traits Full --parallel
