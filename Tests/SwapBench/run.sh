#!/usr/bin/env bash
# Swaps models under a collector at work, again and again, and prints what that does to its memory.
#
#   Tests/SwapBench/run.sh [--swaps 1000]    ends with one JSON object
#
# Needs the shared pictures and models (../shared/data).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=SCRIPTDIR/../../Examples/quickstart/setup.sh
source "$root/Examples/quickstart/setup.sh"

need_bench swap-bench
exec "$VENV/bin/python" "$root/Tests/SwapBench/bench.py" "$@"
