#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The engine's figures on this machine, for docs/performance.md and docs/scaling.md. Rows of a part
# are interleaved round by round; a part ends after ROUNDS rounds or MINUTES minutes.
#   bench/engine.sh PROGRAM PART...
#     ranks      2 ranks of 1 thread beside 1 rank of all threads, accumulation of 1
#     reduction  2 ranks with their sum and without; in order; with ZeRO-1; accumulation of 1
#     start      from the start of `train` to its first step
#     peak       share of the matrix-product peak at 128 and 512 tokens
#     plan       `plan` from figures of bench, against measured steps of other sizes and 2 ranks
#     memory     what `check` says beside what the process took
#     base long mini half   beside PyTorch: BATCH x 128, 2 x 512, bert-mini full, half filled
#     network    reduction between two hosts that an MBIT link joins; needs root, tc and CLUSTER,
#                a script with `start 2 1`, `mpirun ...`, `exec nK ...`, `stop`
#   environment: OUT (engine-figures) MODEL (bert-base) BATCH (8) ROUNDS (5) STEPS (3) MINUTES (14)
#     DTYPES (fp32, and bf16 where the processor has it) MPIRUN MBIT (10000)
#     PYTHON (python3; bench/peers/make_venv.sh makes one)
set -euo pipefail
usage="usage: bench/engine.sh PROGRAM PART...; the parts stand at the head of the script"
program=$(realpath "${1:?$usage}")
: "${2:?$usage}"
shift
here=$(realpath "$(dirname "$0")")
out=$(realpath -m "${OUT:-engine-figures}")
model=${MODEL:-bert-base} batch=${BATCH:-8} rounds=${ROUNDS:-5} steps=${STEPS:-3}
seconds=$((${MINUTES:-14} * 60))
threads=$(nproc)
own_dtypes=fp32
if grep -q avx512_bf16 /proc/cpuinfo; then own_dtypes="fp32 bf16"; fi
read -ra dtypes <<<"${DTYPES:-$own_dtypes}"
read -ra mpirun <<<"${MPIRUN:-mpirun --bind-to none}"
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# configuration NAME LENGTH BATCH: of a bench
configuration() {
  cat >"$work/$1.yaml" <<YAML
run: {name: $1, dir: $work/runs}
model: {preset: $model, dropout: 0.1, attention_dropout: 0.1}
schedule: [{until: 100 steps, length: $2, global_batch: $3}]
optim: {warmup: 10 steps}
tokenizer: {vocab: $work/none.txt}
data: {train: $work/none}
YAML
}
# rows PART COMMAND: the command, which records rows, as often as the part's time allows.
rows() {
  local part=$1 round begun longest=0 start=$SECONDS
  shift
  : >"$out/$part.jsonl"
  for ((round = 1; round <= rounds; ++round)); do
    begun=$SECONDS
    if ((begun - start + longest > seconds)); then break; fi
    echo "$part: round $round of $rounds" >&2
    "$@"
    if ((SECONDS - begun > longest)); then longest=$((SECONDS - begun)); fi
  done
}
# record ROW COMMAND: one line of JSON with the row's name in front.
record() {
  local name=$1 line
  shift
  line=$("$@" 2>"$work/errors") || { cat "$work/errors" >&2; return 1; }
  printf '{"row": "%s", %s\n' "$name" "${line#\{}" >>"$out/$part.jsonl"
}
# bench RANKS THREADS CONFIG LENGTH BATCH ARGUMENTS: one micro-batch a rank.
bench() {
  local ranks=$1 own=$2 config=$3 length=$4 samples=$5 launcher=()
  local each="{tokens: $((samples * length / ranks)), sequences: $((samples / ranks))}"
  shift 5
  if ((ranks > 1)); then launcher=("${mpirun[@]}" -n "$ranks"); fi
  "${launcher[@]}" "$program" bench "$work/$config.yaml" --json --steps "$steps" --warmup 1 \
    parallel.threads="$own" \
    "parallel.micro_batch=$each" \
    "schedule.0.length=$length" "schedule.0.global_batch=$samples" "$@"
}
table() { python3 "$here/engine_table.py" "$@"; }

