# shellcheck shell=bash
# A Debian as it comes onto a device: systemd, and nothing that Gleaner needs. Made once, and kept in the cache.
#
# Callers have sourced setup.sh, run as root and have a folder of their own in `work`.

SUITE=bookworm
bare_root="$GLEANER_CACHE/install/$SUITE-$(dpkg --print-architecture).tar"

# make_bare: makes it where there is none. Its lists of packages are up to date then.
make_bare() {
    [[ ! -e $bare_root ]] || return 0
    local new="$work/bare"
    note "making a bare Debian with debootstrap"
    mkdir -p "$(dirname "$bare_root")"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,ca-certificates "$SUITE" "$new" >"$work/debootstrap.log" 2>&1 \
        || fail "debootstrap failed; see $work/debootstrap.log"
    chroot "$new" apt-get -qq update
    chroot "$new" apt-get clean
    tar -C "$new" -cf "$bare_root.part" .
    mv "$bare_root.part" "$bare_root"
    rm -rf "$new"
}

unpack_bare() {
    mkdir -p "$1"
    tar -C "$1" -xf "$bare_root"
}
