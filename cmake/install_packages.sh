#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs by apt the packages that are missing, or names them.
#   cmake/install_packages.sh build|tests|fuzz|quickstart [--no-root]
set -euo pipefail
purpose=${1:?usage: cmake/install_packages.sh build|tests|fuzz|quickstart [--no-root]}

packages=(build-essential cmake ninja-build pkg-config git
  libfmt-dev nlohmann-json3-dev libyaml-cpp-dev libcli11-dev libhdf5-dev
  libutf8proc-dev libxxhash-dev zlib1g-dev libzstd-dev libhwloc-dev
  libopenblas-openmp-dev libdnnl-dev libopenmpi-dev openmpi-bin)
case $purpose in
  build) ;;
  tests) packages+=(libgtest-dev libgmock-dev ccache protobuf-compiler)
    # For tests/cluster. They bring services, so only where none is kept: in containers, as root.
    if [ ! -d /run/systemd/system ] && [ "$(id -u)" = 0 ]; then
      packages+=(slurmctld slurmd slurm-client munge openssh-server openssh-client iproute2 procps)
      export RUNLEVEL=1 # none is started either
    fi ;;
  fuzz) packages+=(clang-14 libclang-rt-14-dev ccache) ;;
  quickstart) packages+=(jargon-text) ;;
  *) echo "install_packages.sh: '$purpose' is not build, tests, fuzz or quickstart" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
  printf 'this is no Debian or Ubuntu; install what these packages hold, then see CONTRIBUTING.md:\n' >&2
  printf '  %s\n' "${packages[*]}" >&2
  exit 4
fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
    missing+=("$package")
done
if [ ${#missing[@]} = 0 ]; then exit 0; fi

command="apt-get install -y --no-install-recommends ${missing[*]}"
sudo=()
if [ "$(id -u)" != 0 ]; then sudo=(sudo); fi
if [ "${2:-}" = --no-root ] || { [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; }; then
  printf 'missing packages; ask an administrator to run:\n  %s\n' "$command" >&2
  exit 4
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -qq
# shellcheck disable=SC2086
"${sudo[@]}" $command -qq >/dev/null
