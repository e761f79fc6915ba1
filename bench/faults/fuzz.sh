#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the fuzz targets with clang, ASan and UBSan and runs each for SECONDS.
#   bench/faults/fuzz.sh [SECONDS] [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-900}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(safetensors manifest config vocabulary shard text)
cmake -G Ninja -B build/fuzz -DBERTYARD_FUZZ=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14 >build-fuzz.log
cmake --build build/fuzz --target "${targets[@]/%/_fuzz}" >>build-fuzz.log
for target in "${targets[@]}"; do
  corpus=$(mktemp -d)
  "build/fuzz/bin/${target}_fuzz" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 \
    -print_final_stats=1 "$corpus" "tests/fuzz/corpus/$target" 2>&1 | tail -8
  echo "$target: no finding in $seconds s"
  rm -rf "$corpus"
done
