#!/usr/bin/env python3
"""Give every station of a fleet its share of a camera's frames.

Crates go past one station after the other. Each sees 40 of them, and the second half of those are seen by the next
station too, whose camera sees the same frames but wakes up to two frames later: so neighbours keep frames that are
the same byte for byte, and others that are nearly the same. Frames are linked, not copied.

  stations.py stream --stations 20        # station-01, station-02 and so on
"""

import argparse
import os
import re

CRATES = 40  # that a station sees
STEP = 20  # crates between the first of one station and the first of the next


def sees(station, crate, turn):
    """Whether a station, counted from 0, sees a crate's frame of this number."""
    place = crate - station * STEP
    is_shared = place < CRATES - STEP and station > 0
    return 0 <= place < CRATES and turn >= (crate % 3 if is_shared else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", help="a folder made by camera.py")
    parser.add_argument("--stations", type=int, required=True, metavar="N")
    given = parser.parse_args()
    total = 0
    for name in sorted(os.listdir(given.frames)):
        crate, turn = map(int, re.fullmatch(r"crate(\d+)-(\d+)\.png", name).groups())
        for number in range(given.stations):
            if sees(number, crate, turn):
                camera = f"station-{number + 1:02}/camera"
                os.makedirs(camera, exist_ok=True)
                os.link(os.path.join(given.frames, name), os.path.join(camera, name))
                total += 1
    print(f"{given.stations} stations see {total:,} frames")


if __name__ == "__main__":
    main()
