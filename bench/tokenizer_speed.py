#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Speed of 'bertyard tokenize' beside Hugging Face's tokenizers in batch mode, the same threads, in
turn. Theirs with texts and results in memory and no output; ours as a program that reads the files,
once without spans (beside encode_batch_fast) and once that writes tokens, ids and offsets as JSON
(beside encode_batch). Ours is told which ids to expect by theirs.

    tokenizer_speed.py PROGRAM VOCAB FILE ...  [--threads 2] [--rounds 5]

Needs: pip install tokenizers.
"""
import argparse
import os
import resource
import statistics
import subprocess
import time

parser = argparse.ArgumentParser()
parser.add_argument("program")
parser.add_argument("vocab")
parser.add_argument("files", nargs="+")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=5)
args = parser.parse_args()
os.environ["RAYON_NUM_THREADS"] = str(args.threads)
os.environ["TOKENIZERS_PARALLELISM"] = "true"
from tokenizers import BertWordPieceTokenizer  # noqa: E402  reads the environment

texts = [line for path in args.files for line in open(path, encoding="utf-8").read().split("\n")]
size = sum(len(text.encode()) for text in texts)
tokenizer = BertWordPieceTokenizer(args.vocab)._tokenizer


def cpu(who):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def theirs(encode):
    tokens = 0
    for first in range(0, len(texts), 2000):
        batch = encode(texts[first:first + 2000], add_special_tokens=False)
        tokens += sum(len(encoding) for encoding in batch)
    return tokens


def ours(flags):
    out = subprocess.run([args.program, "tokenize", "--vocab", args.vocab, "--threads",
                          str(args.threads), "--max-word-characters", "100", *flags, *args.files],
                         check=True, stdout=subprocess.PIPE if flags else subprocess.DEVNULL)
    return int(out.stdout.split(b" tokens")[0].split(b", ")[-1].replace(b",", b"")) if flags else None


def timed(call, who):
    wall, used = time.perf_counter(), cpu(who)
    tokens = call()
    return time.perf_counter() - wall, cpu(who) - used, tokens


runs = {"tokenizers, encode_batch_fast": (lambda: theirs(tokenizer.encode_batch_fast),
                                          resource.RUSAGE_SELF),
        "bertyard, ids": (lambda: ours(["--count"]), resource.RUSAGE_CHILDREN),
        "tokenizers, encode_batch": (lambda: theirs(tokenizer.encode_batch), resource.RUSAGE_SELF),
        "bertyard, JSON with offsets": (lambda: ours([]), resource.RUSAGE_CHILDREN)}
times = {name: [] for name in runs}
for _ in range(args.rounds):
    for name, (call, who) in runs.items():
        times[name].append(timed(call, who))
print(f"{size / 1e6:.1f} MB, {args.threads} threads, medians of {args.rounds}")
median = {}
for name, results in times.items():
    wall, used = (statistics.median(r[i] for r in results) for i in (0, 1))
    median[name] = (wall, used)
    print(f"{name:30} {size / wall / 1e6:8.1f} MB/s   {wall:7.3f} s wall {used:7.3f} s CPU   "
          f"tokens {results[0][2]}")
for a, b in (("tokenizers, encode_batch_fast", "bertyard, ids"),
             ("tokenizers, encode_batch", "bertyard, JSON with offsets")):
    print(f"{b}: {median[a][0] / median[b][0]:.1f} times as fast by the clock, "
          f"{median[a][1] / median[b][1]:.1f} by CPU time")
