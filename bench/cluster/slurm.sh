#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `bertyard launch` makes of a real SLURM: jobs by srun and by mpirun that are preempted again and
# again, meet their time limit, are cancelled, lose a host, run as an array. All must end with the
# SHA-256 (weights, optimizer state, loss.log) of a run that nobody touched. As root; needs Debian's
# slurmctld, slurmd, slurm-client, munge, iproute2, procps, util-linux, openmpi-bin.
#   bench/cluster/slurm.sh PROGRAM [SCENARIO ...]     PREEMPTIONS=10 STEPS=1500 BY='srun mpirun'
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=bench/cluster/hosts.sh
source "$here/hosts.sh"
# shellcheck source=bench/cluster/slurm_cluster.sh
source "$here/slurm_cluster.sh"
# shellcheck source=bench/cluster/small_run.sh
source "$here/small_run.sh"
program=${1:?usage: bench/cluster/slurm.sh PROGRAM [SCENARIO ...]}
needs slurmctld slurmd sbatch munged mpirun
WORK=${WORK:-$(mktemp -d "$PWD/slurm-XXXXXX")}
export WORK
enter_cluster "$@"
shift
scenarios=${*:-srun mpirun limit cancel array unsignalled node}
preemptions=${PREEMPTIONS:-10} total=${STEPS:-1500} launchers=${BY:-srun mpirun}

# launch NAME OPTION ... : submits, on $nodes hosts, says the job's id
nodes=2
launch() {
  local name=$1
  shift
  ./bertyard launch run.yaml "run.name=$name" --nodes $nodes --tasks-per-node 2 --partition low \
    --submit "$@" >"$name.launch" 2>&1 || { cat "$name.launch" >&2; return 1; }
  sed -n 's/^job \([0-9]*\): .*/\1/p' "$name.launch"
}

restarted() { [ "$(field "$1" Restarts)" -ge 1 ] && echo requeued || echo 'ran through'; }

# is_further NAME STEPS JOB: the run has so many steps, or its job is over.
is_further() { has_steps "$1" "$2" || has_ended "$3"; }

# Preempts JOB, whose run is NAME, when it has come so many steps further.
preempt() {
  local job=$1 name=$2 before restarts
  before=$(steps "$name") restarts=$(field "$job" Restarts)
  wait_until 180 is_further "$name" $((before + 10)) "$job"
  has_ended "$job" && return 1
  local other
  other=$(sbatch --parsable -p high -N 2 --ntasks-per-node=2 -o /dev/null --wrap 'sleep 1')
  wait_until 60 has_restarts "$job" $((restarts + 1)) || return 1
  wait_until 60 has_ended "$other"
  run_again_now "$job"
}

# preempted NAME TIMES OPTION ...
preempted() {
  local name=$1 times=$2 job i start
  shift 2
  start=$(now)
  job=$(launch "$name" "$@") || { verdict "$name" launched refused; return; }
  for ((i = 0; i < times; ++i)); do
    has_ended "$job" && break
    preempt "$job" "$name" || break
  done
  wait_until 300 has_ended "$job"
  verdict "$name: preempted" "$times times COMPLETED $expected" \
    "$i times $(state "$job") $(hash_of "$name")" \
    "Restarts=$(field "$job" Restarts), $(since "$start") s"
}

scenario_srun() { preempted srun "$preemptions" --by srun; }
scenario_mpirun() { preempted mpirun "$preemptions" --by mpirun; }

# Lets the ranks of JOB work a twentieth of the time until it is requeued, lest it ends before.
hold_back() {
  local i
  for ((i = 0; i < 120; ++i)); do
    has_restarts "$1" 1 || has_ended "$1" && return
    pkill -STOP -f 'bertyard train run.yaml run.name=limit'
    sleep 0.95
    pkill -CONT -f 'bertyard train run.yaml run.name=limit'
    sleep 0.05
  done
}

