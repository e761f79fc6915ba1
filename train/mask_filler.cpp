// SPDX-License-Identifier: Apache-2.0
#include "train/mask_filler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/backend/layer_ops.h"
#include "core/nn/workspace.h"

namespace bertyard {
namespace {

Batch batch_of(std::span<const std::uint32_t> tokens, std::uint32_t mask) {
  Batch batch;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    batch.tokens.push_back(static_cast<std::int32_t>(tokens[i]));
    batch.positions.push_back(static_cast<std::int32_t>(i));
    if (tokens[i] == mask) batch.masked_rows.push_back(static_cast<std::int32_t>(i));
  }
  batch.segments.assign(tokens.size(), 0);
  batch.samples.assign(tokens.size(), 0);
  batch.cu_seqlens = {0, static_cast<std::int32_t>(tokens.size())};
  batch.global_indices = {0};
  batch.masked_labels.assign(batch.masked_rows.size(), 0);  // only the logits are looked at
  return batch;
}

// softmax of the logits, in double; the `top` greatest, the first of equals before the others.
std::vector<FilledMask::Word> likeliest(std::span<const float> logits, std::size_t top) {
  const double greatest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - greatest);
  std::vector<std::uint32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0u);
  const auto end = ids.begin() + static_cast<std::ptrdiff_t>(std::min(top, ids.size()));
  std::partial_sort(ids.begin(), end, ids.end(), [&](std::uint32_t a, std::uint32_t b) {
    return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
  });
  std::vector<FilledMask::Word> words;
  for (auto id = ids.begin(); id != end; ++id) {
    words.push_back({*id, std::exp(logits[*id] - greatest) / sum});
  }
  return words;
}

}  // namespace

MaskFiller::MaskFiller(const ModelConfig& config, std::int64_t max_tokens, Device& device)
    : config_(config), device_(device), model_(config, SentenceObjective::none, store_) {
  const Capacities capacities{max_tokens, 1, max_tokens, max_tokens};
  ArenaPlan parameters_plan, activations_plan;
  const ArenaSlot values = parameters_plan.add(DType::f32, {store_.flat_elements()});
  sums_ = activations_plan.add(DType::f64, {2});
  model_.plan(activations_plan, capacities, Mode::evaluation);
  device_batch_.plan(activations_plan, capacities);
  parameters_arena_ = Arena(device.allocate(parameters_plan.bytes()));
  activations_arena_ = Arena(device.allocate(activations_plan.bytes()));
  store_.bind(parameters_arena_.view(values), {});
  device.set_zero(store_.values(), device.compute_stream());
  device_batch_.bind(activations_arena_, device);
  device.layer_ops().reserve(workspace_limits(config, capacities));
}

std::vector<FilledMask> MaskFiller::fill(std::span<const std::uint32_t> tokens, std::uint32_t mask,
                                         std::size_t top) {
  const Batch batch = batch_of(tokens, mask);
  const PackedInput input = device_batch_.upload(batch);
  const TensorView sums = activations_arena_.view(sums_);
  device_.set_zero(sums, device_.compute_stream());
  const Pass pass{device_.layer_ops(), store_, input, Mode::evaluation, 0};
  model_.forward(pass, activations_arena_, device_, {sums.slice(0, 1), sums.slice(1, 1), {}, {}},
                 {});

  const auto vocab_size = static_cast<std::size_t>(config_.vocab_size);
  std::vector<float> logits(batch.masked_rows.size() * vocab_size);
  device_.copy(view_of(std::span(logits)),
               model_.mlm().logits(activations_arena_, batch.masked_count()),
               CopyDirection::device_to_host, device_.compute_stream());
  device_.synchronize();
  std::vector<FilledMask> filled;
  for (std::size_t i = 0; i < batch.masked_rows.size(); ++i) {
    filled.push_back({static_cast<std::size_t>(batch.masked_rows[i]),
                      likeliest(std::span(logits).subspan(i * vocab_size, vocab_size), top)});
  }
  return filled;
}

}  // namespace bertyard
