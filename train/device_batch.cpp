// SPDX-License-Identifier: Apache-2.0
#include "train/device_batch.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {

DeviceBatch::Place DeviceBatch::add(ArenaPlan& plan, DType type, const Shape& shape) {
  return {plan.add(type, shape), staging_plan_.add(type, shape)};
}

void DeviceBatch::plan(ArenaPlan& plan, const Capacities& capacities) {
  capacities_ = capacities;
  staging_plan_ = ArenaPlan();
  const Shape tokens{capacities.tokens};
  for (Place* place : {&tokens_, &positions_, &segments_}) *place = add(plan, DType::i32, tokens);
  samples_ = add(plan, DType::u64, tokens);
  key_mask_ = add(plan, DType::u8, tokens);
  offsets_ = add(plan, DType::i32, {capacities.sequences + 1});
  sentences_ = add(plan, DType::i32, {capacities.sequences});
  for (Place* place : {&rows_, &labels_}) *place = add(plan, DType::i32, {capacities.masked});
}

void DeviceBatch::bind(const Arena& arena, Device& device) {
  arena_ = &arena;
  device_ = &device;
  if (device.info().kind == DeviceKind::cpu) return;
  for (Staging& staging : staging_) {
    staging = {Arena(device.allocate_pinned(staging_plan_.bytes())), device.make_event(), false};
  }
}

template <typename T>
ConstTensorView DeviceBatch::put(const Place& place, const std::vector<T>& values) {
  const auto count = static_cast<std::int64_t>(values.size());
  const TensorView to = arena_->view(place.device).slice(0, count);
  if (values.empty()) return to;
  ConstTensorView from = view_of(std::span<const T>(values));
  const Staging& staging = staging_[turn_];
  if (staging.copied) {
    const TensorView staged = staging.arena.view(place.staged).slice(0, count);
    std::copy(values.begin(), values.end(), staged.as<T>());
    from = staged;
  }
  device_->copy(to, from, CopyDirection::host_to_device, device_->compute_stream());
  return to;
}

PackedInput DeviceBatch::upload(const Batch& batch) {
  BERTYARD_CHECK(batch.token_count() <= capacities_.tokens &&
                     batch.sequence_count() <= capacities_.sequences &&
                     batch.masked_count() <= capacities_.masked,
                 fmt::format("micro-batch of {} tokens, {} sequences, {} masked exceeds the "
                             "capacities {}, {}, {}",
                             batch.token_count(), batch.sequence_count(), batch.masked_count(),
                             capacities_.tokens, capacities_.sequences, capacities_.masked));
  Staging& staging = staging_[turn_];
  if (staging.used) staging.copied->synchronize();
  PackedInput input;
  input.indices = {put(tokens_, batch.tokens), put(positions_, batch.positions),
                   put(segments_, batch.segments)};
  input.packing.offsets = put(offsets_, batch.cu_seqlens);
  input.packing.max_length = capacities_.max_length;
  if (!batch.key_mask.empty()) input.packing.key_mask = put(key_mask_, batch.key_mask);
  input.sample = put(samples_, batch.samples);
  input.masked_rows = put(rows_, batch.masked_rows);
  input.masked_labels = put(labels_, batch.masked_labels);
  if (!batch.next_sentence_labels.empty()) {
    input.sentence_labels = put(sentences_, batch.next_sentence_labels);
  }
  if (staging.copied) {
    staging.copied->record(device_->compute_stream());
    staging.used = true;
    turn_ = 1 - turn_;
  }
  return input;
}

}  // namespace bertyard
