#!/usr/bin/env bash
# Makes the small videos of the tests; needs ffmpeg. Run it in Tests/Fixtures; what it makes is kept with the tests.
#
#   pattern.mkv     six frames without loss: red, green and blue of the pixel at x, y in frame i are
#                   (7x + 5y + 11i + 0, 3 and 6) mod 256
#   red-*.mp4       one colour (200, 60, 40), as three kinds of video write it
#   moving.mp4      thirty frames with frames between frames
#   headless.mp4    nineteen frames, nine of which stand on one that is not there, before the first key frame
#   refreshed.mp4   the same without a key frame: eleven frames until every part was refreshed
#   pictures.mkv    four JPEGs
set -euo pipefail
mkdir -p video
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

python3 - "$work" <<'PYTHON'
import sys

pattern = bytes((x * 7 + y * 5 + i * 11 + c * 3) & 255 for i in range(6) for y in range(24) for x in range(32) for c in range(3))
open(f"{sys.argv[1]}/pattern.rgb", "wb").write(pattern)
open(f"{sys.argv[1]}/red.rgb", "wb").write(bytes([200, 60, 40]) * (64 * 48) * 3)
PYTHON

convert() { ffmpeg -v error -y -bitexact "$@"; }
convert -f rawvideo -pix_fmt rgb24 -s 32x24 -r 10 -i "$work/pattern.rgb" -c:v ffv1 -level 3 -slices 4 -slicecrc 1 \
    -pix_fmt bgr0 video/pattern.mkv
red() { # NAME MATRIX RANGE SPACE
    convert -f rawvideo -pix_fmt rgb24 -s 64x48 -r 5 -i "$work/red.rgb" -vf "scale=out_color_matrix=$2:out_range=$3" \
        -c:v libx264 -pix_fmt yuv420p -qp 4 -colorspace "$4" -color_primaries "$4" -color_trc "$4" -color_range "$3" \
        "video/red-$1.mp4"
}
red bt601 bt601 tv smpte170m
red bt709 bt709 tv bt709
red full bt709 pc bt709
convert -f lavfi -i "testsrc2=size=96x64:rate=10:duration=3" -c:v libx264 -g 10 -bf 2 -qp 30 -pix_fmt yuv420p \
    video/moving.mp4
convert -f lavfi -i "testsrc2=size=96x64:rate=10:duration=2" -c:v libx264 -g 10 -bf 0 -qp 30 -pix_fmt yuv420p \
    -bsf:v "noise=drop='eq(n,0)'" video/headless.mp4
convert -f lavfi -i "testsrc2=size=96x64:rate=10:duration=2" -c:v libx264 -x264-params intra-refresh=1:keyint=8 -bf 0 \
    -qp 30 -pix_fmt yuv420p -bsf:v "noise=drop='eq(n,0)'" video/refreshed.mp4
convert -f lavfi -i "testsrc2=size=32x24:rate=10:duration=0.4" -c:v mjpeg -pix_fmt yuvj420p -q:v 3 video/pictures.mkv
