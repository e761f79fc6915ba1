#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Trains four ranks with a limit of 10 s on a machine with three busy loops for each core: the
# watchdog must keep quiet.   PROGRAM=... bench/faults/busy.sh [MINUTES]
. "$(dirname "$0")/setup.sh"
minutes=${1:-20}
loops=()
for ((i = 0; i < 3 * $(nproc); ++i)); do
  (while :; do :; done) &
  loops+=($!)
done
train 4 busy "schedule.0.until=100M steps" "parallel.watchdog.limit=10 s" checkpoint.every="20 s" &
job=$!
for ((i = 0; i < minutes * 60 && $(kill -0 $job 2>/dev/null && echo 1 || echo 0); ++i)); do sleep 1; done
kill -USR1 $job 2>/dev/null || true
code=0; wait $job || code=$?
kill "${loops[@]}"
grep -a watchdog busy.log && exit 1
echo "$minutes min, $(steps_of busy) steps, exit code $code, no word of the watchdog"
[ $code = 75 ]
