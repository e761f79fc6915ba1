#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sample builder of google-research/bert, as its steps are described, on CPython's own random.

An oracle for `samples.sampling: google` and `nvidia`. Tokens are ids: the corpus has one sentence of
ids a line and a blank line between documents. Prints one sample a line, in the order in which the
program would write them: ids after masking | length of [CLS] A [SEP] | label | masked positions |
labels. Standard library only.
"""
import argparse
import random
import sys


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    parser.add_argument("--vocabulary-size", type=int, required=True)
    parser.add_argument("--cls", type=int, required=True)
    parser.add_argument("--sep", type=int, required=True)
    parser.add_argument("--mask", type=int, required=True)
    parser.add_argument("--pieces", help="file of the ids of ## tokens: mask whole words")
    parser.add_argument("--seed", type=int, default=12345)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--max-predictions", type=int, default=20)
    parser.add_argument("--duplicate", type=int, default=10)
    parser.add_argument("--short-sequence", type=float, default=0.1)
    parser.add_argument("--rate", type=float, default=0.15)
    parser.add_argument("--nvidia", action="store_true", help="with the label of NVIDIA's copy")
    return parser.parse_args()


def read_documents(path):
    documents = [[]]
    with open(path, encoding="ascii") as file:
        for line in file:
            ids = [int(word) for word in line.split()]
            if not line.strip():
                documents.append([])
            elif ids:
                documents[-1].append(ids)
    return [document for document in documents if document]


def truncate(a, b, room, rng):
    while len(a) + len(b) > room:
        longer = a if len(a) > len(b) else b
        if rng.random() < 0.5:
            del longer[0]
        else:
            longer.pop()


def mask_tokens(tokens, args, pieces, rng):
    candidates = []
    for index, token in enumerate(tokens):
        if token in (args.cls, args.sep):
            continue
        if pieces is not None and candidates and token in pieces:
            candidates[-1].append(index)
        else:
            candidates.append([index])
    rng.shuffle(candidates)
    wanted = min(args.max_predictions, max(1, int(round(len(tokens) * args.rate))))
    output = list(tokens)
    masked = []
    for indexes in candidates:
        if len(masked) >= wanted:
            break
        if len(masked) + len(indexes) > wanted:
            continue
        for index in indexes:
            if rng.random() < 0.8:
                new = args.mask
            elif rng.random() < 0.5:
                new = tokens[index]
            else:
                new = rng.randint(0, args.vocabulary_size - 1)
            output[index] = new
            masked.append((index, tokens[index]))
    masked.sort(key=lambda entry: entry[0])
    return output, masked


def random_next(documents, index, target, a, rng):
    for _ in range(10):
        other = rng.randint(0, len(documents) - 1)
        if other != index:
            break
    document = documents[other]
    b = []
    for sentence in document[rng.randint(0, len(document) - 1):]:
        b.extend(sentence)
        if len(b) >= target - len(a):
            break
    return b, other


def samples_of_document(documents, index, args, pieces, rng):
    document = documents[index]
    room = args.max_length - 3
    target = room
    if rng.random() < args.short_sequence:
        target = rng.randint(2, room)
    samples = []
    chunk = []
    length = 0
    i = 0
    while i < len(document):
        chunk.append(document[i])
        length += len(document[i])
        if i == len(document) - 1 or length >= target:
            end_of_a = rng.randint(1, len(chunk) - 1) if len(chunk) >= 2 else 1
            a = [token for sentence in chunk[:end_of_a] for token in sentence]
            is_random = len(chunk) == 1 or rng.random() < 0.5
            if is_random:
                b, other = random_next(documents, index, target, a, rng)
                if args.nvidia and other == index:
                    is_random = False
                i -= len(chunk) - end_of_a
            else:
                b = [token for sentence in chunk[end_of_a:] for token in sentence]
            truncate(a, b, room, rng)
            tokens = [args.cls] + a + [args.sep] + b + [args.sep]
            output, masked = mask_tokens(tokens, args, pieces, rng)
            samples.append((output, len(a) + 2, int(is_random), masked))
            chunk = []
            length = 0
        i += 1
    return samples


def main():
    args = arguments()
    pieces = None
    if args.pieces:
        with open(args.pieces, encoding="ascii") as file:
            pieces = {int(word) for word in file.read().split()}
    rng = random.Random(args.seed)
    documents = read_documents(args.corpus)
    rng.shuffle(documents)
    samples = []
    for _ in range(args.duplicate):
        for index in range(len(documents)):
            samples.extend(samples_of_document(documents, index, args, pieces, rng))
    rng.shuffle(samples)
    for tokens, a_length, label, masked in samples:
        fields = (tokens, [a_length], [label], [p for p, _ in masked], [t for _, t in masked])
        sys.stdout.write("|".join(" ".join(map(str, field)) for field in fields) + "\n")


if __name__ == "__main__":
    main()
