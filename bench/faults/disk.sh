#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# EIO and a full disk while a checkpoint is written: the run goes on, ends with the same bytes, or
# with exit code 74 after three failures in a row.   PROGRAM=... bench/faults/disk.sh
. "$(dirname "$0")/setup.sh"
until="schedule.0.until=60 steps"
(train 2 whole "$until")
for fault in eio,call=10 eio,call=33 enospc,call=40 enospc,call=60,times=3; do
  rm -rf runs/failing failing.log
  (BERTYARD_FAULT="$fault" train 2 failing "$until")
  echo "$fault: $(grep -a "could not be saved" failing.log | head -1)"
  same_bits whole failing
done
rm -rf runs/failing failing.log
code=0
(BERTYARD_FAULT="enospc,call=40,times=1000000" train 2 failing "$until") || code=$?
grep -a "error: " failing.log
echo "exit code $code"
[ $code = 74 ]
(train 2 failing "$until")
same_bits whole failing
