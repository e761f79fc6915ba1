#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Samples a second and core of h5py reading a file in NVIDIA's layout.

First as NVIDIA's loader reads it, whole into memory; then with batches of 256 in random order picked
from there by one fancy index a dataset; then such batches picked in the file itself.

    bench/h5py_nvidia.py FILE [ROUNDS]
"""
import sys
import time

import h5py
import numpy as np

KEYS = ("input_ids", "input_mask", "segment_ids", "masked_lm_positions", "masked_lm_ids",
        "next_sentence_labels")


def whole(path):
    with h5py.File(path, "r") as file:
        return [np.asarray(file[key][:]) for key in KEYS]


def batches(data):
    order = np.random.default_rng(1).permutation(len(data[0]))
    for first in range(0, len(order), 256):
        for array in data:
            array[order[first:first + 256]]


def whole_then_batches(path):
    data = whole(path)
    batches(data)
    return data


def batches_in_file(path):
    with h5py.File(path, "r") as file:
        data = [file[key] for key in KEYS]
        order = np.random.default_rng(1).permutation(len(data[0]))
        for array in data:
            array[np.sort(order[:256])]
        return [np.empty((256, 1))]


def main():
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    for read in (whole, whole_then_batches, batches_in_file):
        best = 0.0
        for _ in range(rounds):
            start = time.process_time()
            count = len(read(sys.argv[1])[0])
            best = max(best, count / (time.process_time() - start))
        print(f"{read.__name__:20} {best:12,.0f} samples a CPU second, best of {rounds}")


if __name__ == "__main__":
    main()
