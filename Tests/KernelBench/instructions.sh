#!/usr/bin/env bash
# Whether the loop's kernels still need as few processor instructions as instructions.json says: counts them with valgrind.
#
#   Tests/KernelBench/instructions.sh            fails when a kernel needs more than 3 % more
#   Tests/KernelBench/instructions.sh --write    writes the counts down
#
# Unlike seconds, they are the same whatever else the machine does. They depend on the compiler, the processor's kind and
# the C library: where those are others than written down, the counts are printed and nothing fails.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=SCRIPTDIR/../../Examples/quickstart/setup.sh
source "$root/Examples/quickstart/setup.sh"

case ${1-} in
-h | --help)
    print_help
    exit
    ;;
esac

need_swift
need_debian "${LIBRARIES[@]}" valgrind
build=(swift build -c release --traits Full --product KernelBench)
(cd "$root" && "${build[@]}") >&2
KERNEL_BENCH="$(cd "$root" && "${build[@]}" --show-bin-path)/KernelBench"
export KERNEL_BENCH
exec python3 "$root/Tests/KernelBench/instructions.py" "$@"
