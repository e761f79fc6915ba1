# SPDX-License-Identifier: Apache-2.0
# Several hosts on one Linux machine, for tests of faults: sourced by the scripts beside it.
#
# The whole cluster lives in namespaces of its own (network, processes, mounts, host name): nothing
# of it is seen outside, several may run at once, and all of it goes when the script ends. Each host
# n1, n2, ... is a network namespace behind a cable (veth) to a bridge, with its own processes, host
# name, /tmp and, where it is asked for, sshd. What lies in $WORK is seen by all, as on NFS.
#
#   enter_cluster "$@"       first line of a script: goes on inside, or ends with 77 and a word
#   start_hosts COUNT SLOTS  n1 .. nCOUNT (10.77.0.1 ..); this script runs on "login"
#   on_host n1 COMMAND ...   runs there
#   cut n1, heal n1          the cable out and in again: the carrier goes, no packet passes
#   drop n1, undrop n1       every packet is lost, the carrier stays
#   power_off n1, boot n1    every process of the host dies at once; it starts again
network=10.77.0
cluster=/run/cluster

skip() {
  echo "skipped: $*"
  rmdir "${WORK:-/}" 2>/dev/null
  exit 77
}

# needs TOOL ... : skips where one is not installed.
needs() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || skip "$tool is not installed"
  done
}

enter_cluster() {
  export PATH=$PATH:/usr/sbin:/sbin
  if [ "${INSIDE_CLUSTER:-}" != yes ]; then
    needs unshare nsenter ip
    [ "$(id -u)" = 0 ] || skip "only root may make network namespaces here"
    unshare --net --mount --pid --fork true 2>/dev/null || skip "namespaces are not permitted here"
    INSIDE_CLUSTER=yes exec unshare --net --mount --uts --ipc --pid --fork --kill-child \
      --mount-proc bash "$0" "$@"
  fi
  hostname login
  mount --make-rprivate /
  mount -t tmpfs tmpfs /run
  mkdir -p $cluster /run/sshd
  cp /etc/hosts $cluster/hosts
  mount --bind $cluster/hosts /etc/hosts
  echo "$network.254 login" >>/etc/hosts
  ip link set lo up
  ip link add bridge0 type bridge || skip "network bridges are not permitted here"
  ip link set bridge0 up
  ip addr add $network.254/24 dev bridge0
}

make_ssh() {
  needs sshd ssh ssh-keygen
  chmod 700 $cluster
  ssh-keygen -q -t ed25519 -N '' -f $cluster/host_key
  ssh-keygen -q -t ed25519 -N '' -f $cluster/user_key
  cp $cluster/user_key.pub $cluster/authorized_keys
  printf '%s\n' "HostKey $cluster/host_key" "AuthorizedKeysFile $cluster/authorized_keys" \
    'PermitRootLogin prohibit-password' 'StrictModes no' 'UsePAM no' 'PidFile none' \
    'UseDNS no' 'MaxStartups 200' >$cluster/sshd_config
  printf '%s\n' "IdentityFile $cluster/user_key" 'StrictHostKeyChecking no' 'BatchMode yes' \
    'UserKnownHostsFile /dev/null' 'LogLevel ERROR' 'ConnectTimeout 5' >$cluster/ssh_config
}

# The commands with which a host gives itself a /tmp of its own, in which $WORK stays.
own_tmp() {
  local tmp=$cluster/tmp.$1
  rm -rf "$tmp"
  mkdir -p -m 1777 "$tmp"
  case $WORK in
    /tmp/*) echo "mkdir -p '$tmp/${WORK#/tmp/}'; mount --bind '$WORK' '$tmp/${WORK#/tmp/}';" ;;
  esac
  echo "mount --rbind '$tmp' /tmp;"
}

boot() {
  local host=$1 number=${1#n} first='exec sleep infinity'
  if [ -f $cluster/sshd_config ]; then first="exec $(command -v sshd) -D -e -f $cluster/sshd_config"; fi
  local commands
  commands="hostname $host; $(own_tmp "$host") cd /; $first"
  unshare --net --uts --ipc --mount --pid --fork --kill-child --mount-proc \
    bash -c "$commands" >"$cluster/$host.log" 2>&1 </dev/null &
  local up=$! init= i
  for i in {1..100}; do
    init=$(pgrep -P $up) && break
    sleep 0.05
  done
  echo "$init" >"$cluster/$host.pid"
  # The address of its card stays a host's own, as the others remember it.
  ip link add "v$host" type veth peer name eth0 \
    address "$(printf '02:00:00:00:00:%02x' "$number")" netns "$init"
  ip link set "v$host" master bridge0 up
  nsenter -t "$init" -n ip addr add $network.$number/24 dev eth0
  nsenter -t "$init" -n ip link set eth0 up
  nsenter -t "$init" -n ip link set lo up
  [ -f $cluster/sshd_config ] || return 0
  for i in {1..100}; do
    (exec 3<>"/dev/tcp/$network.$number/22") 2>/dev/null && return 0
    sleep 0.05
  done
  echo "$host: sshd did not come up" >&2
  return 1
}

start_hosts() {
  local count=$1 slots=$2 k
  for ((k = 1; k <= count; ++k)); do echo "$network.$k n$k" >>/etc/hosts; done
  for ((k = 1; k <= count; ++k)); do
    boot n$k
    echo "n$k slots=$slots" >>"$WORK/hosts"
  done
}

on_host() {
  local host=$1
  shift
  nsenter -t "$(cat "$cluster/$host.pid")" --net --uts --ipc --pid --mount -- "$@"
}

cut() { ip link set "v$1" down; }
heal() { ip link set "v$1" up; }
drop() { ip link set "v$1" nomaster; }
undrop() { ip link set "v$1" master bridge0; }
power_off() {
  kill -9 "$(cat "$cluster/$1.pid")"
  ip link del "v$1" 2>/dev/null || true
}

# Open MPI among these hosts. More ranks than cores: they must yield while they wait.
use_open_mpi() {
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  export OMPI_MCA_oob_tcp_if_include=$network.0/24 OMPI_MCA_btl_tcp_if_include=$network.0/24
  export OMPI_MCA_btl=self,vader,tcp OMPI_MCA_mpi_yield_when_idle=1
  export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
  if [ -f $cluster/ssh_config ]; then
    export OMPI_MCA_plm_rsh_agent="ssh -F $cluster/ssh_config"
  fi
}

# now: seconds with a fraction; since START
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }

# wait_until SECONDS COMMAND ... : true as soon as the command is.
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.1
  done
}
