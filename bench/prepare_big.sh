#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# prepare on the books and on the books N times over (70: 2.07 GB): the peak of resident memory under
# samples.memory, and the CPU time for a copy in both. Works in a new directory below the current one.
#   bench/prepare_big.sh PROGRAM DATA [N] [MEMORY]   DATA holds text/en/books and vocab/
set -euo pipefail
program=$(realpath "${1:?usage: bench/prepare_big.sh PROGRAM DATA [N] [MEMORY]}")
data=$(realpath "$2")
copies=${3:-70}
memory=${4:-1GiB}
work=$(mktemp -d prepare-big-XXXXXX)
cd "$work"
mkdir one many
cat "$data"/text/en/books/*.txt >one/1.txt
for ((i = 1; i <= copies; ++i)); do cp one/1.txt "many/$i.txt"; done
cat >run.yaml <<END
corpus: {layout: paragraphs}
tokenizer: {vocab: $data/vocab/bert-base-uncased-vocab.txt}
samples: {max_length: 128, memory: $memory}
schedule: [{until: 1M steps, length: 128, global_batch: 8}]
END
# one, many, one: what other programs do to the machine shows in the difference of the first and last.
for text in one many one; do
  rm -rf out
  /usr/bin/time -f "%e %U %S %M" -o time "$program" prepare run.yaml "corpus.text=[$text]" samples.out=out >log 2>&1
  read -r wall user system peak <time
  [ $text = many ] && n=$copies || n=1
  awk -v t=$text -v n="$n" -v w="$wall" -v u="$user" -v s="$system" -v p="$peak" 'BEGIN {
    printf "%-5s %3d copies: %.1f s, %.2f s CPU, %.3f s CPU a copy, peak %.0f MiB\n", t, n, w, u + s, (u + s) / n, p / 1024 }'
done
cd ..
rm -rf "$work"
