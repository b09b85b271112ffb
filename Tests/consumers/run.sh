#!/usr/bin/env bash
# Takes batches through the real tools that read them, and their answers back in.
#
#   Tests/consumers/run.sh [--out FOLDER] [CONSUMER...]
#
# Consumers: pycocotools, supervision, datumaro, huggingface, webdataset, ultralytics, plain, label-studio; all of them
# if none is named. Needs the shared pictures and models. The first run installs about 3 GB.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=SCRIPTDIR/../../Examples/quickstart/setup.sh
source "$root/Examples/quickstart/setup.sh"

out=
chosen=()
while (($#)); do
    case $1 in
    -h | --help)
        print_help
        exit
        ;;
    --out)
        out=${2:?--out takes a folder}
        shift
        ;;
    -*) fail "run.sh knows no option $1; try --help" ;;
    *) chosen+=("$1") ;;
    esac
    shift
done
((${#chosen[@]})) || chosen=(pycocotools supervision datumaro huggingface webdataset ultralytics plain label-studio)

need_swift
need_debian "${LIBRARIES[@]}" python3-venv
pythons=()
for consumer in "${chosen[@]}"; do
    case $consumer in
    pycocotools | supervision) need_venv supervision supervision==0.31.2 pycocotools==2.0.11 ;;
    datumaro) need_venv datumaro datumaro==1.13.12 ;;
    huggingface | webdataset) need_venv huggingface datasets==5.2.0 pillow==13.0.0 webdataset==1.0.2 ;;
    plain) need_venv plain pillow==13.0.0 ;;
    ultralytics)
        # PyPI's torch brings gigabytes for graphics cards; Debian's does not.
        need_debian python3-torch python3-torchvision python3-opencv python3-yaml python3-requests python3-psutil python3-matplotlib
        need_debian_venv ultralytics @ultralytics==8.4.190 @ultralytics-thop==2.2.3 @polars==2.1.0
        ;;
    label-studio)
        need_debian chromium
        need_venv label-studio label-studio==1.23.2
        export LABEL_STUDIO_BIN="$VENV/bin/label-studio" LABEL_STUDIO_TEMPLATE="$GLEANER_CACHE/label-studio-data-1.23.2"
        need_venv browser playwright==1.65.2 requests==2.34.2
        ;;
    *) fail "run.sh knows no consumer $consumer; try --help" ;;
    esac
    pythons+=("$consumer=$VENV/bin/python")
done
need_venv consumers "${QUICKSTART_PINS[@]}" jsonschema==4.26.0 rfc3339-validator==0.1.4
need_onnxruntime
export OMP_NUM_THREADS=1

need_gleaner
"$VENV/bin/python" "$here/check.py" ${out:+--out "$out"} "${pythons[@]}"
