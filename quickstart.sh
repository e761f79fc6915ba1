#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From nothing to a pre-trained BERT: installs, builds, and runs the main job on a small real text.
# May be started again: what is done is kept.
#   ./quickstart.sh [--no-root]   with --no-root missing packages are listed, not installed
set -euo pipefail
cd "$(dirname "$0")"
root=$PWD

no_root=
case ${1:-} in
  '') ;;
  --no-root) no_root=--no-root ;;
  -h | --help) sed -n '3,5s/^# //p' "$0"; exit 0 ;;
  *) echo "usage: ./quickstart.sh [--no-root]" >&2; exit 2 ;;
esac

say() { printf '\n== %s\n' "$*"; }

cat <<'TEXT'
bertyard quickstart. This will
  1. install Debian packages with apt (compiler, Open MPI, HDF5, OpenBLAS, oneDNN, the text)
  2. build the program in build/cpu
  3. prepare   the Jargon File, a public-domain book of 1.7 MB: vocabulary, samples, shards
  4. train     a BERT of two layers with two MPI ranks, stop it half-way, and resume it
  5. eval      the result on text that was held out
  6. export    it as a Hugging Face directory
On two cores: some minutes of building and about three of training. All results go to quickstart/.
TEXT

say "1. packages"
cmake/install_packages.sh quickstart $no_root

say "2. build"
launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
cmake --preset cpu -DBERTYARD_TESTS=OFF "${launcher[@]}" >/dev/null
cmake --build --preset cpu --target bertyard
bertyard=$root/build/cpu/bin/bertyard
config=$root/configs/quickstart.yaml
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

mkdir -p quickstart
cd quickstart

say "3. prepare: text -> vocabulary -> shards"
"$bertyard" prepare "$config" --show 2
"$bertyard" check "$config" --ranks 2

train=(mpirun -n 2 --oversubscribe --bind-to none "$bertyard" train "$config")

say "4. train: two ranks, stopped half-way by USR1 as a cluster would, then resumed"
if [ ! -e runs/jargon/STATUS ]; then
  "${train[@]}" & # a function here would put a shell between us and mpirun
  launcher_pid=$!
  # What a script starts with & does not hear Ctrl-C.
  trap 'kill -TERM $launcher_pid 2>/dev/null; wait $launcher_pid || true; exit 130' INT TERM
  while kill -0 $launcher_pid 2>/dev/null; do
    # Half of the 1,500 steps; mpirun forwards the signal to the ranks.
    if [ "$(wc -l <runs/jargon/loss.log 2>/dev/null || echo 0)" -ge 750 ]; then
      kill -USR1 $launcher_pid 2>/dev/null || true
      break
    fi
    sleep 0.5
  done
  code=0
  wait $launcher_pid || code=$?
  trap - INT TERM
  if [ $code != 0 ] && [ $code != 75 ]; then exit $code; fi
  echo "the run left with code $code and STATUS '$(cat runs/jargon/STATUS)'; now it is resumed"
fi
if [ "$(cat runs/jargon/STATUS)" != "done" ]; then "${train[@]}"; fi

say "5. eval on the held-out samples"
"$bertyard" eval runs/jargon --data data/valid
"$bertyard" plot runs/jargon
"$bertyard" plot runs/jargon --term

say "6. export"
"$bertyard" export runs/jargon --to huggingface --verify

say "done"
cat <<TEXT
quickstart/vocab.txt        the vocabulary learnt from the text
quickstart/data/            shards of samples, with manifests
quickstart/runs/jargon/     the run: checkpoints, loss.log, metrics.jsonl, TensorBoard events, plots
quickstart/huggingface/     BertForPreTraining.from_pretrained('quickstart/huggingface')

Next, with your own text:
  build/cpu/bin/bertyard init bert-mini my-run     writes my-run/run.yaml, commented
  cd my-run                                        name your text files in it, then
  bertyard prepare run.yaml; bertyard check run.yaml --ranks 2
  mpirun -n 2 --bind-to none bertyard train run.yaml
TEXT
