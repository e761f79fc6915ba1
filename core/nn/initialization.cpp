// SPDX-License-Identifier: Apache-2.0
#include "core/nn/initialization.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>

#include "core/base/hash.h"
#include "core/base/philox.h"
#include "core/nn/normal_draws.h"

namespace bertyard {
namespace {

struct Draws {
  std::uint64_t seed = 0;
  int threads = 1;
};

void fill_uniform(std::span<float> values, const std::string& name, double bound,
                  std::uint64_t seed) {
  PhiloxSequence draws(seed, RandomPurpose::initialization, 0, xxh3(name));
  for (float& value : values) value = static_cast<float>((2 * draws.next_unit() - 1) * bound);
}

void initialize_bert_tensor(const ParameterInfo& info, std::span<float> values,
                            const ModelConfig& config, const Draws& draws) {
  const bool truncated = config.init == Initialization::truncated_normal;
  const std::string_view name = info.name;
  if (name.ends_with("LayerNorm.weight")) {
    std::ranges::fill(values, 1.0f);
  } else if (!name.ends_with("bias")) {
    fill_normal(values,
                {.seed = draws.seed,
                 .stream = xxh3(info.name),
                 .deviation = config.init_range,
                 .limit = truncated ? 2.0 : 1e9},
                draws.threads);
  }
  if (!truncated && name.ends_with("word_embeddings.weight")) {
    std::ranges::fill(values.first(static_cast<std::size_t>(config.hidden)), 0.0f);  // [PAD]
  }
}

// Whether the tensor is an LSTM's, which is told by the recurrent matrix beside it; if so, it is
// filled.
bool initialize_lstm_tensor(const ParameterInfo& info, std::span<float> values,
                            const ParameterStore& parameters, std::uint64_t seed) {
  const std::string owner = info.name.substr(0, info.name.rfind('.'));
  const auto recurrent = parameters.find(owner + ".weight_hh");
  if (!recurrent) return false;
  const std::int64_t cells = parameters.info(*recurrent).shape[0] / 4;
  if (info.shape.rank() == 2) {
    fill_uniform(values, info.name, 1 / std::sqrt(static_cast<double>(cells)), seed);
  } else {
    const auto block = static_cast<std::size_t>(cells);
    std::ranges::fill(values.subspan(block, block), 1.0f);  // of the forget gates
  }
  return true;
}

// Scores of a CRF begin at 0, like biases.
void initialize_elmo_tensor(const ParameterInfo& info, std::span<float> values,
                            const Draws& draws) {
  const std::string& name = info.name;
  if (name == "elmo.embedding.weight") {
    const auto hidden = static_cast<double>(info.shape[1]);
    fill_normal(values,
                {.seed = draws.seed, .stream = xxh3(name), .deviation = 1 / std::sqrt(hidden)},
                draws.threads);
  } else if (name.ends_with(".gamma")) {
    std::ranges::fill(values, 1.0f);
  } else if (info.shape.rank() == 2 && !name.starts_with("crf.")) {
    const auto inputs = static_cast<double>(info.shape[1]);
    fill_uniform(values, name, 1 / std::sqrt(inputs), draws.seed);
  }
}

}  // namespace

void initialize(ParameterStore& parameters, const ModelConfig& config, std::uint64_t seed,
                int threads) {
  const Draws draws{seed, threads};
  std::ranges::fill(parameters.values().span<float>(), 0.0f);
  for (int i = 0; i < parameters.size(); ++i) {
    const ParameterInfo& info = parameters.info({i});
    const std::span<float> values = parameters.value(ParameterId{i}).span<float>();
    if (initialize_lstm_tensor(info, values, parameters, seed)) continue;
    config.is_elmo() ? initialize_elmo_tensor(info, values, draws)
                     : initialize_bert_tensor(info, values, config, draws);
  }
}

}  // namespace bertyard
