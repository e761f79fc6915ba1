# SPDX-License-Identifier: Apache-2.0
# A real SLURM over the hosts of hosts.sh, sourced after it: munged and slurmctld on "login", slurmd on
# each host. No cgroups, no accounting, everything in $cluster. Two partitions: jobs in "high" preempt
# those in "low" by requeueing them.

# start_slurm COUNT SLOTS [SLURMCTLD_PARAMETERS]
start_slurm() {
  needs slurmctld slurmd sbatch srun munged munge
  local count=$1 slots=$2 parameters=${3-preempt_send_user_signal} k
  start_munge
  mkdir -p $cluster/state $cluster/log
  export SLURM_CONF=$cluster/slurm.conf
  slurm_conf "$parameters" >$SLURM_CONF
  for ((k = 1; k <= count; ++k)); do
    echo "NodeName=n$k NodeAddr=$network.$k CPUs=$slots CoresPerSocket=$slots RealMemory=500"
  done >>$SLURM_CONF
  echo 'PartitionName=low Nodes=ALL Default=YES PriorityTier=1 PreemptMode=REQUEUE GraceTime=15' >>$SLURM_CONF
  echo 'PartitionName=high Nodes=ALL PriorityTier=10 PreemptMode=OFF' >>$SLURM_CONF
  slurmctld -f $SLURM_CONF -c 2>>$cluster/log/start
  for ((k = 1; k <= count; ++k)); do start_slurmd n$k; done
  wait_until 60 idle_hosts "$count" || { sinfo; tail -n 20 $cluster/log/*; return 1; }
}

start_munge() {
  export MUNGE_SOCKET=$cluster/munge.socket
  (umask 077 && head -c 1024 /dev/urandom >$cluster/munge.key)
  munged --force --socket=$MUNGE_SOCKET --key-file=$cluster/munge.key \
    --log-file=$cluster/munge.log --pid-file=$cluster/munge.pid --seed-file=$cluster/munge.seed \
    2>>$cluster/munge.log
  wait_until 10 munge_answers
}
munge_answers() { munge -S $MUNGE_SOCKET -n >/dev/null 2>&1; }

slurm_conf() {
  cat <<CONF
ClusterName=test
SlurmctldHost=login($network.254)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$MUNGE_SOCKET
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/spool.%n
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmdPidFile=$cluster/slurmd.%n.pid
SlurmctldLogFile=$cluster/log/slurmctld
SlurmdLogFile=$cluster/log/slurmd.%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=bf_interval=2,sched_interval=2,batch_sched_delay=1
SlurmdTimeout=10
SlurmctldTimeout=10
KillWait=5
MinJobAge=600
ReturnToService=2
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
CONF
  if [ -n "$1" ]; then echo "SlurmctldParameters=$1"; fi
}

start_slurmd() { on_host "$1" env PATH="$PATH" slurmd -f $SLURM_CONF -N "$1"; }
idle_hosts() { [ "$(sinfo -h -p low -t idle -o %D)" = "$1" ]; }

# field JOB NAME: one value of `scontrol show job`
field() { scontrol show job "$1" 2>/dev/null | tr ' ' '\n' | sed -n "s/^$2=//p" | head -n 1; }
state() { field "$1" JobState; }
in_state() { [ "$(state "$1")" = "$2" ]; }
has_ended() { case $(state "$1") in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL | '') ;; *) false ;; esac; }
has_restarts() { [ "$(field "$1" Restarts)" -ge "$2" ]; }

# SLURM holds a requeued job for two minutes. It ignores an earlier time in the first second.
run_again_now() {
  wait_until 60 in_state "$1" PENDING || return 1
  sleep 2
  scontrol update JobId="$1" StartTime=now
}
