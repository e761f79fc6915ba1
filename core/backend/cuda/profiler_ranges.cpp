// SPDX-License-Identifier: Apache-2.0
#include "core/backend/profiler_ranges.h"

#include <cstdio>

#include <nvtx3/nvToolsExt.h>

namespace bertyard {
namespace {

class NvtxRanges final : public SpanListener {
 public:
  void begin(const char* name, std::int64_t index) noexcept override {
    if (index < 0) {
      nvtxRangePushA(name);
      return;
    }
    char text[64];
    std::snprintf(text, sizeof text, "%s %lld", name, static_cast<long long>(index));
    nvtxRangePushA(text);
  }
  void end() noexcept override { nvtxRangePop(); }
};

}  // namespace

std::unique_ptr<SpanListener> make_profiler_ranges() {
  return std::make_unique<NvtxRanges>();
}

}  // namespace bertyard
