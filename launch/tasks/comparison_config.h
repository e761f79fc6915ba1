// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launch/config/config.h"
#include "train/options.h"

namespace bertyard {

// One system of a comparison: a row of its table. One of the three says what it starts from.
struct ComparedSystem {
  std::string name;
  std::string pretrain;                 // a configuration that is prepared and trained first
  std::string from;                     // or a model that is there
  bool is_random = false;               // or nothing: from: random
  std::vector<ConfigOverride> changes;  // of its fine-tunings

  std::string directory_name() const;  // the name with '-' for what file names had better not have
};

// What `compare` is given: systems x tasks x seeds.
struct Comparison {
  RunOptions run{"comparison", "runs", 0};
  std::vector<std::int64_t> seeds{1, 2, 3};
  std::vector<ComparedSystem> systems;
  std::vector<std::string> tasks;       // configurations for `finetune`
  std::vector<ConfigOverride> changes;  // of every fine-tuning
};

// Reads and checks; throws ConfigError with every mistake. Paths of configurations are relative to
// the file, as those of `extends` are.
Comparison load_comparison(const std::string& path);

}  // namespace bertyard
