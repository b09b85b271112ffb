#!/usr/bin/env bash
# Times the README's two commands on a Debian that has nothing but Swift.
#
#   Tests/Install/fresh.sh [--quickstart|--tests]    needs root; an hour and more, or one of the two alone
#
# The Debian is made by debootstrap, once. This machine's Swift is put into it, with the Debian packages that swift.org asks for,
# and a clone of the commit that is checked out, with the shared pictures and models beside it. Nothing else is there: no cache of
# an earlier run either. GLEANER_MIRRORS names paths, with blanks between, that are found in there as they are here: what this
# machine has instead of the internet. Ends with the figures.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$(dirname "$here")")
# shellcheck source=SCRIPTDIR/../../Examples/quickstart/setup.sh
source "$root/Examples/quickstart/setup.sh"
# shellcheck source=SCRIPTDIR/bare.sh
source "$here/bare.sh"

commands=(Examples/quickstart.sh Tests/run.sh)
case ${1-} in
"") ;;
--quickstart) commands=(Examples/quickstart.sh) ;;
--tests) commands=(Tests/run.sh) ;;
-h | --help)
    print_help
    exit
    ;;
*) fail "fresh.sh knows no option $1; try --help" ;;
esac
((EUID == 0)) || fail "fresh.sh needs root: it makes a Debian of its own."

# What swift.org asks for on Debian 12.
SWIFT_NEEDS=(
    binutils-gold gcc git libcurl4-openssl-dev libedit-dev libicu-dev libncurses-dev libpython3-dev libsqlite3-dev libstdc++-12-dev
    libxml2-dev pkg-config tzdata uuid-dev
)

need_swift
need_debian debootstrap util-linux
work=$(mktemp -d "${TMPDIR:-/var/tmp}/gleaner-fresh.XXXXXX")
finish() {
    local status=$?
    rm -rf --one-file-system "$work"
    exit "$status"
}
trap finish EXIT
make_bare
unpack_bare "$work/device"

# Swift as it lies here, whole: its compiler is in bin, its libraries are in lib.
swift_usr=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")
mkdir -p "$work/device/opt/swift/usr" "$work/device/src/shared"
git clone -q "$root" "$work/device/src/gleaner"
cp -L /etc/resolv.conf "$work/device/etc/"
# What Debian's installer writes, and debootstrap does not.
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >"$work/device/etc/hosts"

# inside COMMAND...: in there, with mounts that go with the command, and with what the environment says of proxies and certificates.
inside() {
    unshare --mount --pid --fork bash -c '
        device=$1 swift=$2 shared=$3 mirrors=$4
        shift 4
        # A root that is no mount lets nobody in there have mounts of his own, as the tests of links and walls do.
        mount --bind "$device" "$device"
        mount -t proc proc "$device/proc"
        mount -t sysfs sys "$device/sys"
        mount --rbind /dev "$device/dev"
        mount -t tmpfs shm "$device/dev/shm"
        mount --bind -o ro "$swift" "$device/opt/swift/usr"
        mount --bind -o ro "$shared" "$device/src/shared"
        for path in $mirrors; do
            if [[ -d $path ]]; then mkdir -p "$device$path"; else mkdir -p "$(dirname "$device$path")"; touch "$device$path"; fi
            mount --bind -o ro "$path" "$device$path"
        done
        exec chroot "$device" env -u XDG_CACHE_HOME HOME=/root PATH=/opt/swift/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
    ' _ "$work/device" "$swift_usr" "$root/../shared" "${GLEANER_MIRRORS-}" "$@"
}

note "Swift's own needs"
inside apt-get -qq update
inside env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "${SWIFT_NEEDS[@]}" >/dev/null

figures=()
for command in "${commands[@]}"; do
    note "$command"
    begun=$SECONDS
    inside bash -c "cd /src/gleaner && $command"
    figures+=("$command: $((SECONDS - begun)) s, on $(nproc) processors")
done
printf '%s\n' "${figures[@]}"
