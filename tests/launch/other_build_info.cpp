// SPDX-License-Identifier: Apache-2.0
// The program of another revision: takes the place of launch/build_info.cpp.
#include "launch/verbs/build_info.h"

namespace bertyard {

std::string version_text() {
  return "0.0.1";
}

std::string git_revision() {
  return "another";
}

std::vector<BuildRow> build_table() {
  return {{"compiler", "another"}};
}

std::string build_identity() {
  return "0.0.1 another";
}

}  // namespace bertyard
