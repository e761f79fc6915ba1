#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SIGKILLs with a mean of MEAN seconds between them (exponential) for SECONDS, started again at once:
# the share of the steps that would have been done without them; exit code 1 for less than LEAST. What a
# step takes is measured between the faults, each time anew, for others may use the machine too: lost
# are the time from a kill to the next step, and the steps that are done twice.
#   PROGRAM=... [LEAST=0.9] bench/faults/goodput.sh [SECONDS] [MEAN] [SEED]
. "$(dirname "$0")/setup.sh"
seconds=${1:-600} mean=${2:-60} seed=${3:-1} least=${LEAST:-0.9}
options=("schedule.0.until=100M steps" checkpoint.every="2 s" run.seed=7)
gaps=($(awk -v n=1000 -v m="$mean" -v s="$seed" 'BEGIN { srand(s); while (n--) print -m * log(1 - rand()) }'))

is_over() { awk -v t="$(since "$1")" -v s="$2" 'BEGIN { exit !(t >= s) }'; }
ideal=0 rate=0 faults=0
start=$(now)
until is_over "$start" "$seconds"; do
  begun=$(now)
  length=$(awk -v t="$(since "$start")" -v s="$seconds" -v g="${gaps[faults]}" 'BEGIN { print (s - t < g ? s - t : g) }')
  found=$(steps_of good)
  train 2 good "${options[@]}" &
  job=$!
  # A resume cuts the log back; a second later it runs evenly.
  until [ "$(steps_of good)" != "$found" ] || is_over "$begun" "$length"; do sleep 0.1; done
  sleep 1
  first=$(steps_of good) measured=$(now)
  sleep "$(awk -v t="$(since "$begun")" -v s="$length" 'BEGIN { print (s > t ? s - t : 0) }')"
  rate=$(awk -v n="$(($(steps_of good) - first))" -v t="$(since "$measured")" -v r="$rate" \
    'BEGIN { print (t > 2 ? n / t : r) }')
  victims=($(ranks_of good))
  # Before its ranks are there the job itself is hit.
  kill -9 "${victims[faults % (${#victims[@]} + (${#victims[@]} == 0))]:-$job}" 2>/dev/null || true
  wait $job 2>/dev/null || true
  ideal=$(awk -v i="$ideal" -v r="$rate" -v t="$(since "$begun")" 'BEGIN { print i + r * t }')
  ((++faults))
done
# What counts is what a resume would go on from.
done=$(readlink runs/good/checkpoints/latest | sed 's/step-0*//')
awk -v d="$done" -v i="$ideal" -v t="$(since "$start")" -v f="$((faults - 1))" \
  -v least="$least" 'BEGIN {
  if (i == 0) { print "no two faults were far enough apart to measure the rate between them"; exit 1 }
  printf "%d faults in %.0f s: %d steps, %.1f%% of the %d without them\n", f, t, d, 100 * d / i, i
  exit d < least * i }'
