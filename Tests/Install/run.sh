#!/usr/bin/env bash
# Installs the package on a bare Debian with a real systemd, and lets everything happen to it that happens to a device.
#
#   Tests/Install/run.sh [--keep]      needs root; some minutes, and more where something is to be downloaded first
#
# The bare Debian is made by debootstrap, once, and booted by systemd-nspawn without a network. --keep leaves it there, for a look.
# Needs the shared pictures and models (../shared/data). GLEANER_PACKAGES names a folder for the packages: those that lie in it are
# taken as they are. Ends with the figures.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$(dirname "$here")")
# shellcheck source=SCRIPTDIR/../../Examples/quickstart/setup.sh
source "$root/Examples/quickstart/setup.sh"
# shellcheck source=SCRIPTDIR/bare.sh
source "$here/bare.sh"

keep=
case ${1-} in
"") ;;
--keep) keep=1 ;;
-h | --help)
    print_help
    exit
    ;;
*) fail "run.sh knows no option $1; try --help" ;;
esac
((EUID == 0)) || fail "run.sh needs root: it makes a Debian of its own and boots it."
data="$root/../shared/data"
[[ -d $data ]] || fail "run.sh needs the shared pictures and models at $data"

HOME_OF_ALL=/var/lib/gleaner
STATION=$HOME_OF_ALL/default

step() { printf '\n== %s (after %s s)\n' "$1" "$SECONDS"; }
figures=()
figure() {
    figures+=("$(printf '%-58s %s' "$1" "$2")")
    note "$1: $2"
}

# now: seconds since the machine was started.
now() { cut -d ' ' -f 1 /proc/uptime; }
since() { awk -v from="$1" '{printf "%.1f", $1 - from}' /proc/uptime; }

# until SECONDS WHAT COMMAND...: asks again and again; fails when it did not come true in time.
until_true() {
    local seconds=$1 what=$2 from
    shift 2
    from=$SECONDS
    while ! "$@" >/dev/null 2>&1; do
        if ((SECONDS - from >= seconds)); then
            inside systemctl status --no-pager -l 'gleaner*' || true
            cat "$work/container.log" 2>/dev/null || true
            inside journalctl --no-pager -n 40 -u 'gleaner*' || true
            fail "In $seconds s it did not come to this: $what"
        fi
        sleep 0.2
    done
}

is() { [[ $1 == "$2" ]] || fail "$3: $1, not $2"; }

# ---- The bare Debian

archives="$GLEANER_CACHE/install/archives"
work=
leader=

boot() {
    # Landlock, by which a model that is tried is walled in, is not among what a container may call by itself.
    systemd-nspawn --quiet --directory "$work/device" --boot --register=no --keep-unit --private-network --link-journal=no \
        --resolv-conf=off --timezone=off --bind-ro="$packages:/packages" --bind-ro="$work/bundles:/bundles" \
        --bind="$archives:/var/cache/apt/archives" \
        --system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self" \
        </dev/null >"$work/console.log" 2>&1 &
    nspawn=$!
    for _ in {1..100}; do
        leader=$(pgrep -P "$nspawn" || true)
        [[ -z $leader ]] || case $(inside systemctl is-system-running 2>/dev/null) in running | degraded) return 0 ;; esac
        sleep 0.2
    done
    tail -n 20 "$work/console.log" >&2
    fail "The bare Debian does not boot."
}

# inside COMMAND...: as root on the device; as COMMAND...: as the user of the service.
inside() {
    nsenter --target "$leader" --mount --uts --ipc --net --pid --root -- \
        env -C / -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive SYSTEMD_PAGER= "$@"
}
as_gleaner() { inside runuser -u gleaner -- env HOME=$HOME_OF_ALL "$@"; }

