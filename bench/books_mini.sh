#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The run of docs/results.md: prepares and trains configs/books-mini.yaml, draws and evaluates it.
#   bench/books_mini.sh DATA    DATA holds text/en/books and vocab/bert-base-uncased-vocab.txt
set -euo pipefail
data=$(realpath "${1:?usage: bench/books_mini.sh DATA}")
root=$(realpath "$(dirname "$0")/..")
bertyard=$root/build/cpu/bin/bertyard
config=$root/configs/books-mini.yaml
mkdir -p "$root/runs/books-mini-work"
cd "$root/runs/books-mini-work"
ln -sfn "$data/text" text
ln -sfn "$data/vocab" vocab
"$bertyard" prepare "$config"
"$bertyard" train "$config"
"$bertyard" plot runs/books-mini
"$bertyard" eval runs/books-mini --data data/books/valid
