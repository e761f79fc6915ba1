#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Kills a training of two ranks again and again with SIGKILL (a rank, mpirun, everything, in turn) at
# random moments and resumes it; at the end weights, optimizer state and loss.log must have the
# SHA-256 of an uninterrupted run. Works in a new directory below the current one.
#   bench/kill_and_resume.sh PROGRAM [KILLS]
set -euo pipefail
program=$(realpath "${1:?usage: bench/kill_and_resume.sh PROGRAM [KILLS]}")
kills=${2:-20}
config=$(realpath "$(dirname "$0")/../configs/quickstart.yaml")
work=$(mktemp -d kill-and-resume-XXXXXX)
cd "$work"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

"$program" prepare "$config" >prepare.log
# Becomes mpirun: to be started as a job or in a subshell. The run directory's whole path tells this
# script's processes from all others.
train() {
  exec mpirun -n 2 --oversubscribe --bind-to none "$program" train "$config" run.name="$1" \
    run.dir="$PWD/runs" schedule.0.until="$((40 * kills)) steps" optim.warmup="20 steps" checkpoint.every="5 steps" \
    eval.every="100 steps" log.console=off >>"$1.log" 2>&1
}
lines() { if [ -f runs/killed/loss.log ]; then wc -l <runs/killed/loss.log; else echo 0; fi; }

(train whole)
for ((i = 0; i < kills; ++i)); do
  before=$(lines)
  train killed &
  job=$!
  # Somewhere in the next thirty steps, so that some kills meet a checkpoint being written.
  target=$((before + 1 + RANDOM % 30))
  while [ "$(lines)" -lt "$target" ] && kill -0 $job 2>/dev/null; do sleep 0.01; done
  case $((i % 3)) in
    0) pkill -9 -n -P $job || true ;;
    1) kill -9 $job || true ;;
    2) kill -9 $job $(pgrep -P $job) || true ;;
  esac
  wait $job 2>/dev/null || true
  # The others must go by themselves.
  for ((tenths = 0; tenths < 300; ++tenths)); do
    pgrep -f "run.dir=$PWD/runs" >/dev/null || break
    sleep 0.1
  done
  if pgrep -f "run.dir=$PWD/runs"; then echo "processes are left 30 s after the kill"; exit 1; fi
  echo "kill $((i + 1)) after $(lines) steps; newest checkpoint: $(find runs/killed/checkpoints \
    -maxdepth 1 -name 'step-*' -printf '%f\n' 2>/dev/null | sort | tail -1)"
done
(train killed)

failed=0
for file in checkpoints/latest/model.safetensors checkpoints/latest/optimizer.bin loss.log; do
  whole=$(sha256sum <"runs/whole/$file")
  killed=$(sha256sum <"runs/killed/$file")
  if [ "$whole" = "$killed" ]; then echo "same   $file"; else echo "DIFFERS $file"; failed=1; fi
done
[ $failed = 0 ] && cd .. && rm -rf "$work"
exit $failed