finish() {
    local status=$?
    if [[ -n $leader ]]; then
        kill -s RTMIN+4 "$leader" 2>/dev/null || true # halt
        for _ in {1..50}; do
            kill -0 "$nspawn" 2>/dev/null || break
            sleep 0.2
        done
        kill -9 "$nspawn" "$leader" 2>/dev/null || true
        wait "$nspawn" 2>/dev/null || true
    fi
    if [[ -n $keep ]]; then
        note "everything is left in $work"
    elif [[ -n $work ]]; then
        rm -rf --one-file-system "$work"
    fi
    exit "$status"
}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/gleaner-install.XXXXXX")
trap finish EXIT

# ---- What is said of the deployment

# get KEYS: a number or a text out of `gleaner status --json`.
get() {
    as_gleaner gleaner status --json -C $STATION | "$VENV/bin/python" -c '
import functools, json, sys
print(functools.reduce(lambda each, key: each[key], sys.argv[1].split("."), json.load(sys.stdin)))' "$1"
}
stored() { [[ $(get frames.stored) -ge $1 ]]; }
offered() { [[ $(get frames.offered) -ge $1 ]]; }
unit() { inside systemctl show --value -p "$1" gleaner.service; }
state_is() { [[ $(unit ActiveState) == "$1" ]]; }
# Whether it runs, and not as process `pid`; whether it was started so many times since there were `restarts`.
runs_anew() { state_is active && [[ $(unit MainPID) != "$pid" ]]; }
was_restarted() { (($(unit NRestarts) - restarts >= $1)); }
conserved() {
    local sum
    sum=$(($(get frames.stored) + $(get frames.rejected) + $(get frames.dropped)))
    is "$(get frames.offered)" "$sum" "frames unaccounted for"
}

# in_root FOLDER COMMAND...: with what a chroot of that folder needs mounted in it, for this command alone.
in_root() {
    unshare --mount sh -c 'mount -t proc proc "$1/proc" && mount --bind "$2" "$1/var/cache/apt/archives" && shift 2 && exec "$@"' \
        _ "$1" "$archives" "${@:2}"
}

# pictures FIRST COUNT [PER_SECOND]: puts pictures of meters into the folder that is the source, whole at once.
pictures() {
    local number=$1 last=$(($1 + $2)) file
    while ((number < last)); do
        file=$(printf '%06d.jpg' "$number")
        cp "${field[number % ${#field[@]}]}" "$work/device/srv/camera/.$file"
        mv "$work/device/srv/camera/.$file" "$work/device/srv/camera/$file"
        number=$((number + 1))
        [[ -z ${3-} ]] || sleep "$(awk -v rate="$3" 'BEGIN {print 1 / rate}')"
    done
}

# ---- It begins

step "Getting ready"
need_debian debootstrap systemd-container lintian procps util-linux python3-venv
need_venv tests-install "${QUICKSTART_PINS[@]}" jsonschema==4.26.0 pillow==13.0.0 pytest==9.2.0
need_onnxruntime
PYTHON_OF_TESTS=$VENV/bin/python
make_bare
mkdir -p "$archives/partial"

step "Packing"
packages=${GLEANER_PACKAGES:-$work/packages}
if ! compgen -G "$packages/gleaner_*-2_*.deb" >/dev/null; then
    "$root/Examples/deploy/package.sh" "$packages"
    "$root/Examples/deploy/package.sh" --revision 2 "$packages"
fi
newer=$(echo "$packages"/gleaner_*-2_*.deb)
older=${newer/-2_/_}
tarball=$(echo "$packages"/gleaner-*-2-*.tar.gz)
lintian --fail-on error,warning --allow-root "$older" || fail "lintian finds errors."
figure "the package" "$(du -m "$older" | cut -f 1) MB; as .tar.gz $(du -m "$tarball" | cut -f 1) MB"
figure "it depends on" "$(dpkg-deb -f "$older" Depends)"

# ---- One file, and it collects

