// SPDX-License-Identifier: Apache-2.0
#include "data/hdf5_handle.h"

#include <vector>

#include <fmt/format.h>
#include <hdf5.h>

namespace bertyard {
namespace {

herr_t collect(unsigned, const H5E_error2_t* error, void* list) {
  auto& messages = *static_cast<std::vector<std::string>*>(list);
  if (error->desc != nullptr && messages.size() < 2) messages.emplace_back(error->desc);
  return 0;
}

}  // namespace

void quiet_hdf5() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  H5PLset_loading_state(0);
}

std::string hdf5_error_stack() {
  std::vector<std::string> messages;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect, &messages);
  return messages.empty() ? "no reason given" : fmt::format("{}", fmt::join(messages, ", "));
}

}  // namespace bertyard
