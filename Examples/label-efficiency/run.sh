#!/usr/bin/env bash
# Measures how many labels Gleaner saves: on composed streams of digits and clothes, and on real meters, against
# random choice and against what others do. It drives the real command, as a person would.
#
#   Examples/label-efficiency/run.sh [--quick] [--minutes N] [--plot FILE.png]
#
# Results of single runs are kept beside the caches; a run that was cut short goes on where it stopped. The whole
# takes about two hours on two cores, --quick less than ten minutes. The last line is one JSON document.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=SCRIPTDIR/../quickstart/setup.sh
source "$here/../quickstart/setup.sh"

BENCH_PINS=(
    "${QUICKSTART_PINS[@]}" matplotlib==3.11.2 pillow==13.0.0 scikit-activeml==1.0.1 scikit-learn==1.9.1 scipy==1.17.1
)

quick=()
plot=()
minutes=()
replays=4000
while (($#)); do
    case $1 in
    --quick)
        quick=(--quick)
        replays=500
        ;;
    --minutes)
        minutes=(--minutes "${2:?--minutes needs a number}")
        shift
        ;;
    --plot)
        plot=(--plot "$(realpath "${2:?--plot needs a file}")")
        shift
        ;;
    -h | --help)
        print_help
        exit
        ;;
    *) fail "run.sh knows no option $1; try --help" ;;
    esac
    shift
done

need_swift
need_debian "${LIBRARIES[@]}" python3-venv dataset-fashion-mnist
need_venv label-efficiency "${BENCH_PINS[@]}"
need_onnxruntime
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

note "building Gleaner (some minutes, the first time)" >&2
cd "$root"
for product in gleaner SelectionBench; do
    swift build -c release --traits Full --product "$product" >&2
done
built=$(swift build -c release --traits Full --product gleaner --show-bin-path)
export GLEANER_BIN="$built/gleaner"

# Results belong to what produced them: another build begins anew.
state="$GLEANER_CACHE/label-efficiency/$(cat "$GLEANER_BIN" "$here"/*.py | sha256sum | cut -c 1-12)${quick:+-quick}"
mkdir -p "$state"
"$built/SelectionBench" --replays "$replays" >"$state/core.json"
"$VENV/bin/python" "$here/detection.py" "$state/detection.jsonl" "${quick[@]}" --summary "$state/detection.json"
"$VENV/bin/python" "$here/bench.py" "$state/results.jsonl" "${quick[@]}" "${minutes[@]}"
"$VENV/bin/python" "$here/summary.py" "$state/results.jsonl" \
    --with "$state/core.json" "$state/detection.json" "${plot[@]}"
