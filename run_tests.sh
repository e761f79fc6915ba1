#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the build needs, builds, and runs the tests; all other options go to ctest.
#   ./run_tests.sh [--no-root] [-R Toy]    with --no-root missing packages are listed, not installed
#   BERTYARD_TEST_DATA  folder of real data and oracles; tests that need it skip where it is absent
#   BERTYARD_PRESET     preset to build (default: ci, warnings are errors)
#   BERTYARD_GPU_CHECK  off: leave out building gpu_check, which needs nvcc
set -euo pipefail
cd "$(dirname "$0")"
preset=${BERTYARD_PRESET:-ci}

no_root=
case ${1:-} in
  --no-root) no_root=--no-root; shift ;;
  -h | --help) sed -n '3,7s/^# //p' "$0"; exit 0 ;;
esac

cmake/install_packages.sh tests $no_root
launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
cmake --preset "$preset" "${launcher[@]}"
cmake --build --preset "$preset"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
ctest --test-dir "build/$preset" --output-on-failure -j "$(nproc)" "$@"

# The GPU backend, where the CUDA toolkit is: built for one architecture, and started. What needs a
# GPU is skipped with the reason where there is none.
if [ "${BERTYARD_GPU_CHECK:-on}" != off ] &&
  { command -v nvcc || [ -x "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" ]; } >/dev/null; then
  cmake --preset gpu-check "${launcher[@]}"
  cmake --build --preset gpu-check
  build/gpu-check/bin/gpu_check --gtest_brief=1
fi
