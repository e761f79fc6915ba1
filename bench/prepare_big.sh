#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# prepare on the books and on the books N times over (70: 2.07 GB): the peak of resident memory under
# samples.memory, the CPU time for a copy in both, and whether 1, 2 and 4 ranks, and two that are
# killed and started again, make the same bytes. Works in a new directory below the current one.
#   bench/prepare_big.sh PROGRAM DATA [N] [MEMORY]   DATA holds text/en/books and vocab/
# KILL_AFTER (12) seconds of each of the three starts that are killed.
set -euo pipefail
program=$(realpath "${1:?usage: bench/prepare_big.sh PROGRAM DATA [N] [MEMORY]}")
data=$(realpath "$2")
copies=${3:-70}
memory=${4:-1GiB}
read -ra mpirun <<<"${MPIRUN:-mpirun --bind-to none --oversubscribe}"
work=$(realpath "$(mktemp -d prepare-big-XXXXXX)")
trap 'rm -rf "$work"' EXIT
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
prepare() { # TEXT, then what stands before the program
  local text=$1
  shift
  "$@" "$program" prepare run.yaml "corpus.text=[$text]" samples.out=out
}
# One figure for all that lies in out/.
fingerprint() { (cd out && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16); }

# one, many, one: what other programs do to the machine shows in the difference of the first and last.
for text in one many one; do
  rm -rf out
  prepare "$text" /usr/bin/time -f "%e %U %S %M" -o time >log 2>&1 || { cat log >&2; exit 1; }
  read -r wall user system peak <time
  [ $text = many ] && n=$copies || n=1
  awk -v t=$text -v n="$n" -v w="$wall" -v u="$user" -v s="$system" -v p="$peak" 'BEGIN {
    printf "%-5s %3d copies: %.1f s, %.2f s CPU, %.3f s CPU a copy, peak %.0f MiB\n", t, n, w, u + s, (u + s) / n, p / 1024 }'
  [ $text = many ] && expected=$(fingerprint)
done
echo "1 rank             $expected"

compare() { # WHAT
  local found
  found=$(fingerprint)
  printf '%-18s %s\n' "$1" "$found"
  [ "$found" = "$expected" ] || { echo "these are other bytes" >&2; exit 1; }
}
for ranks in 2 4; do
  rm -rf out
  prepare many "${mpirun[@]}" -n "$ranks" >log 2>&1 || { cat log >&2; exit 1; }
  compare "$ranks ranks"
done
rm -rf out
for ((kill = 1; kill <= 3; ++kill)); do
  prepare many timeout -s KILL "${KILL_AFTER:-12}" "${mpirun[@]}" -n 2 >log 2>&1 && break
  pkill -KILL -f "^$program prepare run.yaml" || true
done
prepare many "${mpirun[@]}" -n 2 >log 2>&1 || { cat log >&2; exit 1; }
compare "killed $((kill - 1)) times"
