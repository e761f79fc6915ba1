#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Samples a second and core of h5py reading a file in NVIDIA's layout, as NVIDIA's loader reads it.

    bench/h5py_nvidia.py FILE [ROUNDS]
"""
import sys
import time

import h5py
import numpy as np

KEYS = ("input_ids", "input_mask", "segment_ids", "masked_lm_positions", "masked_lm_ids",
        "next_sentence_labels")


def main():
    path = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    best = 0.0
    for _ in range(rounds):
        start = time.process_time()
        with h5py.File(path, "r") as file:
            data = [np.asarray(file[key][:]) for key in KEYS]
        best = max(best, len(data[0]) / (time.process_time() - start))
    print(f"{best:,.0f} samples a CPU second, {len(data[0]):,} samples, best of {rounds}")


if __name__ == "__main__":
    main()
