# SPDX-License-Identifier: Apache-2.0
# A run of a few seconds for the scripts beside it, in $WORK: text, run.yaml, data, and the program.

# make_run PROGRAM STEPS
make_run() {
  cp "$1" "$WORK/bertyard"
  cd "$WORK" || exit 1
  awk 'BEGIN {
    srand(7)
    for (d = 0; d < 120; ++d) {
      for (s = 0; s < 10; ++s) {
        line = "the"
        for (w = 0; w < 9; ++w) line = line " " sprintf("%c%c", 97 + int(rand() * 16), 97 + int(rand() * 16))
        print line
      }
      print ""
    }
  }' >text.txt
  cat >run.yaml <<YAML
run: {name: run, dir: runs, seed: 7}
corpus: {text: [text.txt], layout: sentences, held_out: 10%}
tokenizer: {vocab: vocab.txt, learn: {size: 300, min_frequency: 1}}
samples: {out: data, max_length: 32, mask: {max_predictions: 5}}
model: {preset: bert-tiny, hidden: 64, heads: 2, intermediate: 128, max_positions: 32}
data: {train: data/train, valid: data/valid}
schedule:
  - {until: $2 steps, length: 32, global_batch: 16}
optim: {name: adamw, lr: 2e-3, warmup: 4 steps}
parallel: {threads: 1, reduction: ordered, leaves: 8, start_timeout: 20 s,
           micro_batch: {tokens: 64, sequences: 8, masked: 16}}
checkpoint: {every: 25 steps, keep_last: 2}
eval: {every: 1000 steps}
log: {every: 100 steps}
YAML
  ./bertyard prepare run.yaml >prepare.log 2>&1
}

steps() { wc -l 2>/dev/null <"$WORK/runs/$1/loss.log" || echo 0; }
has_steps() { [ "$(steps "$1")" -ge "$2" ]; }

# The SHA-256 of a run's weights, optimizer state and losses.
hash_of() {
  (cd "$WORK/runs/$1" 2>/dev/null &&
    cat checkpoints/latest/model.safetensors checkpoints/latest/optimizer.bin loss.log) |
    sha256sum | head -c 16
}

failures=0
# verdict NAME EXPECTED FOUND [MORE]
verdict() {
  local word=ok
  if [ "$2" != "$3" ]; then
    word=FAILED
    failures=$((failures + 1))
  fi
  printf '%-34s %-6s %s %s\n' "$1" "$word" "$3" "${4:-}"
}
