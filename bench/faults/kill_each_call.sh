#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Kills a training at every system call with which it saves its first checkpoints, one run for each
# call (open, write half-way, fsync, close, rename, symlink), and resumes it.
# With a stride of 2, begun at 0 and then at 1, it is two runs of a quarter of an hour.
#   PROGRAM=... bench/faults/kill_each_call.sh [STRIDE] [FIRST]
. "$(dirname "$0")/setup.sh"
stride=${1:-1} first=${2:-0}
# Two saves: some 360 calls.
until=("schedule.0.until=24 steps" checkpoint.every="12 steps")
(train 1 whole "${until[@]}")
start=$(now) kills=0
for ((call = first; ; call += stride)); do
  rm -rf runs/killed
  if (BERTYARD_FAULT="kill_call,call=$call" train 1 killed "${until[@]}") 2>/dev/null; then break; fi
  ((++kills))
  gone killed
  (train 1 killed "${until[@]}")
  same_bits whole killed >same.log || { cat same.log; echo "after a kill at call $call"; exit 1; }
done
[ "$kills" -gt 0 ] || { echo "no call $first was met"; exit 1; }
echo "$kills kills at calls $first to $((call - stride)), one each ${stride}: every one resumed to the same bytes, $(since "$start") s"
