#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lines of compare_cpu.sh as a table: medians over the rounds, and how many times as fast as
each row the first one is."""

import json
import statistics
import sys


def main():
    rows = {}
    with open(sys.argv[1], encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            rows.setdefault(record["row"], []).append(record)
    first = next(iter(rows))

    def rate(records):
        return statistics.median(r["tokens_per_s"] for r in records)

    print("| row | rounds | ms median | ms best | tokens/s | GFLOP/s | ratio of rates |")
    print("|---|---|---|---|---|---|---|")
    for name, records in rows.items():
        median = statistics.median(r["step_ms"]["median"] for r in records)
        best = min(r["step_ms"]["best"] for r in records)
        gflops = statistics.median(r["gflops"] for r in records)
        print(f"| {name} | {len(records)} | {median:.0f} | {best:.0f} | {rate(records):.0f} | "
              f"{gflops:.0f} | {rate(rows[first]) / rate(records):.2f} |")


if __name__ == "__main__":
    main()
