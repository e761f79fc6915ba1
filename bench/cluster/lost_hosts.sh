#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `bertyard launch --hosts FILE --restarts N --submit` over several hosts that fail: a rank killed, a
# host without power, its cable cut, every packet lost. Says how long it takes until the job has ended
# and until it makes steps again, on what is left; at the end SHA-256 (weights, optimizer state,
# loss.log) is that of a run that nobody touched. As root; needs Debian's openssh-server,
# openssh-client, iproute2, procps, util-linux, openmpi-bin.
#   bench/cluster/lost_hosts.sh PROGRAM [FAULT ...]     LOST_AFTER='11 s' (production: '90 s')
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=bench/cluster/hosts.sh
source "$here/hosts.sh"
# shellcheck source=bench/cluster/small_run.sh
source "$here/small_run.sh"
program=${1:?usage: bench/cluster/lost_hosts.sh PROGRAM [FAULT ...]}
needs mpirun sshd ssh ssh-keygen
WORK=${WORK:-$(mktemp -d "$PWD/hosts-XXXXXX")}
export WORK
enter_cluster "$@"
shift
faults=${*:-rank power cable packets}
lost_after=${LOST_AFTER:-11 s}

kill_a_rank() { on_host n2 pkill -9 -n -f "train run.yaml"; }

# One fault in the middle of a run on two hosts; what is said is of the run's own log.
try() {
  local name=$1 hurt=$2 mend=$3 start ended again code log=$1.log
  ./bertyard launch run.yaml "run.name=$name" --hosts hosts --restarts 5 --submit \
    "launch.lost_after=$lost_after" >"$log" 2>&1 &
  local job=$!
  wait_until 60 has_steps "$name" 60 || { tail "$log"; verdict "$name" started 'did not start'; return; }
  start=$(now)
  $hurt n2
  wait_until 300 grep -q 'the ranks ended with code' "$log"
  ended=$(since "$start")
  wait_until 100 grep -q 'starting again' "$log"
  least=$(steps "$name")
  wait_until 100 makes_steps "$name"
  again=$(since "$start")
  wait $job
  code=$?
  verdict "$name" "0 $expected" "$code $(hash_of "$name")" \
    "ended after $ended s, steps again after $again s: $(grep -o 'the ranks ended.*' "$log" | head -n 1)"
  $mend n2
}
# Steps that come after the restart, which first cuts loss.log back to the checkpoint.
makes_steps() {
  local count
  count=$(steps "$1")
  if [ "$count" -lt "$least" ]; then least=$count; fi
  [ "$count" -gt "$least" ]
}

fault_rank() { try rank kill_a_rank true; }
fault_power() { try power power_off boot; }
fault_cable() { try cable cut heal; }
fault_packets() { try packets drop undrop; }

make_run "$program" "${STEPS:-800}" || { cat prepare.log; exit 1; }
make_ssh
start_hosts 2 2
use_open_mpi
mpirun -n 1 --host localhost ./bertyard train run.yaml run.name=whole >whole.log 2>&1 ||
  { tail whole.log; exit 1; }
expected=$(hash_of whole)
echo "a run that nobody touched: $expected; launch.lost_after $lost_after"
for fault in $faults; do
  "fault_$fault"
done
if [ $failures = 0 ]; then
  cd / && rm -rf "$WORK"
  exit 0
fi
echo "$failures failed; see $WORK"
exit 1
