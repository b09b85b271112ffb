#!/usr/bin/env bash
# How fast the loop is beside what one would use instead: builds a release, runs both in turn, prints medians of ratios.
#
#   Tests/bench.sh [--quick] [--only ROW]    ends with one JSON object, a key a row
#
# Rows that need the shared pictures and models (../shared/data) say so.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=SCRIPTDIR/../Examples/quickstart/setup.sh
source "$root/Examples/quickstart/setup.sh"

case ${1-} in
-h | --help)
    print_help
    exit
    ;;
esac

need_debian ffmpeg
need_bench loop-bench opencv-python-headless==4.14.0.94 pillow==13.0.0
# `swift build` takes one product at a time.
for product in StoreBench KernelBench; do
    (cd "$root" && swift build -c release --traits Full --product "$product") >&2
done
STORE_BENCH="$(dirname "$GLEANER_BIN")/StoreBench"
KERNEL_BENCH="$(dirname "$GLEANER_BIN")/KernelBench"
export STORE_BENCH KERNEL_BENCH
exec "$VENV/bin/python" "$root/Tests/LoopBench/bench.py" "$@"
