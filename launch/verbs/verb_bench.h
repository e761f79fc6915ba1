// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "launch/config/config.h"
#include "launch/run/environment.h"
#include "launch/verbs/verb_eval.h"

namespace bertyard {

enum class BenchData { synthetic, shards };
enum class BenchReduction { on, off };  // of gradients over the ranks

struct BenchVerbOptions {
  ConfigRequest request;  // the first phase of its schedule is measured
  std::int64_t steps = 10;
  std::int64_t warmup = 2;
  std::optional<double> fill;  // mean length / the phase's; 1 where absent. Synthetic data only
  BenchData data = BenchData::synthetic;
  BenchReduction reduction = BenchReduction::on;
  OutputForm form = OutputForm::text;
};

// `bertyard bench`: the speed of the training that the configuration describes, by the trainer's
// own loop; under mpirun on every rank. Needs no files with synthetic data; writes none.
int run_bench(const BenchVerbOptions& options, MpiEnvironment& environment);

}  // namespace bertyard
