// SPDX-License-Identifier: Apache-2.0
#include "data/shards/hdf5_handle.h"

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

std::string refused_storage(std::int64_t creation) {
  if (H5Pget_layout(creation) == H5D_VIRTUAL) return "is virtual: its data lie in other files";
  if (H5Pget_external_count(creation) != 0) return "keeps its data in other files";
  const int filters = H5Pget_nfilters(creation);
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0;
    std::size_t values = 0;
    const H5Z_filter_t filter = H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &values,
                                               nullptr, 0, nullptr, nullptr);
    if (filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE ||
        filter == H5Z_FILTER_FLETCHER32) {
      continue;
    }
    return fmt::format("uses filter {}; expected none or gzip, convert it with h5repack", filter);
  }
  return {};
}

std::string hdf5_error_stack() {
  std::vector<std::string> messages;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect, &messages);
  return messages.empty() ? "no reason given" : fmt::format("{}", fmt::join(messages, ", "));
}

}  // namespace bertyard
