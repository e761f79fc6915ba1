#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Samples a second and core: 'bertyard prepare' beside a Python program that takes the same steps
(bench/peers/prepare_peer.py), on the same text with one sentence a line, in turn, one thread each,
masks stored. Works in a directory of its own.

    prepare_speed.py PROGRAM VOCAB FILE ... [--rounds 3]

FILEs hold a paragraph a line; a plain rule splits them into sentences once, before anything is timed.
"""
import argparse
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("program")
parser.add_argument("vocab")
parser.add_argument("files", nargs="+")
parser.add_argument("--rounds", type=int, default=3)
args = parser.parse_args()
work = tempfile.mkdtemp(prefix="prepare-speed-")
text = os.path.join(work, "text.txt")
with open(text, "w", encoding="utf-8") as out:
    for path in args.files:
        for line in open(path, encoding="utf-8"):
            out.write("\n".join(re.split(r"(?<=[.!?\u201d]) +(?=[A-Z\u201c])", line.strip())) + "\n")
        out.write("\n")
config = os.path.join(work, "run.yaml")
with open(config, "w", encoding="utf-8") as out:
    out.write(f"""corpus: {{text: [{text}], layout: sentences, held_out: 0%}}
tokenizer: {{vocab: {os.path.abspath(args.vocab)}}}
samples: {{out: {work}/out, max_length: 128, duplicate: 1, mask: {{when: prepare, max_predictions: 20}}}}
schedule: [{{until: 1M steps, length: 128, global_batch: 8}}]
""")
environment = dict(os.environ, RAYON_NUM_THREADS="1", OMP_NUM_THREADS="1")


def timed(command):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - start
    return output.stdout, wall, (after.ru_utime + after.ru_stime - before.ru_utime -
                                 before.ru_stime)


def ours():
    shutil.rmtree(os.path.join(work, "out"), ignore_errors=True)
    output, wall, cpu = timed([args.program, "prepare", config, "--threads", "1"])
    return int(re.search(r"train +([\d,]+) samples", output)[1].replace(",", "")), wall, cpu


def theirs():
    peer = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers", "prepare_peer.py")
    output, wall, cpu = timed([sys.executable, peer, args.vocab, text, os.path.join(work, "o.npz")])
    return int(output), wall, cpu


rates = {}
results = {"bertyard": [], "python": []}
for _ in range(args.rounds):
    results["bertyard"].append(ours())
    results["python"].append(theirs())
for name, runs in results.items():
    samples = runs[0][0]
    wall, cpu = (statistics.median(run[i] for run in runs) for i in (1, 2))
    rates[name] = (samples / wall, samples / cpu)
    print(f"{name:9} {samples} samples, median of {args.rounds}: {wall:.2f} s wall, {cpu:.2f} s CPU: "
          f"{samples / cpu:.0f} samples a second of CPU")
print("ratio: {:.1f} by CPU time, {:.1f} by the clock".format(
    rates["bertyard"][1] / rates["python"][1], rates["bertyard"][0] / rates["python"][0]))
shutil.rmtree(work)