ranks_round() {
  local dtype
  for dtype in "${dtypes[@]}"; do
    record "$dtype, 1 rank x $threads threads" \
      bench 1 "$threads" bench 128 "$batch" precision="$dtype"
    record "$dtype, 2 ranks x $((threads / 2)) threads" \
      bench 2 $((threads / 2)) bench 128 "$batch" precision="$dtype"
  done
}
reduction_round() {
  local dtype run
  for dtype in "${dtypes[@]}"; do
    run=(bench 2 $((threads / 2)) bench 128 "$batch" precision="$dtype")
    record "$dtype, no reduction" "${run[@]}" --no-reduction
    record "$dtype, fast" "${run[@]}"
    record "$dtype, fast, ZeRO-1" "${run[@]}" parallel.shard_optimizer=true
    record "$dtype, ordered" "${run[@]}" parallel.reduction=ordered parallel.leaves=2
  done
}
# A dry run takes one step on made data; what is not that step is start and end of the process.
start_round() {
  local begun ended step
  begun=$(date +%s%N)
  "$program" train "$work/start.yaml" --dry-run parallel.threads="$threads" \
    precision="${dtypes[-1]}" >"$work/dry" 2>"$work/errors" || { cat "$work/errors" >&2; return 1; }
  ended=$(date +%s%N)
  step=$(awk '/^time / {print $2}' "$work/dry")
  awk -v ns=$((ended - begun)) -v step="$step" 'BEGIN {
    printf "{\"row\": \"start to first step, with the end of the process\", \"seconds\": %.3f}\n",
           ns / 1e9 - step }' >>"$out/$part.jsonl"
}
peak_round() {
  local dtype
  for dtype in "${dtypes[@]}"; do
    record "$dtype, $batch x 128" bench 1 "$threads" bench 128 "$batch" precision="$dtype"
    record "$dtype, 2 x 512" bench 1 "$threads" bench 512 2 precision="$dtype"
  done
}
plan_round() {
  local dtype=${dtypes[0]} ranks samples
  for ranks in 1 2; do
    for samples in 4 8 16; do
      record "$ranks $samples" bench "$ranks" 1 bench 128 "$samples" precision="$dtype"
    done
  done
}
# From the rates of 8 samples on 1 rank and the links of 2: the measured sizes and ranks, predicted.
plan_table() {
  local samples own
  table --pick "1 8" "$out/plan.jsonl" >"$work/one.json"
  table --pick "2 8" "$out/plan.jsonl" >"$work/two.json"
  for samples in 4 8 16; do
    for ranks in 1 2; do
      own=$((samples * 128 / ranks))
      "$program" plan "$work/bench.yaml" --from "$work/one.json" --from "$work/two.json" --json \
        --devices 2 precision="${dtypes[0]}" schedule.0.global_batch="$samples" parallel.threads=1 \
        "parallel.micro_batch={tokens: $own, sequences: $((samples / ranks))}" \
        >"$work/plan-$ranks-$samples.json"
      table --predicted "$ranks $samples" "$out/plan.jsonl" "$work/plan-$ranks-$samples.json"
    done
  done
}
memory_part() {
  local name ranks launcher
  for name in bert-tiny bert-mini "$model"; do
    for ranks in 1 2; do
      launcher=()
      if ((ranks > 1)); then launcher=("${mpirun[@]}" -n "$ranks"); fi
      echo "$name, $ranks rank(s):"
      "${launcher[@]}" "$program" train "$work/start.yaml" --dry-run model.preset="$name" \
        schedule.0.global_batch=64 parallel.threads=1 2>"$work/errors" |
        sed -n 's/^memory */  /p' || { cat "$work/errors" >&2; return 1; }
    done
  done
}
peers() {
  local name=$1
  shift
  part=$name
  env ROUNDS="$rounds" STEPS="$steps" DTYPES="${dtypes[*]}" "$@" timeout "$seconds" \
    "$here/peers/compare_cpu.sh" "$program" "${PYTHON:-python3}" "$out/$name.jsonl" ||
    python3 "$here/peers/summarize.py" "$out/$name.jsonl"
}
# As reduction, between network namespaces.
network_part() {
  local node
  cluster=${CLUSTER:?CLUSTER names the script of the two hosts} # no local: the trap needs it
  trap '"$cluster" stop; rm -rf "$work"' EXIT
  "$cluster" start 2 1
  for node in n1 n2; do
    "$cluster" exec "$node" tc qdisc add dev eth0 root tbf rate "${MBIT:-10000}mbit" \
      burst 1mb latency 50ms
  done
  mpirun=("$cluster" mpirun --bind-to none)
  rows network reduction_round
  table "$out/network.jsonl"
}

for part in "$@"; do
  configuration bench 128 "$batch"
  configuration start 128 "$batch"
  case $part in
    ranks | reduction | peak | start)
      rows "$part" "${part}_round"
      table "$out/$part.jsonl"
      ;;
    plan)
      rows plan plan_round
      plan_table
      ;;
    memory) memory_part | tee "$out/memory.txt" ;;
    base) peers base MODEL="$model" BATCH="$batch" LENGTH=128 ;;
    long) peers long MODEL="$model" BATCH=2 LENGTH=512 ;;
    mini) peers mini MODEL=bert-mini BATCH=64 LENGTH=128 ;;
    half) peers half MODEL=bert-mini BATCH=64 LENGTH=128 FILL=0.5 ;;
    network) network_part ;;
    *) echo "$usage" >&2; exit 2 ;;
  esac
done