step "Bare Debian to first kept frame"
mapfile -t field < <(printf '%s\n' "$data"/meter-digits/images/field/*.jpg)
mkdir "$work/bundles"
(cd "$root/Tests/EndToEnd" && "$PYTHON_OF_TESTS" - "$data" "$work/bundles" <<'END'
import os, sys
from pathlib import Path
import bundles
from badmodels import corpus, stub
data, to = map(Path, sys.argv[1:])
for version in (1, 2):
    bundles.make(data / f"models/meter-digits-v{version}", to / f"meter-{version}.tar")
# A model that hangs at the sixth frame of a process, and frames for it.
corpus.bundle(corpus.marked("hang@run=6,in=run"), to / "hangs.tar")
(to / "frames").mkdir()
for number in range(15):
    corpus.put(to / "frames", number)
os.environ["GLEANER_ONNXRUNTIME"] = f"/usr/lib/gleaner/{Path(os.environ['GLEANER_ONNXRUNTIME']).name}"
stub.build(to)
END
)
unpack_bare "$work/device"
mkdir "$work/device/srv/camera"
# What it takes to download is not measured: the packages that ours needs and recommends.
mkdir -p "$work/device/packages"
mount --bind "$packages" "$work/device/packages"
mount --bind "$archives" "$work/device/var/cache/apt/archives"
chroot "$work/device" apt-get -qq install --download-only "/packages/$(basename "$older")" >/dev/null
umount "$work/device/packages" "$work/device/var/cache/apt/archives"
boot
begun=$(now)
inside apt-get -qq install "/packages/$(basename "$older")" >"$work/apt.log" 2>&1 || {
    tail -n 20 "$work/apt.log" >&2
    fail "The package cannot be installed."
}
figure "apt-get install, with what it needs and recommends" "$(since "$begun") s"
is "$(unit UnitFileState)" enabled "the service at boot"
# Nothing to collect for is no failure.
is "$(unit ActiveState)" inactive "the service without a deployment"
as_gleaner gleaner init $STATION >/dev/null
sed -i 's|^source:.*|source: folder:/srv/camera|' "$work/device$STATION/gleaner.yaml"
as_gleaner gleaner model import /bundles/meter-1.tar -C $STATION
pictures 0 20
inside systemctl start gleaner
until_true 60 "a frame is kept" stored 1
figure "bare Debian to first kept frame, without downloads" "$(since "$begun") s"
figure "installed: the package" "$(inside dpkg-query -W -f "\${Installed-Size}" gleaner | awk '{printf "%.0f MB", $1 / 1024}')"
figure "installed: the program, ONNX Runtime" \
    "$(du -m "$work/device/usr/bin/gleaner" | cut -f 1) MB, $(du -m "$work/device/usr/lib/gleaner" | cut -f 1) MB"

step "What is said of the service"
is "$(inside gleaner --version)" "$(dpkg-deb -f "$older" Version)" "the version"
inside systemd-analyze verify --man=no gleaner.service gleaner@orchard.service
figure "systemd-analyze security" "$(inside systemd-analyze security gleaner.service --no-pager | tail -n 1 | sed 's/^[^0-9]*//')"
# The walls around a model stand behind the service's own.
as_service() {
    local properties=() property
    for property in "${hardening[@]}"; do properties+=(-p "$property"); done
    inside systemd-run --quiet --pipe --wait --collect "${properties[@]}" "$@"
}
mapfile -t hardening < <(sed -n '/^User=/,/^\[Install\]/p' "$work/device/usr/lib/systemd/system/gleaner.service" | grep -v '^$\|^#\|^\[')
as_service gleaner model import /bundles/meter-2.tar -C $STATION
walls=$(as_gleaner gleaner model show meter-digits@2 --json -C $STATION | "$PYTHON_OF_TESTS" -c 'import json, sys; print(*json.load(sys.stdin)["proof"]["walls"])')
is "$walls" "network files memory processor" "walls around a model that the service tries"

step "It comes back"
pid=$(unit MainPID)
inside systemctl kill --kill-who=main -s SEGV gleaner
until_true 30 "it comes back after a crash" runs_anew
pictures 20 20
until_true 30 "it goes on after a crash" offered 40

# A crash loop: it never gives up, and goes on as soon as it can.
inside mv /usr/lib/gleaner /usr/lib/gleaner.away
restarts=$(unit NRestarts)
inside systemctl kill --kill-who=main -s KILL gleaner
until_true 90 "it is started again and again" was_restarted 7
inside mv /usr/lib/gleaner.away /usr/lib/gleaner
pictures 40 20
until_true 60 "it goes on after a crash loop" offered 60
conserved

# A model that hangs at every sixth frame, in a deployment of its own: the watchdog ends it each time, and it goes on.
# It is the first model there, so that there is none to go back to.
as_gleaner gleaner init $HOME_OF_ALL/orchard >/dev/null
sed -i 's|^source:.*|source: folder:/bundles/frames|' "$work/device$HOME_OF_ALL/orchard/gleaner.yaml"
as_gleaner gleaner model import /bundles/hangs.tar -C $HOME_OF_ALL/orchard
mkdir "$work/device/etc/systemd/system/gleaner@orchard.service.d"
printf '[Service]\nWatchdogSec=4\nEnvironment=GLEANER_ONNXRUNTIME=/bundles/libonnxruntime-stub.so\n' \
    >"$work/device/etc/systemd/system/gleaner@orchard.service.d/hang.conf"
inside systemctl daemon-reload
inside systemctl start gleaner@orchard
all_seen() { as_gleaner gleaner status --json -C $HOME_OF_ALL/orchard | grep -q '"offered" *: *15'; }
until_true 90 "the watchdog brings a model that hangs over all frames" all_seen
ended=$(inside journalctl -u gleaner@orchard | grep -c 'Watchdog timeout' || true)
((ended > 0)) || fail "The frames passed without the watchdog."
note "the watchdog ended it $ended times; all 15 frames are decided"
inside systemctl stop gleaner@orchard
rm -r "$work/device/etc/systemd/system/gleaner@orchard.service.d"

step "Speed and memory"
figure "start-up, until it collects" "$(
    begun=$(now)
    inside systemctl restart gleaner
    since "$begun"
) s"
# memory: of the process, and of what was mapped from files and may go; in MiB.
memory() {
    inside awk '/^Rss:/ {all = $2} /^Private|^Anonymous/ {if ($1 == "Anonymous:") own = $2}
        END {printf "%.0f MiB resident, %.0f MiB of them its own", all / 1024, own / 1024}' "/proc/$(unit MainPID)/smaps_rollup"
}
sleep 10
figure "memory at rest" "$(memory)"
pictures 60 100 5
figure "memory at 5 frames a second" "$(memory)"
lines=$(inside journalctl -u gleaner --since -20s --output cat | grep -vc '^$' || true)
((lines == 0)) || fail "$lines lines in the journal while nothing happened: $(inside journalctl -u gleaner --since -20s --output cat)"
until_true 30 "all frames are looked at" offered 160
conserved

