#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Plants one violation after another in a small clean tree; check_includes.sh must find each.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0

clean_tree() {
  rm -rf "${tree:?}"/*
  mkdir -p "$tree/core/nn" "$tree/core/backend/cpu" "$tree/launch"
  printf '#pragma once\n#include <vector>\n#include "core/base/error.h"\n' >"$tree/core/nn/a.h"
  printf '#include "core/nn/a.h"\n#include <fmt/format.h>\n' >"$tree/core/nn/a.cpp"
  printf '#include <cblas.h>\n#ifdef X\n#endif\n' >"$tree/core/backend/cpu/product.cpp"
  printf '#include <CLI/CLI.hpp>\n#include "train/trainer.h"\n' >"$tree/launch/main.cpp"
}

# expect FILE LINE REPORT: with LINE added to FILE of a clean tree, REPORT is among what is found.
expect() {
  clean_tree
  mkdir -p "$tree/$(dirname "$1")"
  printf '%b\n' "$2" >>"$tree/$1"
  if report=$("$here/check_includes.sh" "$tree"); then
    echo "FAIL: not found: $2 in $1"
    failures=$((failures + 1))
  elif ! printf '%s\n' "$report" | grep -qF -- "$3"; then
    printf 'FAIL: expected: %s\n  found: %s\n' "$3" "$report"
    failures=$((failures + 1))
  fi
}

clean_tree
"$here/check_includes.sh" "$tree" || { echo "FAIL: complaints about a clean tree"; exit 1; }

expect core/nn/a.cpp '#include "data/batches/batch.h"' 'core/nn/a.cpp:3: may not include "data/batches/batch.h"'
expect core/nn/a.cpp '#include "core/backend/cpu/norm_rows.h"' 'may not include "core/backend/cpu'
expect core/nn/a.cpp '  #  include "core/nn/../../data/batch.h"' 'may not include "core/nn/../..'
expect core/nn/a.cpp '#include "b.h"' 'may not include "b.h"; core/nn/ has: core/base/'
expect core/nn/a.cpp '#include <unistd.h>' 'may not include <unistd.h>'
expect core/nn/a.cpp '#include <core/nn/a.h>' 'may not include <core/nn/a.h>'
expect core/nn/a.cpp '#include HEADER' 'an include that does not name its header'
expect core/nn/a.cpp '#ifdef BERTYARD_CUDA\n#endif' 'core/nn/a.cpp:3: conditional compilation'
expect core/nn/a.h '#include <fmt/format.h>' 'core/nn/a.h:4: <fmt/format.h> in a header'
# shellcheck disable=SC2016
expect core/nn/a.h 'using namespace std;' 'core/nn/a.h:4: `using namespace` in a header'
expect core/nn/b.h 'int once();' 'core/nn/b.h: a header says #pragma once'
expect core/nn/b.h "#pragma once$(printf '\\n%.0s' $(seq 200))" 'core/nn/b.h: 201 lines'
expect core/nn/b.cuh '#pragma once' 'core/nn/b.cuh:1: CUDA source outside'
expect core/optim/a.cpp '#include "core/nn/encoder.h"' 'may not include "core/nn/encoder.h"'
expect core/backend/cpu/a.cpp '#include <cuda_runtime.h>' 'may not include <cuda_runtime.h>'
expect parallel/world.cpp '#include <mpi.h>' 'may not include <mpi.h>; parallel/ has:'
expect data/shard.cpp '#include <hdf5.h>' 'may not include <hdf5.h>; data/ has:'
expect data/shard.cpp '#include "parallel/pending.h"' 'may not include "parallel/pending.h"'
expect train/trainer.cpp '#include "launch/config/config.h"' 'may not include "launch/config/config.h"'
expect launch/verbs/verbs.cpp '#include <CLI/CLI.hpp>' 'may not include <CLI/CLI.hpp>; launch/verbs/ has:'
expect data/text/a.cpp '#include "data/prepare/prepare.h"' 'may not include "data/prepare/prepare.h"'
expect launch/config/a.cpp '#include "launch/run/run_device.h"' 'may not include "launch/run/run_device.h"'
expect launch/plot/plot.cpp '#include "core/backend/cuda/stream.h"' 'may not include "core/backend/cuda'
expect tools/a.cpp 'int a;' 'tools/a.cpp:1: no row of'

[ "$failures" -eq 0 ]
