#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SIGKILLs a random rank at a random moment, KILLS times, and starts again with another number of
# ranks each time; ordered reduction must end with the bytes of the run that nobody touched.
#   PROGRAM=... bench/faults/kills.sh [KILLS] [SEED]
. "$(dirname "$0")/setup.sh"
kills=${1:-20}
RANDOM=${2:-1}
until="schedule.0.until=$((12 * kills + 20)) steps"
ranks=(2 3 4 1 3)

(train 2 whole "$until")
start=$(now)
for ((i = 0; i < kills; ++i)); do
  before=$(steps_of killed)
  train "${ranks[i % 5]}" killed "$until" &
  job=$!
  target=$((before + 1 + RANDOM % 18)) # checkpoints are 7 steps apart
  while [ "$(steps_of killed)" -lt "$target" ] && kill -0 $job 2>/dev/null; do sleep 0.01; done
  sleep "0.0$((RANDOM % 10))"
  victims=($(ranks_of killed))
  [ ${#victims[@]} -gt 0 ] && kill -9 "${victims[RANDOM % ${#victims[@]}]}" 2>/dev/null || true
  wait $job 2>/dev/null || true
  gone killed
  echo "kill $((i + 1)) of $kills: ${ranks[i % 5]} ranks, after step $(steps_of killed)"
done
(train 2 killed "$until")
same_bits whole killed
echo "$kills kills, $(since "$start") s"
