# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts beside it: a directory of its own, a small prepared text, and `train`.
#   PROGRAM=build/cpu/bin/bertyard bench/faults/SCRIPT
set -euo pipefail
program=$(realpath "${PROGRAM:?set PROGRAM to the bertyard to test}")
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
work=$(mktemp -d "$PWD/faults-XXXXXX")
cd "$work"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
export OMP_WAIT_POLICY=passive
trap 'status=$?; [ $status = 0 ] && rm -rf "$work" || echo "FAILED, see $work"; exit $status' EXIT

cp "$here/tiny.yaml" run.yaml
# 200 documents of 8 sentences of made-up words.
awk 'BEGIN { srand(1)
  for (i = 0; i < 400; ++i) for (n = 2 + int(rand() * 6); n > 0; --n)
    word[i] = word[i] sprintf("%c", 97 + int(rand() * 16))
  for (d = 0; d < 200; ++d) { for (s = 0; s < 8; ++s) {
      line = ""; for (w = 0; w < 9; ++w) line = line word[int(rand() * 400)] " "
      print line "." }
    print "" } }' >text.txt
"$program" prepare run.yaml >prepare.log 2>&1

# train RANKS NAME [key=value ...]: becomes mpirun; to be started as a job or in a subshell. The
# directory's whole path tells this script's processes from all others.
train() {
  local ranks=$1 name=$2
  shift 2
  exec mpirun -n "$ranks" --oversubscribe --bind-to none "$program" train run.yaml run.name="$name" \
    run.dir="$work/runs" log.console=off "$@" >>"$name.log" 2>&1
}
# The processes of this script's trainings, mpirun left out.
ranks_of() { pgrep -f "^$program train run.yaml run.name=$1 run.dir=$work" || true; }
steps_of() { if [ -f "runs/$1/loss.log" ]; then wc -l <"runs/$1/loss.log"; else echo 0; fi; }
gone() { # waits until nobody of run NAME is left
  for ((tenths = 0; tenths < 300; ++tenths)); do
    [ -z "$(ranks_of "$1")" ] && return 0
    sleep 0.1
  done
  echo "processes of $1 are left after 30 s"
  return 1
}
same_bits() { # NAME NAME
  local file
  for file in checkpoints/latest/model.safetensors checkpoints/latest/optimizer.bin loss.log; do
    cmp "runs/$1/$file" "runs/$2/$file" || return 1
    echo "same $file $(sha256sum <"runs/$1/$file" | cut -c1-16)"
  done
}
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }
