#!/bin/bash
# Written by 'bertyard launch' from run.yaml: change that and launch again.
#   job.sh [RANKS [HOSTFILE]]
cd -- '/home/ann/my run' || exit 4
export OMPI_MCA_oob_tcp_keepalive_time=8 OMPI_MCA_oob_tcp_keepalive_intvl=1 OMPI_MCA_oob_tcp_keepalive_probes=3
ranks=${1:-12}
hosts=${2:-}
if [ -z "$hosts" ]; then hosts='/home/ann/my run/hosts'; fi
exec mpirun -n "$ranks" --hostfile "$hosts" --bind-to none \
  /opt/bertyard/bin/bertyard train run.yaml optim.lr=1e-4 --resume auto
