# SPDX-License-Identifier: Apache-2.0
"""Samples with stored masks, read and written without bertyard's own code."""

import dataclasses
import pathlib

import h5py
import numpy as np


@dataclasses.dataclass
class Sample:
    tokens: np.ndarray  # masked already
    segments: np.ndarray
    keys: np.ndarray  # 1: others may attend to it
    positions: np.ndarray  # of the masked tokens
    labels: np.ndarray
    is_random_next: int


def read_shards(directory):
    """All samples of the shards below a directory, in the order of their names."""
    return [
        sample for path in sorted(pathlib.Path(directory).glob("*.h5"))
        for sample in read_shard(path)
    ]


def read_shard(path):
    with h5py.File(path) as file:
        columns = {name: file[name][:] for name in file}
    samples = []
    for i, a_length in enumerate(columns["a_length"]):
        begin, end = columns["sample_offsets"][i:i + 2].astype(int)
        tokens = columns["tokens"][begin:end].astype(np.int64)
        if "mask_offsets" in columns:
            first, last = columns["mask_offsets"][i:i + 2].astype(int)
        else:
            first = last = 0
        samples.append(
            Sample(tokens=tokens,
                   segments=(np.arange(len(tokens)) >= a_length).astype(np.int64),
                   keys=np.ones(len(tokens), np.int64),
                   positions=columns.get("mask_positions", np.zeros(0))[first:last].astype(np.int64),
                   labels=columns.get("mask_labels", np.zeros(0))[first:last].astype(np.int64),
                   is_random_next=int(columns["is_random_next"][i])))
    return samples


def write_nvidia(path, samples):
    """NVIDIA's fixed layout. A masked position of 0 would end the list: leave such labels out."""
    length = max(len(sample.tokens) for sample in samples)
    masked = max(len(sample.positions) for sample in samples)

    def padded(name, width):
        rows = [np.pad(getattr(sample, name), (0, width - len(getattr(sample, name))))
                for sample in samples]
        return np.stack(rows).astype(np.int32)

    with h5py.File(path, "w") as file:
        file["input_ids"] = padded("tokens", length)
        file["input_mask"] = padded("keys", length)
        file["segment_ids"] = padded("segments", length)
        file["masked_lm_positions"] = padded("positions", masked)
        file["masked_lm_ids"] = padded("labels", masked)
        file["next_sentence_labels"] = np.array([s.is_random_next for s in samples], np.int8)
