#!/usr/bin/env bash
# Plays Gleaner's whole loop on a camera of real handwriting: collect offline, label, retrain, import, go on.
#
#   Examples/quickstart.sh [FOLDER]      (default: ./gleaner-quickstart; it is made anew)
#
# On a Debian or Ubuntu machine with Swift it installs whatever else is missing, and says so. The first run builds
# for some minutes; later ones take less than one.
set -Eeuo pipefail

examples=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$examples")
# shellcheck source=SCRIPTDIR/quickstart/setup.sh
source "$examples/quickstart/setup.sh"

DAY=250           # crates that pass the camera in a day
LABELS_PER_DAY=100 # samples that leave for labeling each day

case ${1-} in
-h | --help)
    print_help
    exit
    ;;
-*) fail "quickstart.sh knows no option $1; try --help" ;;
esac

started=$SECONDS

# show COMMAND...: prints a command as one would type it, then runs it.
show() {
    printf '   \033[36m$ %s\033[0m\n' "$*"
    "$@" 2>&1 | sed 's/^/   /'
}

end_with_words quickstart

step "Getting ready"
need_swift
need_debian "${LIBRARIES[@]}" python3-venv
need_venv quickstart "${QUICKSTART_PINS[@]}" "@$DIGITS_PIN"
need_onnxruntime
export OMP_NUM_THREADS=1 # NumPy's threads only get into each other's way here

note "building Gleaner (some minutes, the first time)"
log="$GLEANER_CACHE/quickstart-build.log"
(cd "$root" && swift build -c release --traits Full --product gleaner) >"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    fail "Gleaner could not be built; all of the compiler's words are in $log"
}
built=$(cd "$root" && swift build -c release --traits Full --product gleaner --show-bin-path)

folder=${1:-gleaner-quickstart}
play_to "$folder" quickstart
ln -s "$examples/quickstart" quickstart
ln -s "$examples/retrain" retrain
export PATH="$built:$VENV/bin:$PATH"

# day FIRST COUNT: crates pass the camera, and Gleaner looks at every frame.
day() {
    show python quickstart/camera.py field --first "$1" --crates "$2" --to camera --truth truth.csv
    show gleaner run -C station --until-end
}

# leave ROUND, come_back ROUND: the best samples leave for labeling; what comes back is late and incomplete.
leave() {
    show gleaner export -C station --for labeling --format label-studio,csv --limit "$LABELS_PER_DAY" --to "labeling-$1"
}
come_back() {
    show python quickstart/answer.py "$(echo "labeling-$1"/batch-*)" --truth truth.csv --share 0.85 --to "labels-$1.csv"
    show gleaner label import -C station "labels-$1.csv" --format csv
}

# teach VERSION NAME: labeled samples leave for training, and a new model comes back.
teach() {
    show gleaner export -C station --for training --format csv --to training
    show python retrain/retrain.py --base first --base-set lab training/batch-* --version "$1" --seed 1 --to "$2"
    show gleaner model import -C station "$2" || stays_out "$1"
}

# stays_out VERSION: a model that looks worse on this device's labels is refused, and collecting goes on with the one
# that serves. With the few labels of two days that happens to a good one now and then. Anything else is a failure.
stays_out() {
    gleaner model show -C station "lanes@$1" --json 2>/dev/null |
        python -c 'import json, sys; sys.exit(json.load(sys.stdin)["gate"]["outcome"] != "refused")' 2>/dev/null
    note "So lanes@$1 stays out, and the camera goes on with the model that serves."
}

step "1. A camera in a packing house, and a model that was trained in the lab"
note "Cards with handwritten digits pass the camera. The model knows 8 digits and even light; out there the camera"
note "is tilted, dusk falls, and two more digits are in use."
cp -r "$examples/quickstart/first" first
python quickstart/camera.py lab --crates 400 --to lab >lab.log
python quickstart/camera.py heldout --crates 500 --to heldout --truth heldout.csv >heldout.log
mkdir camera
show gleaner init station --source camera
show cp quickstart/gleaner.yaml station/gleaner.yaml
show gleaner model import -C station first
show gleaner check -C station

step "2. The first day, offline"
day 0 "$DAY"
show gleaner status -C station

step "3. The frames that would teach most leave for labeling"
leave 1

step "4. The camera does not wait for the answers"
day "$DAY" 50

step "5. Labels come back, late and not all of them; the model is trained on"
come_back 1
teach 2 second

step "6. The second day, with the new model; then once more"
day $((DAY + 50)) $((DAY - 50))
leave 2
come_back 2
teach 3 third
show gleaner sample sheet -C station --to kept.png

step "7. The yardstick: as many labels, of frames drawn at random"
labeled=$(python quickstart/summary.py count labels-1.csv labels-2.csv)
note "$labeled frames drawn at random, three times, with the same trainer"
trainings() {
    local seed
    for seed in 1 2 3; do
        python quickstart/random_set.py camera --truth truth.csv --count "$labeled" --seed "$seed" --to "random-set-$seed" >/dev/null
        printf '%s\n' "--seed $seed --to random-$seed random-set-$seed"
        ((seed == 1)) || printf '%s\n' "--seed $seed --to third-$seed training/batch-*"
    done
}
trainings | xargs -P "$(nproc)" -I{} sh -c 'python retrain/retrain.py --base first --base-set lab --quiet {} >/dev/null'

step "What came of it"
gleaner report -C station --json >report.json
python quickstart/evaluate.py first second third third-2 third-3 random-1 random-2 random-3 \
    --frames heldout --truth heldout.csv --json >scores.json
python quickstart/summary.py table --report report.json --scores scores.json --labels "$labeled"
printf '\n   The frames that were kept, with what the model said and why: %s\n' "$PWD/kept.png"
printf '   The deployment: %s   (%s s in all)\n' "$PWD/station" "$((SECONDS - started))"
