// SPDX-License-Identifier: Apache-2.0
#include "core/nn/initialization.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "core/base/hash.h"
#include "core/nn/normal_draws.h"

namespace bertyard {
namespace {

bool ends_with(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

}  // namespace

void initialize(ParameterStore& parameters, const ModelConfig& config, std::uint64_t seed,
                int threads) {
  const bool truncated = config.init == Initialization::truncated_normal;
  std::ranges::fill(parameters.values().span<float>(), 0.0f);
  for (int i = 0; i < parameters.size(); ++i) {
    const ParameterInfo& info = parameters.info({i});
    const std::span<float> values = parameters.value(ParameterId{i}).span<float>();
    if (ends_with(info.name, "LayerNorm.weight")) {
      std::ranges::fill(values, 1.0f);
    } else if (!ends_with(info.name, "bias")) {
      fill_normal(values,
                  {.seed = seed,
                   .stream = xxh3(info.name),
                   .deviation = config.init_range,
                   .limit = truncated ? 2.0 : 1e9},
                  threads);
    }
    if (!truncated && ends_with(info.name, "word_embeddings.weight")) {
      std::ranges::fill(values.first(static_cast<std::size_t>(config.hidden)), 0.0f);  // [PAD]
    }
  }
}

}  // namespace bertyard