step "A stick comes by while it collects"
inside sed -i '/^# *sync:/,$d' $STATION/gleaner.yaml
printf 'sync: {destinations: [{to: folder:/media/stick}], batch_samples_min: 1}\n' >>"$work/device$STATION/gleaner.yaml"
inside systemctl restart gleaner
# As an automounter does it: a mount point that nothing is mounted on would be a stick that refuses.
inside sh -c 'mkdir /media/stick && mount -t tmpfs -o uid=gleaner stick /media/stick'
has_batch() { inside sh -c 'ls /media/stick/batch-*/manifest.json /media/stick/*/*/batch-*/manifest.json 2>/dev/null | grep -q .'; }
until_true 60 "the stick has a batch" has_batch

step "The next version, while it collects"
kept=$(get frames.stored)
device=$(get device)
inside apt-get -qq install "/packages/$(basename "$newer")" >"$work/apt.log" 2>&1 || fail "$(tail -n 20 "$work/apt.log")"
is "$(inside dpkg-query -W -f "\${Version}" gleaner)" "$(dpkg-deb -f "$newer" Version)" "the version that is installed"
until_true 60 "it collects under the new version" state_is active
is "$(inside readlink "/proc/$(unit MainPID)/exe")" /usr/bin/gleaner "the program that runs"
pictures 160 20
until_true 30 "it goes on under the new version" offered 180
is "$(get device)" "$device" "the device"
(($(get frames.stored) >= kept)) || fail "Frames were lost by the new version."
conserved

