#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# prepare makes the same bytes with 1, 2 and 4 ranks, other threads and memory, and after kills,
# whatever the samples are.
#   tests/launch/prepare_ranks.sh PROGRAM [MPIEXEC]
set -euo pipefail
program=$(realpath "$1")
mpiexec=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# 12 files of documents with words drawn by a fixed rule.
for file in $(seq 12); do
  awk -v seed="$file" 'BEGIN {
    srand(seed)
    for (d = 0; d < 120; ++d) {
      for (s = 1 + int(rand() * 12); s > 0; --s) {
        line = ""
        for (w = 3 + int(rand() * 15); w > 0; --w) {
          line = line sprintf("%c%c%d ", 97 + int(rand() * 26), 97 + int(rand() * 26), rand() * 30)
        }
        print line "."
      }
      print ""
    }
  }' >"text-$file.txt"
done
cat >run.yaml <<END
corpus: {text: ["text-*.txt"], held_out: 5%}
tokenizer: {vocab: vocab.txt, learn: {size: 400}}
samples: {out: out, max_length: 64, duplicate: 2, shard: 64 KiB, mask: {when: prepare, max_predictions: 10}}
schedule: [{until: 1M steps, length: 64, global_batch: 8}]
END

run() { "$@" >>log 2>&1 || { cat log; exit 1; }; }
same() {
  cmp vocab.txt vocab.whole || { echo "another vocabulary: $1"; exit 1; }
  diff -r whole out || { echo "other bytes: $1"; exit 1; }
  if [ "$(find out | grep -c tmp)" != 0 ]; then find out; exit 1; fi
  echo "the same: $1"
  rm -rf out vocab.txt
}

run "$program" prepare run.yaml --threads 1
[ "$(find out/train -name 'shard-*.h5' | wc -l)" -gt 3 ] || { find out; exit 1; }
mv out whole
cp vocab.txt vocab.whole
rm vocab.txt

run "$program" prepare run.yaml --threads 3 --memory 300MiB
same "3 threads in 300 MiB"

kills=0
for delay in 0.05 0.1 0.2 0.3 0.4 0.5 0.7 0.9; do
  "$program" prepare run.yaml --threads 1 >>log 2>&1 &
  job=$!
  sleep "$delay"
  if kill -9 "$job" 2>/dev/null; then kills=$((kills + 1)); fi
  wait "$job" 2>/dev/null || true
done
run "$program" prepare run.yaml
same "after $kills kills"

[ -n "$mpiexec" ] || exit 0
for ranks in 2 4; do
  run "$mpiexec" -n "$ranks" "$program" prepare run.yaml --threads 1
  same "$ranks ranks"
done

# Pairs in order, single segments and whole-corpus rules, with masks of spans where they may be.
for task in sop none google; do
  settings="samples.next_sentence=$task samples.mask.unit=span"
  if [ "$task" = google ]; then settings="samples.sampling=google"; fi
  rm -rf whole
  run "$program" prepare run.yaml --threads 1 $settings
  mv out whole
  rm vocab.txt
  for ranks in 2 4; do
    run "$mpiexec" -n "$ranks" "$program" prepare run.yaml --threads 2 $settings
    same "$task with $ranks ranks"
  done
done
rm -rf whole
run "$program" prepare run.yaml --threads 1
mv out whole
rm vocab.txt
for delay in 0.4 0.8 1.2; do
  "$mpiexec" -n 2 "$program" prepare run.yaml --threads 1 >>log 2>&1 &
  job=$!
  sleep "$delay"
  ranks=$(ps -o pid= --ppid "$job" || true)
  # A rank, or mpirun with its ranks.
  if [ "$delay" = 0.8 ]; then kill -9 $job $ranks 2>/dev/null || true; fi
  kill -9 $(echo "$ranks" | head -1) 2>/dev/null || true
  wait "$job" 2>/dev/null || true
done
run "$mpiexec" -n 2 "$program" prepare run.yaml --threads 1
same "2 ranks after kills"
