#!/usr/bin/env bash
# Packs Gleaner for devices: one file that installs it.
#
#   Examples/deploy/package.sh [--revision N] [FOLDER]      (default: .build/packages)
#
#   gleaner_VERSION_ARCH.deb          for Debian and its like, as new as the one that this runs on, or newer
#   gleaner-VERSION-ARCH.tar.gz       for other distributions: unpack it anywhere
#
# Both have ONNX Runtime with them. --revision N makes VERSION-N, a newer package of the same version. On a Debian or
# Ubuntu machine with Swift it installs whatever else is missing, and says so. The first run builds for ten minutes or so.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$(dirname "$here")")
# shellcheck source=SCRIPTDIR/../quickstart/setup.sh
source "$here/../quickstart/setup.sh"

revision=
folder="$root/.build/packages"
while (($#)); do
    case $1 in
    -h | --help)
        print_help
        exit
        ;;
    --revision)
        revision=${2:?--revision needs a number}
        shift 2
        ;;
    -*) fail "package.sh knows no option $1; try --help" ;;
    *)
        folder=$1
        shift
        ;;
    esac
done

need_swift
need_debian "${LIBRARIES[@]}" python3-venv debhelper dpkg-dev patchelf
need_venv onnxruntime "onnxruntime==$ONNXRUNTIME_VERSION"
need_onnxruntime

# What it is built with differs from what tests run, so that it has a folder of its own to be built in.
note "building Gleaner, with Swift's library in it"
build=(swift build -c release --static-swift-stdlib --traits Full --product gleaner --scratch-path "$root/.build/static")
(cd "$root" && "${build[@]}" >&2)
gleaner="$(cd "$root" && "${build[@]}" --show-bin-path)/gleaner"
version=$("$gleaner" --version)${revision:+-$revision}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# third_party: the licences of all that is inside the program.
third_party() {
    local file
    for file in "$root"/.build/static/checkouts/*/{LICENSE,NOTICE}* "$(dirname "$(readlink -f "$(command -v swift)")")"/../share/swift/LICENSE.txt; do
        [[ -f $file ]] || continue
        printf '\n======== %s\n\n' "$(basename "$(dirname "$file")")"
        cat "$file"
    done
}

# stage FOLDER BINARIES: everything as it lies below a prefix, such as /usr.
stage() {
    local to=$1 document="$1/share/doc/gleaner"
    install -D -m 0755 "$gleaner" "$to/bin/gleaner"
    install -D -m 0644 "$GLEANER_ONNXRUNTIME" "$to/lib/gleaner/$(basename "$GLEANER_ONNXRUNTIME")"
    mkdir -p "$document/examples" "$document/onnxruntime" "$to/share/gleaner"
    cp "$root/README.md" "$document/"
    cp -r "$root/Schemas" "$to/share/gleaner/schemas"
    cp "$VENV"/lib/python3*/site-packages/onnxruntime/{LICENSE,ThirdPartyNotices.txt} "$document/onnxruntime/"
    third_party >"$document/third-party.txt"
    "$gleaner" init "$work/station" >/dev/null
    cp "$work/station/gleaner.yaml" "$document/examples/"
    rm -r "$work/station"
    "$here/manuals.py" "$gleaner" "$to/share/man/man1"
    install -d "$to/share/bash-completion/completions" "$to/share/zsh/vendor-completions" "$to/share/fish/vendor_completions.d"
    "$gleaner" --generate-completion-script bash | sed '1{/^#!/d}' >"$to/share/bash-completion/completions/gleaner"
    "$gleaner" --generate-completion-script zsh >"$to/share/zsh/vendor-completions/_gleaner"
    "$gleaner" --generate-completion-script fish >"$to/share/fish/vendor_completions.d/gleaner.fish"
    chmod -R u=rwX,go=rX "$to"
}

# units FOLDER PREFIX: the units, for a program below that prefix.
units() {
    mkdir -p "$1"
    sed "s|/usr/bin/|$2/bin/|" "$here/gleaner@.service" >"$1/gleaner@.service"
    sed -e '1,/^$/d' -e 's/%i/default/g' "$1/gleaner@.service" >"$1/gleaner.service"
}

# number NAME: of FFmpeg's headers; a library of another number is another one.
number() {
    echo "#include <lib$1/version.h>
LIB${1^^}_VERSION_MAJOR" | "${CC:-cc}" -E -P - | tail -n 1
}

pack_debian() {
    local source="$work/debian/gleaner-$version" library
    mkdir -p "$source"
    cp -r "$here/debian" "$source/debian"
    stage "$source/root/usr"
    units "$source/debian" /usr
    printf 'gleaner (%s) unstable; urgency=medium\n\n  * Version %s.\n\n -- %s  %s\n' "$version" "$version" \
        "$(sed -n 's/^Maintainer: //p' "$here/debian/control")" "$(date -R -d "@$SOURCE_DATE_EPOCH")" >"$source/debian/changelog"
    # Of FFmpeg it takes the libraries that belong to the headers it was built with.
    for library in avcodec avformat avutil swscale; do
        sed -i "s/@${library^^}@/$(number "$library")/g" "$source/debian/control"
    done
    (cd "$source" && dpkg-buildpackage -us -uc -b >"$work/log" 2>&1) || {
        tail -n 40 "$work/log" >&2
        fail "The package could not be made; the lines above say why."
    }
    cp "$work/debian"/gleaner_*.deb "$folder/"
}

# What other distributions may lack, or have in another version, comes along. Not the C and C++ libraries: those of FFmpeg
# on the device stand on its own.
pack_other() {
    local name to library package
    name="gleaner-$version-$(uname -m)"
    to="$work/$name"
    stage "$to"
    units "$to/lib/systemd/system" /usr/local
    strip "$to/bin/gleaner"
    for library in libsqlite3 libpng16 libturbojpeg; do
        library=$(ldd "$to/bin/gleaner" | sed -n "s|.*$library\.so.* => \(/[^ ]*\) .*|\1|p")
        cp -L "$library" "$to/lib/gleaner/"
        package=$(dpkg-query -S "$(readlink -f "$library")" 2>/dev/null || dpkg-query -S "${library#/usr}")
        cp "/usr/share/doc/${package%%:*}/copyright" "$to/share/doc/gleaner/$(basename "$library").copyright"
    done
    patchelf --set-rpath '$ORIGIN/../lib/gleaner' "$to/bin/gleaner"
    tar -C "$work" --owner=0 --group=0 --numeric-owner --sort=name --mtime="@$SOURCE_DATE_EPOCH" -czf "$folder/$name.tar.gz" "$name"
}

mkdir -p "$folder"
note "packing $version"
pack_debian
pack_other
ls -l "$folder"/gleaner[_-]"$version"[_-]*
