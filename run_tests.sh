#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the build needs, builds, and runs the tests; all other options go to ctest.
#   ./run_tests.sh [--no-root] [-R Toy]    with --no-root missing packages are listed, not installed
#   BERTYARD_TEST_DATA  folder of real data and oracles; tests that need it skip where it is absent
#   BERTYARD_PRESET     preset to build (default: ci, warnings are errors)
#   BERTYARD_GPU_CHECK  off: leave out building and starting gpu_check, which needs nvcc
#   BERTYARD_FUZZ=60    fuzz too, each kind of hostile file for so many seconds, by clang's libFuzzer
#   BERTYARD_DEBUG_INFO off: compile without -g, which takes a quarter less time
set -euo pipefail
cd "$(dirname "$0")"
preset=${BERTYARD_PRESET:-ci}

no_root=
case ${1:-} in
  --no-root) no_root=--no-root; shift ;;
  -h | --help) sed -n '3,9s/^# //p' "$0"; exit 0 ;;
esac

cmake/install_packages.sh tests $no_root
cache=()
if command -v ccache >/dev/null; then
  cache=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache)
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 # what two presets share is compiled once
  export CCACHE_SLOPPINESS=pch_defines,time_macros # the tests' precompiled headers
fi
options=("${cache[@]}")
if [ "${BERTYARD_DEBUG_INFO:-on}" = off ]; then
  options+=("-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O2 -DNDEBUG"
    "-DCMAKE_CUDA_FLAGS_RELWITHDEBINFO=-O2 -DNDEBUG")
fi
# The GPU backend, where the CUDA toolkit is: built for one architecture, linked and started.
nvcc=$(command -v nvcc || ls "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" 2>/dev/null || true)
if [ -z "$nvcc" ]; then
  echo "gpu_check: not built, for there is no nvcc in PATH, CUDA_HOME or /usr/local/cuda"
elif [ "${BERTYARD_GPU_CHECK:-on}" != off ]; then
  cmake --preset gpu-check "${options[@]}"
  cmake --build --preset gpu-check
  ctest --test-dir build/gpu-check --verbose
fi

if [ -n "${BERTYARD_FUZZ:-}" ]; then
  cmake/install_packages.sh fuzz $no_root
  cmake -G Ninja -B build/fuzz -DBERTYARD_FUZZ=ON -DBERTYARD_FUZZ_SECONDS="$BERTYARD_FUZZ" \
    -DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14 \
    "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -gline-tables-only" "${cache[@]}"
  cmake --build build/fuzz --target fuzz
  ctest --test-dir build/fuzz -L fuzz --no-tests=error --output-on-failure -j "$(nproc)"
fi

cmake --preset "$preset" "${options[@]}"
cmake --build --preset "$preset"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
ctest --test-dir "build/$preset" --output-on-failure -j "$(nproc)" "$@"
