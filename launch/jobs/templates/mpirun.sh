#!/bin/bash
# Written by 'bertyard launch' from @CONFIG@: change that and launch again.
#   @SCRIPT@ [RANKS [HOSTFILE]]
cd -- @DIRECTORY@ || exit 4
@SETUP@
ranks=${1:-@RANKS@}
@HOSTS@
exec mpirun -n "$ranks" @WHERE@ --bind-to none \
  @PROGRAM@
