// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace bertyard {

struct BuildRow {
  std::string name;
  std::string value;
};

// "0.1.0"
std::string version_text();
// The commit the program was built from, with "-dirty" after changes; "unknown" outside git.
std::string git_revision();
// Compiler, flags and the libraries found, as the configuration of the build printed them.
std::vector<BuildRow> build_table();
// One line that differs between programs whose results may differ; ranks compare it.
std::string build_identity();

}  // namespace bertyard
