// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace bertyard {

enum class ListPresets { yes, no };

struct InitVerbOptions {
  std::string preset = "bert-tiny";
  std::string directory = ".";
  ListPresets list = ListPresets::no;
};

// `bertyard init`: writes run.yaml, the commented text of a preset, into `directory`, which it
// makes; or lists the presets. Throws UsageError for an unknown preset and where run.yaml exists
// already, IoError where it cannot be written.
int run_init(const InitVerbOptions& options);

}  // namespace bertyard
