#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# bertyard's training step beside PyTorch's on this machine: the same shapes, threads and dropout,
# interleaved round by round, so that what else the machine does meets all of them alike.
#   bench/peers/compare_cpu.sh PROGRAM PYTHON [OUT.jsonl]
#     PYTHON   an interpreter with torch and transformers: bench/peers/make_venv.sh
#   environment: MODEL (bert-base) BATCH (8) LENGTH (128) FILL (1) THREADS (all cores)
#     OPTIMIZER (adamw or lamb) ROUNDS (3) STEPS (5) DTYPES ("fp32", or "fp32 bf16")
#     MICRO_TOKENS tokens of a micro-batch of bertyard; default: by the program, and beside it the
#     whole batch in one micro-batch
set -euo pipefail
usage="usage: bench/peers/compare_cpu.sh PROGRAM PYTHON [OUT.jsonl]"
program=$(realpath "${1:?$usage}")
python=$(command -v "${2:?$usage}")
out=${3:-compare_cpu.jsonl}
here=$(realpath "$(dirname "$0")")
model=${MODEL:-bert-base} batch=${BATCH:-8} length=${LENGTH:-128} fill=${FILL:-1}
threads=${THREADS:-$(nproc)} rounds=${ROUNDS:-3} steps=${STEPS:-5} optimizer=${OPTIMIZER:-adamw}
read -ra dtypes <<<"${DTYPES:-fp32}"
: >"$out"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/bench.yaml" <<YAML
model: {preset: $model, dropout: 0.1, attention_dropout: 0.1}
schedule: [{until: 100k steps, length: $length, global_batch: $batch}]
YAML

# One line of JSON with the row's name in front.
record() {
  local name=$1 line
  shift
  echo "  $name" >&2
  line=$("$@" 2>"$work/errors") || { cat "$work/errors" >&2; return 1; }
  printf '{"row": "%s", %s\n' "$name" "${line#\{}" >>"$out"
}
bertyard() {
  "$program" bench "$work/bench.yaml" --json --steps "$steps" --warmup 1 \
    --fill "$fill" parallel.threads="$threads" optim.name="$optimizer" "$@"
}
torch() {
  OMP_NUM_THREADS=$threads "$python" "$here/torch_cpu.py" --model "$model" --batch "$batch" \
    --length "$length" --fill "$fill" --threads "$threads" --optimizer "$optimizer" \
    --steps "$steps" --warmup 2 "$@"
}

for ((round = 1; round <= rounds; ++round)); do
  echo "round $round of $rounds" >&2
  for dtype in "${dtypes[@]}"; do
    if [ -n "${MICRO_TOKENS:-}" ]; then
      record "bertyard $dtype" bertyard precision="$dtype" \
        "parallel.micro_batch={tokens: $MICRO_TOKENS, sequences: $batch}"
    else
      record "bertyard $dtype" bertyard precision="$dtype"
      record "bertyard $dtype, one micro-batch" bertyard precision="$dtype" \
        "parallel.micro_batch={tokens: $((batch * length)), sequences: $batch}"
    fi
    record "torch $dtype eager" torch --dtype "$dtype"
    record "torch $dtype compiled" torch --dtype "$dtype" --mode compile
    record "transformers $dtype" torch --dtype "$dtype" --peer transformers
  done
done
"$python" "$here/summarize.py" "$out"
