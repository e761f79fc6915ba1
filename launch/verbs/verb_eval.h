// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "launch/run/environment.h"

namespace bertyard {

enum class OutputForm { text, json };

struct EvalVerbOptions {
  std::string model;  // a run, a checkpoint, a Hugging Face directory
  std::string data;   // shards or one file, bertyard's or NVIDIA's layout
  OutputForm form = OutputForm::text;
  std::uint64_t samples = 0;    // 0: the whole file
  std::int64_t max_length = 0;  // longer samples are cut; 0: what the model has positions for
  int threads = 0;
};

// `bertyard eval`: MLM and NSP loss and accuracy, or those of the next tokens where the model is
// causal. MLM: sum of cross entropy / masked tokens; NSP:
// sum of cross entropy / samples.
int run_eval(const EvalVerbOptions& options, MpiEnvironment& environment);

}  // namespace bertyard