step "Removed, and back"
inside apt-get -qq remove gleaner >"$work/apt.log" 2>&1 || fail "$(tail -n 20 "$work/apt.log")"
[[ $(unit ActiveState) == inactive ]] || fail "It runs although it was removed."
[[ -s $work/device$STATION/queue.sqlite ]] || fail "Removing the package took the data along."
inside apt-get -qq install "/packages/$(basename "$newer")" >"$work/apt.log" 2>&1 || fail "$(tail -n 20 "$work/apt.log")"
until_true 60 "it collects again where it was" state_is active
pictures 180 20
until_true 30 "it goes on where it was" offered 200
conserved
inside apt-get -qq purge gleaner >"$work/apt.log" 2>&1 || fail "$(tail -n 20 "$work/apt.log")"
[[ -s $work/device$STATION/queue.sqlite ]] || fail "Purging the package took the data along, and nobody was asked."
inside apt-get -qq install "/packages/$(basename "$newer")" >"$work/apt.log" 2>&1 || fail "$(tail -n 20 "$work/apt.log")"
inside debconf-set-selections <<<'gleaner gleaner/purge-data boolean true'
inside apt-get -qq purge gleaner >"$work/apt.log" 2>&1 || fail "$(tail -n 20 "$work/apt.log")"
inside umount /media/stick
[[ ! -e $work/device$HOME_OF_ALL ]] || fail "Purging the package left the data, although it was told to take it."
left=$(inside find / -xdev -iname '*gleaner*' -not -path '/packages/*' -not -path '/proc/*' -not -path '/var/cache/apt/*' -not -path '/var/log/*')
note "what is left: ${left:-nothing}"

step "Other distributions: the tar archive alone, on a Debian without any of what it needs"
unpack_bare "$work/other"
tar -C "$work/other/usr/local" --strip-components=1 -xzf "$tarball"
cp -r "$work/bundles/meter-1.tar" "$work/other/"
mkdir "$work/other/camera"
cp "${field[@]:0:20}" "$work/other/camera/"
other() { in_root "$work/other" chroot "$work/other" env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/root "$@"; }
other gleaner init /station >/dev/null
sed -i 's|^source:.*|source: folder:/camera|' "$work/other/station/gleaner.yaml"
other gleaner model import /meter-1.tar -C /station
other gleaner run --until-end -C /station

step "The container's lines, in a Debian without an engine"
unpack_bare "$work/container"
mkdir "$work/container/camera" "$work/container/models"
cp "${field[@]:0:20}" "$work/container/camera/"
cp "$work/bundles/meter-1.tar" "$work/container/models/"
cp -L /etc/resolv.conf "$work/container/etc/"
mkdir "$work/made"
cp "$older" "$work/made/"
container() { in_root "$work/container" "$here/dockerfile.py" "$root/Examples/deploy/Dockerfile" "$work/container" "$@"; }
container build "$work/made"
container run model import /models/meter-1.tar
sed -i 's|^source:.*|source: folder:/camera|' "$work/container$STATION/gleaner.yaml"
! container health || fail "A container that does nothing is called healthy."
container run >"$work/container.log" 2>&1 &
process=$!
until_true 30 "the container is healthy" container health
pkill -P "$process"
wait "$process" || fail "$(cat "$work/container.log")"

step "Figures"
printf '%s\n' "${figures[@]}"
