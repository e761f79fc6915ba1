#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The PyTorch peer on a CPU: times the BERT pre-training step (forward, loss, backward, clipping,
optimizer) on synthetic batches and prints one JSON line. One configuration a process, so that a
driver can interleave it with other programs: bench/peers/compare_cpu.sh.

  own           plain PyTorch with scaled_dot_product_attention, MLM head on masked positions alone
  transformers  Hugging Face's BertForPreTraining as it is: MLM head on every position

Threads are OpenMP's; set OMP_NUM_THREADS to the same number before the start.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import time

import torch

import bert_torch


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=["own", "transformers"], default="own")
    parser.add_argument("--mode", choices=["eager", "compile"], default="eager")
    parser.add_argument("--dtype", choices=["fp32", "bf16"], default="fp32", help="bf16: autocast")
    parser.add_argument("--model", choices=list(bert_torch.SHAPES), default="bert-base")
    parser.add_argument("--optimizer", choices=["adamw", "lamb"], default="adamw")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--masked", type=int, help="of a sample of full length; default 15%%")
    parser.add_argument("--fill", type=float, default=1.0, help="mean length / length")
    parser.add_argument("--vocabulary", type=int, default=30522)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--steps", type=int, default=10)
    return parser.parse_args()


def lengths(args, generator):
    """Even over (fill - w) to (fill + w) of the full length, w = min(fill, 1 - fill): as
    `bertyard bench --fill` has them."""
    width = min(args.fill, 1 - args.fill)
    place = (torch.arange(args.batch) + 0.5) / args.batch
    fraction = args.fill + width * (2 * place - 1)
    whole = (fraction * args.length).round().long().clamp(5, args.length)
    return whole[torch.randperm(args.batch, generator=generator)]


