// SPDX-License-Identifier: Apache-2.0
#include "core/nn/initialization.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <string_view>

#include "core/base/hash.h"
#include "core/base/philox.h"

namespace bertyard {
namespace {

bool ends_with(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

// Box-Muller on pairs of 32-bit draws; `limit` standard deviations at most, drawn again beyond.
void fill_normal(std::span<float> values, double range, double limit, PhiloxSequence draws) {
  for (float& value : values) {
    double z = 0;
    do {
      const double radius = std::sqrt(-2.0 * std::log(1.0 - draws.next_unit()));
      z = radius * std::cos(2.0 * std::numbers::pi * draws.next_unit());
    } while (std::abs(z) > limit);
    value = static_cast<float>(range * z);
  }
}

}  // namespace

void initialize(ParameterStore& parameters, const ModelConfig& config, std::uint64_t seed) {
  const bool truncated = config.init == Initialization::truncated_normal;
  std::ranges::fill(parameters.values().span<float>(), 0.0f);
  for (int i = 0; i < parameters.size(); ++i) {
    const ParameterInfo& info = parameters.info({i});
    const std::span<float> values = parameters.value(ParameterId{i}).span<float>();
    if (ends_with(info.name, "LayerNorm.weight")) {
      std::ranges::fill(values, 1.0f);
    } else if (!ends_with(info.name, "bias")) {
      fill_normal(values, config.init_range, truncated ? 2.0 : 1e9,
                  {seed, RandomPurpose::initialization, 0, xxh3(info.name)});
    }
    if (!truncated && ends_with(info.name, "word_embeddings.weight")) {
      std::ranges::fill(values.first(static_cast<std::size_t>(config.hidden)), 0.0f);  // [PAD]
    }
  }
}

}  // namespace bertyard
