// SPDX-License-Identifier: Apache-2.0
#include "launch/doctor/gpu_card.h"

#include <vector>

#include <fmt/format.h>

#include "core/base/error.h"
#include "launch/config/config_type.h"

namespace bertyard {
namespace {

struct GpuCard {
  const char* name;
  double gibibytes;
};

// Less than the name says: what error correction and the driver keep is not there. As users of the
// cards have reported it; none was measured by us.
constexpr GpuCard kCards[] = {{"a100-40", 39.4}, {"a100", 79.1},   {"h100", 79.1},
                              {"h200", 139.8},   {"b200", 178.3},  {"l4", 22.0},
                              {"l40s", 44.4},    {"a6000", 47.4},  {"rtx3090", 23.6},
                              {"rtx4090", 23.6}, {"rtx5090", 31.3}};

}  // namespace

std::uint64_t gpu_card_memory(const std::string& name) {
  std::vector<std::string> names;
  for (const GpuCard& card : kCards) {
    if (name == card.name) return static_cast<std::uint64_t>(card.gibibytes * (1u << 30));
    names.emplace_back(card.name);
  }
  throw UsageError(fmt::format("--gpu is '{}', expected {}, or set cluster.device_memory", name,
                               choices_text(name, names)));
}

}  // namespace bertyard
