// SPDX-License-Identifier: Apache-2.0
#include "train/text_vectors.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "core/backend/layer_ops.h"
#include "core/base/error.h"
#include "core/nn/workspace.h"

namespace bertyard {
namespace {

// Of the matrices that linear layers multiply with.
std::int64_t matrix_elements(const ParameterStore& parameters) {
  std::int64_t elements = 0;
  for (const ParameterInfo& info : parameters.infos()) {
    if (info.name.starts_with("bert.encoder.") && info.decay == WeightDecay::yes) {
      elements += info.shape.elements();
    }
  }
  return elements;
}

void clear(Batch& batch) {
  batch.tokens.clear();
  batch.positions.clear();
  batch.segments.clear();
  batch.samples.clear();
  batch.global_indices.clear();
  batch.cu_seqlens.assign(1, 0);
}

void append(Batch& batch, const TextVectors::Tokens& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    batch.tokens.push_back(static_cast<std::int32_t>(text[i]));
    batch.positions.push_back(static_cast<std::int32_t>(i));
    batch.segments.push_back(0);
    batch.samples.push_back(0);
  }
  batch.cu_seqlens.push_back(static_cast<std::int32_t>(batch.tokens.size()));
  batch.global_indices.push_back(0);
}

}  // namespace

std::string_view name_of(Pooling pooling) {
  switch (pooling) {
    case Pooling::cls:
      return "cls";
    case Pooling::mean:
      return "mean";
    case Pooling::max:
      return "max";
    case Pooling::tokens:
      return "tokens";
  }
  return "?";
}

std::vector<std::int64_t> resolve_layers(std::span<const std::int64_t> layers,
                                         const ModelConfig& config) {
  if (layers.empty()) throw UsageError("layers: expected at least one, found none");
  std::vector<std::int64_t> resolved;
  for (const std::int64_t layer : layers) {
    const std::int64_t index = layer < 0 ? config.layers + 1 + layer : layer;
    if (index < 0 || index > config.layers) {
      throw UsageError(fmt::format(
          "layers: there is no layer {}; the model has 0 (the embedding) to {}, or -{} to -1",
          layer, config.layers, config.layers + 1));
    }
    if (std::ranges::find(resolved, index) != resolved.end()) {
      throw UsageError(fmt::format("layers: layer {} is there twice", index));
    }
    resolved.push_back(index);
  }
  return resolved;
}

// The vectors being made: text i has rows first[i] to first[i + 1].
struct TextVectors::Rows {
  std::span<const Tokens> texts;
  std::vector<std::size_t> first;
  std::vector<float> values;
};

TextVectors::TextVectors(const ModelConfig& config, const VectorOptions& options,
                         const Capacities& capacities, Device& device)
    : config_(config),
      options_(options),
      capacities_(capacities),
      device_(device),
      encoder_(config, store_) {
  options_.layers = resolve_layers(options.layers, config);
  capacities_.masked = 1;
  ArenaPlan parameters_plan, activations_plan;
  const ArenaSlot values = parameters_plan.add(DType::f32, {store_.flat_elements()});
  // Only a plan for training keeps every layer's output.
  const bool last_alone = options_.layers == std::vector<std::int64_t>{config.layers};
  encoder_.plan(activations_plan, capacities_, last_alone ? Mode::evaluation : Mode::training);
  device_batch_.plan(activations_plan, capacities_);
  parameters_arena_ = Arena(device.allocate(parameters_plan.bytes()));
  activations_arena_ = Arena(device.allocate(activations_plan.bytes()));
  store_.bind(parameters_arena_.view(values), {});
  device.set_zero(store_.values(), device.compute_stream());
  device_batch_.bind(activations_arena_, device);
  WorkspaceLimits limits = workspace_limits(config, capacities_);
  limits.weights = matrix_elements(store_);
  device.layer_ops().reserve(limits);
  hidden_.resize(static_cast<std::size_t>(capacities_.tokens * config.hidden));
}

std::int64_t TextVectors::width() const {
  return config_.hidden * static_cast<std::int64_t>(options_.layers.size());
}

