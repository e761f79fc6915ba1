#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How long checkpoints hold training up: the stall that each reports, as a share of the time.
#   PROGRAM=... bench/faults/stall.sh [PRESET] [EVERY_STEPS] [STEPS]
. "$(dirname "$0")/setup.sh"
preset=${1:-bert-mini} every=${2:-50} steps=${3:-200}
(train 1 stall "schedule.0.until=$steps steps" checkpoint.every="$every steps" log.every="10 steps" \
  model.preset="$preset" model.hidden=null model.heads=null model.intermediate=null)
python3 - "runs/stall/metrics.jsonl" <<'P'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
saves = [r for r in rows if r["kind"] == "checkpoint"]
steps = [r["step_ms"] for r in rows if r["kind"] == "train"]
total = sum(steps) / len(steps) * max(r["step"] for r in rows)
stall = sum(r["stall_ms"] for r in saves)
print(f"{len(saves)} checkpoints, written in {sum(r['ckpt_ms'] for r in saves) / len(saves):.0f} ms each, "
      f"stall {stall / len(saves):.1f} ms each: {100 * stall / total:.2f}% of training")
P
