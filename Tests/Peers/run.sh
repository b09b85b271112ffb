#!/usr/bin/env bash
# Sends the same 600 frames over the same link with Gleaner and with Roboflow's `inference`, and counts what arrives.
#
#   Tests/Peers/run.sh [--only away|slow|cut|long-cut]      ends with a table in Markdown
#
# About 40 minutes. Needs root, for network namespaces of its own, and 8 GB for `inference` (PyPI's inference-cpu).
# Roboflow's own code registers frames; only the server of its cloud is simulated.
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

need_bench peers pillow==13.0.0 pytest==9.2.0
python="$VENV/bin/python"
need_debian iproute2 nftables procps
need_venv roboflow inference-cpu==1.8.3
export ROBOFLOW_PYTHON="$VENV/bin/python"
exec "$python" "$here/bench.py" "$@"
