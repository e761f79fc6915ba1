// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bertyard {

// "model" and "samples.mask" are sections, "model.layers" is not.
bool is_section(std::string_view key);

// What may stand in a section: "layers", "mask". The empty key stands for the top of the file.
std::vector<std::string> keys_under(std::string_view section);

// Whether a mistyped section name is close to one that exists.
bool is_near_section(const std::string& name);

// "; did you mean 'hidden'?", "; 'every' exists as 'checkpoint.every'", or what may stand there.
// `prefix` is "model." or empty.
std::string unknown_key_hint(std::string_view prefix, const std::string& name);

}  // namespace bertyard
