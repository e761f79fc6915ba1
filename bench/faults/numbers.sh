#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A NaN in one rank's gradient, a flipped bit in one replica's weights, one rank 1.5 times as slow:
# each is found and named.   PROGRAM=... bench/faults/numbers.sh
. "$(dirname "$0")/setup.sh"
options=("schedule.0.until=100 steps" "parallel.compare_replicas=10 steps"
  "parallel.straggler.interval=20 steps")
(BERTYARD_FAULT="nan,rank=2,step=33,times=2" train 3 nan "${options[@]}")
grep -a "step 34" nan.log
grep -aq "not finite on rank 2" nan.log
code=0
(BERTYARD_FAULT="flip,rank=1,step=33" train 3 flip "${options[@]}") || code=$?
grep -a "the weights of rank 1" flip.log
[ $code = 4 ]
(BERTYARD_FAULT="slow,rank=1,step=0,factor=1.5" train 2 slow "${options[@]}")
grep -a "rank 1 .* times as long" slow.log