std::vector<float> TextVectors::encode(std::span<const Tokens> texts,
                                       const std::function<void()>& before_batch) {
  Rows rows{texts, {0}, {}};
  for (const Tokens& text : texts) {
    const bool per_token = options_.pooling == Pooling::tokens;
    rows.first.push_back(rows.first.back() + (per_token ? text.size() : 1));
  }
  rows.values.resize(rows.first.back() * static_cast<std::size_t>(width()));

  std::vector<std::size_t> order(texts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(), [&](auto i) { return texts[i].size(); });
  const std::span<const std::size_t> all(order);
  for (std::size_t begin = 0; begin < all.size();) {
    std::size_t end = begin;
    std::size_t tokens = 0;
    while (end < all.size() && end - begin < static_cast<std::size_t>(capacities_.sequences) &&
           tokens + texts[all[end]].size() <= static_cast<std::size_t>(capacities_.tokens)) {
      tokens += texts[all[end++]].size();
    }
    BERTYARD_CHECK(end > begin, fmt::format("a text of {} tokens exceeds the capacity {}",
                                            texts[all[begin]].size(), capacities_.tokens));
    before_batch();
    run(rows, all.subspan(begin, end - begin));
    begin = end;
  }
  if (options_.normalize == Normalize::yes) normalize(rows.values);
  return std::move(rows.values);
}

void TextVectors::run(Rows& rows, std::span<const std::size_t> members) {
  clear(batch_);
  for (const std::size_t member : members) append(batch_, rows.texts[member]);
  PackedInput input = device_batch_.upload(batch_);
  input.packing.max_length = static_cast<std::int64_t>(rows.texts[members.front()].size());
  const Pass pass{device_.layer_ops(), store_, input, Mode::evaluation, 0};
  encoder_.forward(pass, activations_arena_);
  std::int64_t column = 0;
  for (const std::int64_t layer : options_.layers) {
    pool(rows, members, encoder_.hidden_state(activations_arena_, layer - 1, input.tokens()),
         column);
    column += config_.hidden;
  }
}

void TextVectors::pool(Rows& rows, std::span<const std::size_t> members, ConstTensorView hidden,
                       std::int64_t column) {
  const std::size_t count = static_cast<std::size_t>(hidden.elements());
  const TensorView host = view_of(std::span(hidden_).first(count));
  device_.copy(host, hidden, CopyDirection::device_to_host, device_.compute_stream());
  device_.synchronize();
  const auto h = static_cast<std::size_t>(config_.hidden);
  const auto stride = static_cast<std::size_t>(width());
  for (std::size_t n = 0; n < members.size(); ++n) {
    const auto begin = static_cast<std::size_t>(batch_.cu_seqlens[n]);
    const auto end = static_cast<std::size_t>(batch_.cu_seqlens[n + 1]);
    float* to = rows.values.data() + rows.first[members[n]] * stride + column;
    if (options_.pooling == Pooling::tokens) {
      for (std::size_t t = begin; t < end; ++t, to += stride) {
        std::copy_n(hidden_.data() + t * h, h, to);
      }
    } else {
      pool_text(to, hidden_.data() + begin * h, static_cast<std::int64_t>(end - begin));
    }
  }
}

void TextVectors::pool_text(float* to, const float* from, std::int64_t tokens) const {
  const std::int64_t h = config_.hidden;
  std::copy_n(from, h, to);
  if (options_.pooling == Pooling::cls) return;
  for (std::int64_t t = 1; t < tokens; ++t) {
    const float* row = from + t * h;
    if (options_.pooling == Pooling::max) {
      for (std::int64_t c = 0; c < h; ++c) to[c] = std::max(to[c], row[c]);
    } else {
      for (std::int64_t c = 0; c < h; ++c) to[c] += row[c];
    }
  }
  if (options_.pooling != Pooling::mean) return;
  const float inverse = 1.0f / static_cast<float>(tokens);
  for (std::int64_t c = 0; c < h; ++c) to[c] *= inverse;
}

void TextVectors::normalize(std::vector<float>& vectors) const {
  const auto columns = static_cast<std::size_t>(width());
  for (std::size_t begin = 0; begin < vectors.size(); begin += columns) {
    const std::span<float> row = std::span(vectors).subspan(begin, columns);
    double squares = 0;
    for (const float value : row) squares += static_cast<double>(value) * value;
    const double scale = 1 / std::max(std::sqrt(squares), 1e-12);
    for (float& value : row) value = static_cast<float>(value * scale);
  }
}

}  // namespace bertyard