def make_batch(args, seed):
    generator = torch.Generator().manual_seed(seed)
    size = lengths(args, generator)
    longest = int(size.max())  # padded to the longest of the batch
    inside = torch.arange(longest)[None] < size[:, None]
    ids = torch.randint(5, args.vocabulary, (args.batch, longest), generator=generator) * inside
    full = args.masked or round(0.15 * args.length)
    rows, labels = [], []
    all_labels = torch.full_like(ids, -100)
    for i, length in enumerate(size.tolist()):
        count = max(1, round(full * length / args.length))
        chosen = (torch.randperm(length - 3, generator=generator)[:count] + 1).sort().values
        label = torch.randint(5, args.vocabulary, (count,), generator=generator)
        rows.append(i * longest + chosen)
        labels.append(label)
        all_labels[i, chosen] = label
    segments = (torch.arange(longest)[None] >= size[:, None] // 2) & inside
    return {
        "ids": ids, "segments": segments.long(), "lengths": size, "labels": all_labels,
        "mask": None if bool(inside.all()) else inside[:, None, None, :],
        "masked_rows": torch.cat(rows), "masked_labels": torch.cat(labels),
        "next_sentence": torch.randint(0, 2, (args.batch,), generator=generator),
    }


def make_model(args):
    """The model in training mode and the function that makes a batch's loss."""
    shape = bert_torch.SHAPES[args.model]
    if args.peer == "own":
        model = bert_torch.Bert(shape, args.vocabulary, max(512, args.length), args.dropout)
        loss = model
    else:
        from transformers import BertConfig, BertForPreTraining
        layers, hidden, heads, intermediate = shape
        config = BertConfig(vocab_size=args.vocabulary, hidden_size=hidden,
                            num_hidden_layers=layers, num_attention_heads=heads,
                            intermediate_size=intermediate, hidden_act="gelu_new",
                            max_position_embeddings=max(512, args.length),
                            hidden_dropout_prob=args.dropout,
                            attention_probs_dropout_prob=args.dropout,
                            attn_implementation="sdpa")
        model = BertForPreTraining(config)

        def loss(batch):
            mask = batch["mask"]
            return model(input_ids=batch["ids"], token_type_ids=batch["segments"],
                         attention_mask=None if mask is None else mask[:, 0, 0].long(),
                         labels=batch["labels"], next_sentence_label=batch["next_sentence"]).loss

    model.train()
    return model, torch.compile(loss) if args.mode == "compile" else loss


def make_optimizer(args, model):
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    if args.optimizer == "lamb":
        return bert_torch.Lamb(groups, lr=1e-4)
    return torch.optim.AdamW(groups, lr=1e-4, betas=(0.9, 0.999), eps=1e-6, fused=True)


def flops(args, tokens, squares, head_rows):
    """3 x the matrix products of a forward: layers, attention, MLM head."""
    layers, h, _, f = bert_torch.SHAPES[args.model]
    body = layers * (tokens * 2 * (4 * h * h + 2 * h * f) + 4 * squares * h)
    return 3 * (body + head_rows * 2 * (h * h + h * args.vocabulary))


def matrix_peak():
    """GFLOP/s of 1024 x 768 x 768 in float32, the best of half a second."""
    x, w = torch.randn(1024, 768), torch.randn(768, 768)
    best, start = float("inf"), time.perf_counter()
    while time.perf_counter() - start < 0.5:
        begin = time.perf_counter()
        torch.nn.functional.linear(x, w)
        best = min(best, time.perf_counter() - begin)
    return 2e-9 * 1024 * 768 * 768 / best


def openmp_runtimes():
    """Paths of the OpenMP runtimes in this process; two of them take the cores from each other."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        paths = {line.split()[-1] for line in maps if "/" in line}
    names = ("libgomp", "libiomp", "libomp")
    return sorted(path for path in paths if os.path.basename(path).startswith(names))


def libraries():
    """What torch multiplies with, from its own description."""
    words = ("Math Kernel", "MKL-DNN", "CPU capability", "BLAS_INFO")
    text = torch.__config__.show().replace("Build settings: ", "\n").splitlines()
    return [line.split(", ")[0].strip(" -") for line in text if any(word in line for word in words)]


def measure(args):
    torch.manual_seed(1)
    model, loss_of = make_model(args)
    optimizer = make_optimizer(args, model)
    batches = [make_batch(args, seed) for seed in range(4)]
    parameters = list(model.parameters())
    autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.dtype == "bf16")
    rows = []
    for step in range(args.warmup + args.steps):
        marks = [time.perf_counter()]
        with autocast:
            loss = loss_of(batches[step % len(batches)])
        marks.append(time.perf_counter())
        loss.backward()
        marks.append(time.perf_counter())
        torch.nn.utils.clip_grad_norm_(parameters, 1.0, foreach=True)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        marks.append(time.perf_counter())
        rows.append([b - a for a, b in zip(marks, marks[1:])])
    return batches, rows[args.warmup:], float(loss.detach()), sum(p.numel() for p in parameters)


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    batches, rows, loss, count = measure(args)
    runtimes = openmp_runtimes()
    if len(runtimes) != 1:
        sys.exit(f"torch_cpu.py: expected one OpenMP runtime, found {runtimes}; see that no other "
                 "one is preloaded")
    seconds = [sum(row) for row in rows]
    median = statistics.median(seconds)
    tokens = statistics.mean(int(b["lengths"].sum()) for b in batches)
    squares = statistics.mean(int((b["lengths"]**2).sum()) for b in batches)
    masked = statistics.mean(len(b["masked_rows"]) for b in batches)
    padded = statistics.mean(b["ids"].numel() for b in batches)
    padded_squares = statistics.mean(b["ids"].numel() * b["ids"].shape[1] for b in batches)
    head = masked if args.peer == "own" else padded
    parts = {name: 1e3 * statistics.median(column) for name, column in zip(
        ("forward", "backward", "optimizer"), zip(*rows))}
    print(json.dumps({
        **vars(args), "torch": torch.__version__, "libraries": libraries(),
        "openmp": runtimes, "parameters": count, "loss": loss,
        "step_ms": {"median": 1e3 * median, "best": 1e3 * min(seconds)}, "parts_ms": parts,
        "tokens_per_step": tokens, "masked_per_step": masked,
        "tokens_per_s": tokens / median, "samples_per_s": args.batch / median,
        # Of what the task needs, and with what padding and a head on every position add.
        "gflops": 1e-9 * flops(args, tokens, squares, masked) / median,
        "gflops_done": 1e-9 * flops(args, padded, padded_squares, head) / median,
        "matrix_gflops": matrix_peak(),
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }))


if __name__ == "__main__":
    main()
