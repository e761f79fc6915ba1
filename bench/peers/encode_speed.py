# SPDX-License-Identifier: Apache-2.0
"""bertyard encode beside sentence-transformers (or transformers), on the same texts and threads, in turn:
    encode_speed.py PROGRAM MODEL TEXTS [--threads 2] [--rounds 3] [--batch 32]
                    [--products bf16]
Each process loads the model once; the time is that of the texts alone, from text to vectors. bertyard's
includes writing them. Prints texts a second and the ratio of the medians.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time


def ours(options, out):
    command = [options.program, "encode", options.model, "--in", options.texts, "--out", str(out),
               "--threads", str(options.threads), "--products", options.products, "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["seconds"]


def peer_loop(options):
    """Encodes the texts once for every line read, and answers with the seconds."""
    import numpy as np
    import torch
    torch.set_num_threads(options.threads)
    from sentence_transformers import SentenceTransformer
    texts = pathlib.Path(options.texts).read_text(encoding="utf-8").split("\n")[:-1]
    model = SentenceTransformer(options.model, device="cpu")
    model.encode(texts[:64])
    print("ready", flush=True)
    for line in sys.stdin:
        start = time.monotonic()
        vectors = model.encode(texts, batch_size=options.batch)
        print(time.monotonic() - start, flush=True)
        np.save(line.strip(), vectors)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("texts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--products", choices=("fp32", "bf16"), default="fp32", help="of bertyard")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        return peer_loop(options)
    import numpy as np
    directory = pathlib.Path(tempfile.mkdtemp())
    peer = subprocess.Popen([sys.executable, *sys.argv, "--peer"], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    peer.stdout.readline()
    seconds = {"bertyard": [], "sentence-transformers": []}
    for _ in range(options.rounds):
        seconds["bertyard"].append(ours(options, directory / "ours.npy"))
        peer.stdin.write(f"{directory / 'theirs.npy'}\n")
        peer.stdin.flush()
        seconds["sentence-transformers"].append(float(peer.stdout.readline()))
    peer.stdin.close()
    peer.wait()
    a, b = np.load(directory / "ours.npy"), np.load(directory / "theirs.npy")
    cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    for name, all_seconds in seconds.items():
        median = statistics.median(all_seconds)
        rounds = ", ".join(f"{s:.2f}" for s in all_seconds)
        print(f"{name:<22} {len(a) / median:9.1f} texts/s   median {median:.2f} s of {rounds}")
    ratio = statistics.median(seconds["sentence-transformers"]) / statistics.median(
        seconds["bertyard"])
    print(f"ratio {ratio:.2f}; {options.threads} threads; lowest cosine {cosine.min():.7f}")


main()
