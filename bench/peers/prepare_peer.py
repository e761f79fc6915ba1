#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a user writes in Python to prepare BERT's samples: the steps of google-research/bert's
create_pretraining_data.py (read, tokenise, pair, truncate, mask, shuffle, write), our own code, with
Hugging Face's tokenizers in batch mode and NumPy arrays written without compression. A peer for
bench/prepare_speed.py; reads one sentence a line, blank lines between documents.

    prepare_peer.py VOCAB TEXT OUT.npz [--length 128] [--predictions 20]

Needs: pip install tokenizers numpy. Prints the number of samples.
"""
import argparse
import random

import numpy
from tokenizers import BertWordPieceTokenizer


def read_documents(path, tokenizer):
    lines = open(path, encoding="utf-8").read().split("\n")
    ids = []
    for first in range(0, len(lines), 10000):
        batch = [line.strip() for line in lines[first:first + 10000]]
        ids += [e.ids for e in tokenizer.encode_batch_fast(batch, add_special_tokens=False)]
    documents = [[]]
    for line, sentence in zip(lines, ids):
        if not line.strip():
            documents.append([])
        elif sentence:
            documents[-1].append(sentence)
    return [d for d in documents if d]


class Maker:
    def __init__(self, args, tokenizer, documents, draw):
        self.args, self.documents, self.draw = args, documents, draw
        self.cls, self.sep, self.mask = (tokenizer.token_to_id(t)
                                         for t in ("[CLS]", "[SEP]", "[MASK]"))
        self.words = list(range(tokenizer.get_vocab_size()))

    def truncate(self, a, b, room):
        while len(a) + len(b) > room:
            longer = a if len(a) > len(b) else b
            if self.draw.random() < 0.5:
                del longer[0]
            else:
                longer.pop()

    def masked(self, tokens):
        places = [i for i, t in enumerate(tokens) if t not in (self.cls, self.sep)]
        self.draw.shuffle(places)
        count = min(self.args.predictions, max(1, int(round(len(tokens) * 0.15))))
        chosen = sorted(places[:count])
        labels = [tokens[i] for i in chosen]
        for i in chosen:
            if self.draw.random() < 0.8:
                tokens[i] = self.mask
            elif self.draw.random() >= 0.5:
                tokens[i] = self.words[self.draw.randint(0, len(self.words) - 1)]
        return chosen, labels

    def random_next(self, number, target):
        for _ in range(10):
            other = self.draw.randint(0, len(self.documents) - 1)
            if other != number:
                break
        document = self.documents[other]
        b = []
        for i in range(self.draw.randint(0, len(document) - 1), len(document)):
            b += document[i]
            if len(b) >= target:
                break
        return b

    def samples(self, number):
        document, room = self.documents[number], self.args.length - 3
        target = room
        if self.draw.random() < 0.1:
            target = self.draw.randint(2, room)
        chunk, length, i = [], 0, 0
        while i < len(document):
            chunk.append(document[i])
            length += len(document[i])
            if i == len(document) - 1 or length >= target:
                end = self.draw.randint(1, len(chunk) - 1) if len(chunk) >= 2 else 1
                a = [t for sentence in chunk[:end] for t in sentence]
                is_random = len(chunk) == 1 or self.draw.random() < 0.5
                if is_random:
                    b = self.random_next(number, target - len(a))
                    i -= len(chunk) - end
                else:
                    b = [t for sentence in chunk[end:] for t in sentence]
                self.truncate(a, b, room)
                tokens = [self.cls] + a + [self.sep] + b + [self.sep]
                places, labels = self.masked(tokens)
                yield tokens, len(a) + 2, is_random, places, labels
                chunk, length = [], 0
            i += 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("vocab")
    parser.add_argument("text")
    parser.add_argument("out")
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--predictions", type=int, default=20)
    args = parser.parse_args()
    draw = random.Random(12345)
    tokenizer = BertWordPieceTokenizer(args.vocab)._tokenizer
    documents = read_documents(args.text, tokenizer)
    draw.shuffle(documents)
    maker = Maker(args, tokenizer, documents, draw)
    samples = [s for number in range(len(documents)) for s in maker.samples(number)]
    draw.shuffle(samples)
    n = len(samples)
    ids = numpy.zeros((n, args.length), numpy.int32)
    segments = numpy.zeros((n, args.length), numpy.int8)
    positions = numpy.zeros((n, args.predictions), numpy.int32)
    labels = numpy.zeros((n, args.predictions), numpy.int32)
    for i, (tokens, a, _, places, originals) in enumerate(samples):
        ids[i, :len(tokens)] = tokens
        segments[i, a:len(tokens)] = 1
        positions[i, :len(places)] = places
        labels[i, :len(places)] = originals
    numpy.savez(args.out, input_ids=ids, segment_ids=segments, masked_lm_positions=positions,
                masked_lm_ids=labels, next_sentence_labels=numpy.array([s[2] for s in samples]))
    print(n)


main()
