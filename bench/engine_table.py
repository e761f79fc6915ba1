#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lines of engine.sh as a table, medians over the rounds; the ratio to the first row of the
same precision is the median of the rounds' own ratios, so that slow hours count for both.
  engine_table.py FILE.jsonl
  engine_table.py --pick ROW FILE.jsonl                    the round of the median step
  engine_table.py --predicted "RANKS BATCH" FILE.jsonl PLAN.json   a line: predicted, measured"""

import json
import statistics
import sys

median = statistics.median


def read_rows(path):
    rows = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            rows.setdefault(record.pop("row"), []).append(record)
    return rows


def step_ms(record):
    return record["step_ms"]["median"]


def print_steps(rows):
    print("| row | rounds | ms median | ms least | tokens/s | GFLOP/s | of peak | waits ms | "
          "step beside the first row |")
    print("|---|---|---|---|---|---|---|---|---|")
    first = {}
    for name, records in rows.items():
        base = first.setdefault(name.split(",")[0], records)
        ratio = median(step_ms(r) / step_ms(b) for r, b in zip(records, base))
        print(f"| {name} | {len(records)} | {median(map(step_ms, records)):.0f} | "
              f"{min(r['step_ms']['best'] for r in records):.0f} | "
              f"{median(r['tokens_per_s'] for r in records):.0f} | "
              f"{median(r['gflops'] for r in records):.0f} | "
              f"{100 * median(r['peak_share'] for r in records):.1f}% | "
              f"{median(r['parts_ms']['communication'] for r in records):.1f} | "
              f"{100 * (ratio - 1):+.1f}% |")


def print_seconds(rows):
    print("| row | rounds | median s | least s | most s |\n|---|---|---|---|---|")
    for name, records in rows.items():
        values = [r["seconds"] for r in records]
        print(f"| {name} | {len(values)} | {median(values):.2f} | {min(values):.2f} | "
              f"{max(values):.2f} |")


def pick(rows, name):
    records = sorted(rows[name], key=step_ms)
    print(json.dumps(records[(len(records) - 1) // 2]))


def print_predicted(rows, name, plan_path):
    ranks, batch = map(int, name.split())
    with open(plan_path, encoding="utf-8") as file:
        plan = json.load(file)
    predicted = next(r for r in plan["rows"] if r["devices"] == ranks)["phases"][0]["step_ms"]
    measured = median(map(step_ms, rows[name]))
    print(f"| {ranks} rank(s), {batch} samples | {measured:.0f} ms measured | "
          f"{predicted:.0f} ms predicted | {100 * (predicted / measured - 1):+.1f}% |")


def main():
    arguments = sys.argv[1:]
    if arguments[0] == "--pick":
        pick(read_rows(arguments[2]), arguments[1])
    elif arguments[0] == "--predicted":
        print_predicted(read_rows(arguments[2]), arguments[1], arguments[3])
    else:
        rows = read_rows(arguments[0])
        timed = "seconds" in next(iter(rows.values()))[0]
        (print_seconds if timed else print_steps)(rows)


if __name__ == "__main__":
    main()
