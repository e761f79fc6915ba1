#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What distillation gains: a small teacher, and the same student trained with it and
# without it, in pre-training (held-out MLM) and on SST-2 (held-out accuracy).
#   bench/distill.sh DATA    DATA holds text/en/books and finetune/sst2
# TEACHER_STEPS (1500), STEPS (600) and SEEDS ([1,2]) make it shorter; BERTYARD names the program.
# At most 15 minutes on two idle cores. What is done already is not done again.
set -euo pipefail
data=$(realpath "${1:?usage: bench/distill.sh DATA}")
root=$(realpath "$(dirname "$0")/..")
bertyard=${BERTYARD:-$root/build/cpu/bin/bertyard}
small=$root/configs/distill/small.yaml
task=$root/configs/distill/sst2.yaml
work=${WORK:-$root/runs/distill}
mkdir -p "$work"
cd "$work"
ln -sfn "$data/text" text
ln -sfn "$data/finetune" finetune
steps="schedule.0.until=${STEPS:-600} steps"
seeds="finetune.seeds=${SEEDS:-[1,2]}"

[ -d data/train ] || "$bertyard" prepare "$small"
echo "== the teacher"
"$bertyard" train "$small" run.name=teacher model.layers=4 distill.teacher=null \
  "schedule.0.until=${TEACHER_STEPS:-1500} steps" eval.every="500 steps"
echo "== pre-training: the student with its teacher"
"$bertyard" distill "$small" run.name=taught "$steps" | tee taught.txt
echo "== pre-training: the same student without a teacher"
"$bertyard" train "$small" run.name=alone "$steps" distill.teacher=null
"$bertyard" eval runs/alone --data data/valid --samples 500 --length 64 | tee alone.txt
echo "== pre-training: with its teacher from random weights"
"$bertyard" distill "$small" run.name=taught-random distill.start=random "$steps" |
  tee taught-random.txt

echo "== SST-2: the teacher"
"$bertyard" finetune "$task" run.name=sst2 model.from=runs/teacher distill.teacher=null "$seeds" |
  tee sst2.txt
echo "== SST-2: the student of both teachers, then neither"
"$bertyard" distill "$task" run.name=sst2-taught model.from=runs/taught "$seeds" |
  tee sst2-taught.txt
"$bertyard" finetune "$task" run.name=sst2-half model.from=runs/taught distill.teacher=null \
  "$seeds" | tee sst2-half.txt
"$bertyard" finetune "$task" run.name=sst2-alone model.from=runs/alone distill.teacher=null \
  "$seeds" | tee sst2-alone.txt
