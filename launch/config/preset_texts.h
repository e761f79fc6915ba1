// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

namespace bertyard {

// A starting point for `bertyard init`: the text of a file of configs/presets, which the build puts
// into the program, so that `init` needs no installed files.
struct PresetText {
  std::string_view name;
  std::string_view text;
};
const std::vector<PresetText>& preset_texts();

}  // namespace bertyard
