#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A rank that is stopped (SIGSTOP) and one in an endless loop: how long until it is named, with a
# limit of 10 s.   PROGRAM=... bench/faults/hang.sh [LIMIT_SECONDS]
. "$(dirname "$0")/setup.sh"
limit=${1:-10}
options=("schedule.0.until=1M steps" "parallel.watchdog.limit=$limit s" checkpoint.every=never)

train 3 stopped "${options[@]}" &
job=$!
while [ "$(steps_of stopped)" -lt 20 ]; do sleep 0.1; done
victim=$(ranks_of stopped | sed -n 2p)
kill -STOP "$victim"
start=$(now)
while ! grep -q "error: watchdog" stopped.log; do sleep 0.02; done
echo "stopped: named after $(since "$start") s: $(grep -a "error: watchdog" stopped.log)"
code=0; wait $job || code=$?
echo "  exit code $code after $(since "$start") s"
[ $code = 124 ]
gone stopped

BERTYARD_FAULT="hang,rank=1,step=20" train 3 looping "${options[@]}" &
job=$!
while [ "$(steps_of looping)" -lt 20 ]; do sleep 0.02; done
start=$(now)
while ! grep -q "error: watchdog" looping.log; do sleep 0.02; done
echo "endless loop: named after $(since "$start") s: $(grep -a "error: watchdog" looping.log)"
code=0; wait $job || code=$?
[ $code = 124 ]
"$program" inspect runs/looping/logs/flight | tail -4
