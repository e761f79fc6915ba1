// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/nn/pretraining_model.h"
#include "launch/host_weights.h"
#include "launch/inspect_parts.h"
#include "launch/rank_log.h"
#include "launch/saved_model.h"
#include "train/atomic_file.h"
#include "train/checkpoint_store.h"
#include "train/console.h"

namespace bertyard {
namespace {

struct TensorFigures {
  double norm = 0;
  float least = 0;
  float greatest = 0;
};

TensorFigures figures_of(std::span<const float> values) {
  TensorFigures figures{0, values.front(), values.front()};
  double squares = 0;
  for (const float value : values) {
    squares += static_cast<double>(value) * value;
    figures.least = std::min(figures.least, value);
    figures.greatest = std::max(figures.greatest, value);
  }
  figures.norm = std::sqrt(squares);
  return figures;
}

void print_tensor(const ParameterInfo& info, std::span<const float> values) {
  const TensorFigures figures = figures_of(values);
  fmt::print("  {:<58} {:<14} norm {:<10.4g} min {:<10.4g} max {:.4g}\n", info.name,
             to_string(info.shape), figures.norm, figures.least, figures.greatest);
}

void print_one(const HostWeights& weights, const std::string& name) {
  const auto id = weights.store.find(name);
  if (!id) {
    throw UsageError(fmt::format("no tensor '{}'; without --tensor all names are listed", name));
  }
  const std::span<const float> values = ConstTensorView(weights.store.value(*id)).span<float>();
  print_tensor(weights.store.info(*id), values);
  for (const float value : values.first(std::min<std::size_t>(8, values.size()))) {
    fmt::print("  {}\n", value);
  }
  if (values.size() > 8) fmt::print("  ... {} more\n", values.size() - 8);
}

void print_checkpoint(const std::string& path, Logger& log) {
  const CheckpointState state = open_checkpoint(path, log).state();
  fmt::print("run         {}, step {}, {} of them applied\n", state.run_id, grouped(state.step),
             grouped(state.applied_steps));
  fmt::print("position    sample {}, {} tokens, phase {}, {} trained\n",
             grouped(static_cast<std::int64_t>(state.data_position)), grouped(state.tokens),
             state.phase, duration_text(state.run_seconds));
  if (state.held_out_loss) fmt::print("held out    MLM {:.4f} nats\n", *state.held_out_loss);
  for (const auto& [name, value] : state.environment) fmt::print("  {:<17} {}\n", name, value);
}

}  // namespace

void inspect_model(const InspectOptions& options) {
  Logger log = rank_logger({}, 0, "");
  const std::filesystem::path status = std::filesystem::path(options.path) / "STATUS";
  if (std::filesystem::exists(status)) {
    std::string text = read_file(status);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    fmt::print("status      {}\n", text);
  }
  const SavedModel model = open_saved_model(options.path, log);
  HostWeights weights(model.config);
  model.load(weights.store);
  if (!options.tensor.empty()) return print_one(weights, options.tensor);
  const ModelConfig& config = model.config;
  fmt::print("model       {} ({})\n", model.path, model.kind);
  fmt::print("shape       {} layers, hidden {}, heads {}, intermediate {}, {}, {} positions\n",
             config.layers, config.hidden, config.heads, config.intermediate,
             name_of(config.activation), config.max_positions);
  fmt::print("vocabulary  {} entries\nparameters  {}\n", grouped(config.vocab_size),
             grouped(config.parameter_count()));
  if (model.step) print_checkpoint(model.path, log);
  for (int i = 0; i < weights.store.size(); ++i) {
    print_tensor(weights.store.info({i}),
                 ConstTensorView(weights.store.value(ParameterId{i})).span<float>());
  }
}

}  // namespace bertyard
