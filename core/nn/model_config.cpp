// SPDX-License-Identifier: Apache-2.0
#include "core/nn/model_config.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

struct Preset {
  const char* name;
  std::int64_t layers, hidden, heads, intermediate;
};
constexpr const char* kElmoPreset = "elmo";
// github.com/google-research/bert: the released sizes.
constexpr Preset kPresets[] = {
    {"bert-tiny", 2, 128, 2, 512},    {"bert-mini", 4, 256, 4, 1024},
    {"bert-small", 4, 512, 8, 2048},  {"bert-medium", 8, 512, 8, 2048},
    {"bert-base", 12, 768, 12, 3072}, {"bert-large", 24, 1024, 16, 4096},
};

void require(bool condition, const std::string& message) {
  if (!condition) throw UsageError("model: " + message);
}

}  // namespace

std::int64_t ModelConfig::parameter_count() const {
  const std::int64_t h = hidden;
  if (is_elmo()) {
    const std::int64_t projection = intermediate == h ? 0 : intermediate * h;
    const std::int64_t lstm = 4 * intermediate * (2 * h + 1) + projection;
    return vocab_size * h + vocab_size + 2 * layers * lstm;
  }
  const std::int64_t embeddings = (vocab_size + max_positions + segments) * h + 2 * h;
  const std::int64_t attending = 4 * (h * h + h) + 2 * h;
  const std::int64_t feed_forward = 2 * h * intermediate + intermediate + h + 2 * h;
  const std::int64_t pooler = h * h + h;
  const std::int64_t mlm = h * h + h + 2 * h + vocab_size;
  const std::int64_t nsp = 2 * h + 2;
  const std::int64_t sentences = is_causal() ? 0 : pooler + nsp;
  return embeddings + layers * (attending + feed_forward) + mlm + sentences;
}

std::string_view name_of(ModelType type) {
  return type == ModelType::elmo ? "elmo" : "transformer";
}

std::string_view name_of(AttentionDirection attention) {
  return attention == AttentionDirection::causal ? "causal" : "bidirectional";
}

namespace {

// The one that Peters et al. (2018) published, over word pieces. There is nothing that attends.
ModelConfig published_elmo() {
  ModelConfig config;
  config.type = ModelType::elmo;
  config.layers = 2;
  config.hidden = 512;
  config.intermediate = 4096;
  config.attention_dropout = 0;
  return config;
}

}  // namespace

std::optional<ModelConfig> model_preset(std::string_view name) {
  if (name == kElmoPreset) return published_elmo();
  for (const Preset& preset : kPresets) {
    if (name != preset.name) continue;
    ModelConfig config;
    config.layers = preset.layers;
    config.hidden = preset.hidden;
    config.heads = preset.heads;
    config.intermediate = preset.intermediate;
    return config;
  }
  return std::nullopt;
}

std::vector<std::string> model_preset_names() {
  std::vector<std::string> names;
  for (const Preset& preset : kPresets) names.emplace_back(preset.name);
  names.emplace_back(kElmoPreset);
  return names;
}

namespace {

// A field that only a transformer has must not say anything of another model.
void validate_elmo(const ModelConfig& c) {
  require(!c.is_causal(),
          "attention is causal, but an ELMo has none: it reads both ways, each way "
          "on its own; use attention bidirectional or type transformer");
  require(c.intermediate >= c.hidden,
          fmt::format("intermediate is {}, fewer cells than the {} outputs (hidden) of an ELMo's "
                      "LSTM; use {} or more",
                      c.intermediate, c.hidden, c.hidden));
}

}  // namespace

void validate(const ModelConfig& c) {
  const auto positive = [](const char* field, std::int64_t value) {
    require(value > 0, fmt::format("{} is {}, expected at least 1", field, value));
  };
  positive("vocab_size", c.vocab_size);
  positive("layers", c.layers);
  positive("hidden", c.hidden);
  positive("heads", c.heads);
  positive("intermediate", c.intermediate);
  positive("max_positions", c.max_positions);
  positive("segments", c.segments);
  if (c.is_elmo()) {
    validate_elmo(c);
  } else if (c.hidden % c.heads != 0) {
    std::int64_t fitting = c.heads;
    while (c.hidden % fitting != 0) --fitting;
    require(false, fmt::format("hidden {} is not divisible by heads {}; use heads {}", c.hidden,
                               c.heads, fitting));
  }
  const auto probability = [](const char* field, double value) {
    require(value >= 0 && value < 1,
            fmt::format("{} is {}, expected at least 0 and below 1", field, value));
  };
  probability("dropout", c.dropout);
  probability("attention_dropout", c.attention_dropout);
  require(c.init_range > 0, fmt::format("init_range is {}, expected above 0", c.init_range));
  require(c.norm_epsilon > 0, fmt::format("norm_epsilon is {}, expected above 0", c.norm_epsilon));
  require(c.activation == Activation::gelu_tanh || c.activation == Activation::gelu_erf,
          fmt::format("activation is {}, expected gelu_tanh or gelu_erf", name_of(c.activation)));
}

}  // namespace bertyard
