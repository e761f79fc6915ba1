#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SIGKILLs with a mean of MEAN seconds between them (exponential) for SECONDS, started again at once:
# the share of the steps of an undisturbed run of that time that is done. The rate of that run is taken
# before and after; where the two differ by more than a fifth others used the machine, and there is no
# figure (exit code 1, as for less than 90%).
#   PROGRAM=... bench/faults/goodput.sh [SECONDS] [MEAN] [SEED]
. "$(dirname "$0")/setup.sh"
seconds=${1:-600} mean=${2:-60} seed=${3:-1}
options=("schedule.0.until=100M steps" checkpoint.every="2 s" run.seed=7)
gaps=($(awk -v n=1000 -v m="$mean" -v s="$seed" 'BEGIN { srand(s); while (n--) print -m * log(1 - rand()) }'))

rate() { # steps a second of an undisturbed run
  train 2 "$1" "${options[@]}" &
  local job=$!
  while [ "$(steps_of "$1")" -lt 100 ]; do sleep 0.1; done
  local first start
  first=$(steps_of "$1") start=$(now)
  sleep "$2"
  awk -v n="$(($(steps_of "$1") - first))" -v t="$(since "$start")" 'BEGIN { print n / t }'
  kill -TERM $job
  wait $job 2>/dev/null || true
}
before=$(rate first 30)
start=$(now) faults=0
while awk -v t="$(since "$start")" -v s="$seconds" 'BEGIN { exit !(t < s) }'; do
  train 2 good "${options[@]}" &
  job=$!
  left=$(awk -v t="$(since "$start")" -v s="$seconds" -v g="${gaps[faults]}" 'BEGIN { print (s - t < g ? s - t : g) }')
  sleep "$left"
  victims=($(ranks_of good))
  [ ${#victims[@]} -gt 0 ] && kill -9 "${victims[faults % ${#victims[@]}]}" 2>/dev/null || true
  wait $job 2>/dev/null || true
  ((++faults))
done
took=$(since "$start")
# What counts is what a resume would go on from.
done=$(readlink runs/good/checkpoints/latest | sed 's/step-0*//')
after=$(rate last 30)
awk -v d="$done" -v r="$before" -v q="$after" -v t="$took" -v f="$((faults - 1))" 'BEGIN {
  printf "%d faults in %.0f s: %d steps, %.1f%% of the ideal (%.1f steps/s before, %.1f after)\n",
         f, t, d, 100 * d / (t * (r + q) / 2), r, q
  if (r > 1.2 * q || q > 1.2 * r) { print "no figure: the machine was not even"; exit 1 }
  exit d < 0.9 * t * (r + q) / 2 }'
