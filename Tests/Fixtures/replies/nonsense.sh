#!/bin/sh
# A line that is no JSON.
echo nonsense >&0
cat
