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
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
    exit
    ;;
esac

need_swift
need_debian libsqlite3-dev libpng-dev libturbojpeg0-dev python3-venv
need_venv formats "${QUICKSTART_PINS[@]}" pillow==13.0.0 jsonschema==4.26.0 rfc3339-validator==0.1.4
need_onnxruntime
export OMP_NUM_THREADS=1

need_gleaner
exec "$VENV/bin/python" "$here/bench.py" "$@"