# The limit of a minute: USR1 comes some seconds after the start (SLURM is late by up to a minute).
scenario_limit() {
  local by job start
  for by in $launchers; do
    start=$(now)
    job=$(launch "limit-$by" --by "$by" --time 1 slurm.signal_before='55 s' \
      checkpoint.every='1000000 steps') || { verdict "limit-$by" launched refused; return; }
    hold_back "$job"
    wait_until 100 has_restarts "$job" 1 && run_again_now "$job"
    scontrol update JobId="$job" TimeLimit=10
    wait_until 300 has_ended "$job"
    verdict "limit-$by: told and requeued" "requeued COMPLETED $expected" \
      "$(restarted "$job") $(state "$job") $(hash_of "limit-$by")" "$(since "$start") s"
  done
}

scenario_cancel() {
  local by job
  for by in $launchers; do
    job=$(launch "cancel-$by" --by "$by") || { verdict "cancel-$by" launched refused; return; }
    wait_until 120 is_further "cancel-$by" 20 "$job"
    scancel "$job"
    wait_until 60 has_ended "$job"
    sleep 3
    verdict "cancel-$by: stays cancelled" 'CANCELLED Restarts=0' \
      "$(state "$job") Restarts=$(field "$job" Restarts)" "after $(steps "cancel-$by") steps"
  done
}

# Two seeds; the one of seed 7 is the run that nobody touched. One task is stopped for a requeue.
scenario_array() {
  local job first nodes=1
  job=$(launch array --array 7-8) || { verdict array launched refused; return; }
  wait_until 180 has_steps array-7 20
  scontrol requeue "${job}_7"
  first=$(wait_until 60 array_requeued "$job" && echo yes)
  sleep 2
  scontrol update JobId="${job}_7" StartTime=now
  wait_until 300 array_done array-7 array-8
  verdict 'array: task 7, requeued' "yes $expected" "${first:-no} $(hash_of array-7)"
  verdict 'array: task 8, another seed' 'done differs' "$(cat runs/array-8/STATUS) $(
    [ "$(hash_of array-8)" != "$expected" ] && echo differs)"
}
array_requeued() { scontrol show job "${1}_7" | grep -q 'Restarts=[1-9]'; }
array_done() { [ "$(cat runs/"$1"/STATUS)$(cat runs/"$2"/STATUS)" = donedone ]; } 2>/dev/null

# A cluster without preempt_send_user_signal: the steps get TERM at once, the script nothing. Its own
# SLURM, so last but one.
scenario_unsignalled() {
  sed -i '/preempt_send_user_signal/d' "$SLURM_CONF"
  scontrol reconfigure
  sleep 2
  preempted unsignalled-srun 2 --by srun
  preempted unsignalled-mpirun 2 --by mpirun
}

# The power of one host goes; SLURM notices, and the job waits for the host to come back.
scenario_node() {
  local by job start noticed
  for by in $launchers; do
    job=$(launch "node-$by" --by "$by") || { verdict "node-$by" launched refused; return; }
    wait_until 180 is_further "node-$by" 30 "$job"
    start=$(now)
    power_off n2
    wait_until 120 has_restarts "$job" 1
    noticed=$(since "$start")
    wait_until 60 is_down n2
    boot n2
    start_slurmd n2
    wait_until 60 idle_hosts 2
    run_again_now "$job"
    wait_until 300 has_ended "$job"
    verdict "node-$by: host lost" "requeued COMPLETED $expected" \
      "$(restarted "$job") $(state "$job") $(hash_of "node-$by")" "requeued after $noticed s"
  done
}

is_down() { [ "$(sinfo -h -n "$1" -t down -o %D)" = 1 ]; }

make_run "$program" "$total" || { cat prepare.log; exit 1; }
start_hosts 2 2
start_slurm 2 2 || exit 1
use_open_mpi
cat >>run.yaml <<'YAML'
launch: {setup: [export OMPI_MCA_orte_base_help_aggregate=0]}
YAML
mpirun -n 1 ./bertyard train run.yaml run.name=whole >whole.log 2>&1 || { tail whole.log; exit 1; }
expected=$(hash_of whole)
echo "a run of $total steps that nobody touched: $expected"
for scenario in $scenarios; do
  "scenario_$scenario"
done
if [ $failures = 0 ]; then
  cd / && rm -rf "$WORK"
  exit 0
fi
cp -r $cluster/log "$WORK/log"
echo "$failures failed; see $WORK, SLURM's log/ and the job scripts' output in runs/*/slurm"
tail -n 15 "$WORK"/runs/*/slurm/*.out
exit 1
