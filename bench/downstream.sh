#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Downstream scores of docs/results.md: pre-trains a small English and a small Chinese model, then
# fine-tunes each task from it and from random weights of the same shape, and prints both.
#   bench/downstream.sh DATA [TASK...]    DATA holds text/ and finetune/; default: all tasks
# EN_STEPS, ZH_STEPS, SEEDS ([1,2,3]), LIMIT (training examples, 0: all) and RANKS (2) make it
# shorter; PRECISION is bf16 where the processor has it, else fp32; BERTYARD names the program.
# With the defaults pre-training takes at most 60 minutes on two idle cores. What is done already is
# not done again.
set -euo pipefail
data=$(realpath "${1:?usage: bench/downstream.sh DATA [TASK...]}")
shift
root=$(realpath "$(dirname "$0")/..")
bertyard=${BERTYARD:-$root/build/cpu/bin/bertyard}
ranks=${RANKS:-2}
configs=$root/configs/finetune
tasks=("$@")
[ ${#tasks[@]} -gt 0 ] ||
  tasks=(sst2 cola mrpc stsb wnut17 ncbi-disease xquad-en xquad-zh chnsenticorp)
work=${WORK:-$root/runs/downstream}
mkdir -p "$work"
cd "$work"
ln -sfn "$data/text" text
ln -sfn "$data/finetune" finetune

run() {
  if [ "$ranks" -gt 1 ]; then
    mpirun -n "$ranks" --bind-to none "$bertyard" "$@"
  else
    "$bertyard" "$@"
  fi
}

precision=fp32
if grep -q avx512_bf16 /proc/cpuinfo; then precision=bf16; fi
precision=${PRECISION:-$precision}

pretrain() { # LANGUAGE STEPS
  local config=$configs/pretrain-$1.yaml
  [ -d "data/$1/train" ] || "$bertyard" prepare "$config"
  run train "$config" "schedule.0.until=$2 steps" parallel.threads=1 "precision=$precision"
  "$bertyard" export "runs/pretrained-$1" --to "model-$1"
}

for task in "${tasks[@]}"; do
  case $task in
    xquad-zh | chnsenticorp) language=zh steps=${ZH_STEPS:-2500} ;;
    *) language=en steps=${EN_STEPS:-10000} ;;
  esac
  [ -d "model-$language" ] || pretrain "$language" "$steps"
  options=("finetune.seeds=${SEEDS:-[1,2,3]}" "task.limit=${LIMIT:-0}" parallel.threads=1
    "precision=$precision")
  echo "== $task, pre-trained"
  run finetune "$configs/$task.yaml" "run.name=$task-pretrained" "model.from=model-$language" \
    "${options[@]}" | tee "$task-pretrained.txt"
  echo "== $task, random weights"
  run finetune "$configs/$task.yaml" "run.name=$task-random" model.preset=bert-mini \
    "tokenizer.vocab=model-$language/vocab.txt" "${options[@]}" | tee "$task-random.txt"
done
