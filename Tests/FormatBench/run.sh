#!/usr/bin/env bash
# Measures formats: exporting against copying, importing labels, memory at two sizes.
#
#   Tests/FormatBench/run.sh [--quick] [--work FOLDER]
#
# About ten minutes and 5 GB; --quick a tenth of both. The last line is one JSON document.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=SCRIPTDIR/../../Examples/quickstart/setup.sh
source "$root/Examples/quickstart/setup.sh"

case ${1-} in
-h | --help)
    print_help
    exit
    ;;
esac

need_bench formats pillow==13.0.0
exec "$VENV/bin/python" "$here/bench.py" "$@"
