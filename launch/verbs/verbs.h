// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bertyard {

// The name of a verb and what it does, for --help.
struct VerbName {
  std::string_view name;
  std::string_view what;
};
const std::vector<VerbName>& verb_names();

// Throws UsageError with the nearest name when `word` stands where a verb should and is none:
// CLI11 says no more than that a subcommand is required.
void check_verb(std::string_view word);

enum class VersionDetail { brief, build };
int run_version(VersionDetail detail);

}  // namespace bertyard
