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
  planned_ = capacities_ = capacities;
  staging_plan_ = ArenaPlan();
  const Shape tokens{capacities.tokens};
  for (Place* place : {&tokens_, &positions_, &segments_}) *place = add(plan, DType::i32, tokens);
  samples_ = add(plan, DType::u64, tokens);
  key_mask_ = add(plan, DType::u8, tokens);
  offsets_ = add(plan, DType::i32, {capacities.sequences + 1});
  last_rows_ = add(plan, DType::i32, {capacities.sequences});
  sentences_ = add(plan, DType::i32, {capacities.sequences});
  task_labels_ = add(plan, DType::i32, {2 * capacities.sequences});
  task_values_ = add(plan, DType::f32, {capacities.sequences});
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

void DeviceBatch::resize(const MicroBatchCapacities& capacities, std::int64_t max_length) {
  BERTYARD_CHECK(
      capacities.tokens <= planned_.tokens && capacities.sequences <= planned_.sequences &&
          capacities.masked <= planned_.masked && max_length <= planned_.max_length,
      fmt::format("micro-batches of {} tokens, {} sequences, {} masked, length {} do not fit the "
                  "planned {}, {}, {}, {}",
                  capacities.tokens, capacities.sequences, capacities.masked, max_length,
                  planned_.tokens, planned_.sequences, planned_.masked, planned_.max_length));
  capacities_.tokens = capacities.tokens;
  capacities_.sequences = capacities.sequences;
  capacities_.masked = capacities.masked;
  capacities_.max_length = max_length;
}

void DeviceBatch::check(const Batch& batch) const {
  BERTYARD_CHECK(batch.token_count() <= capacities_.tokens &&
                     batch.sequence_count() <= capacities_.sequences &&
                     batch.masked_count() <= capacities_.masked,
                 fmt::format("micro-batch of {} tokens, {} sequences, {} masked exceeds the "
                             "capacities {}, {}, {}",
                             batch.token_count(), batch.sequence_count(), batch.masked_count(),
                             capacities_.tokens, capacities_.sequences, capacities_.masked));
}

template <typename T>
ConstTensorView DeviceBatch::put(const Place& place, const std::vector<T>& values,
                                 const Filling<T>& filling) {
  const auto count = static_cast<std::int64_t>(values.size());
  const Staging& staging = staging_[turn_];
  const bool staged = staging.copied != nullptr;
  const std::int64_t missing = staged ? std::max<std::int64_t>(filling.elements - count, 0) : 0;
  const TensorView to = arena_->view(place.device).slice(0, count + missing);
  if (to.elements() == 0) return to;
  ConstTensorView from = view_of(std::span<const T>(values));
  if (staged) {
    const TensorView pinned = staging.arena.view(place.staged).slice(0, count + missing);
    T* const begin = pinned.as<T>();
    const bool front = filling.side == Side::front;
    std::copy(values.begin(), values.end(), front ? begin + missing : begin);
    std::fill_n(front ? begin : begin + count, missing, filling.filler);
    from = pinned;
  }
  device_->copy(to, from, CopyDirection::host_to_device, device_->compute_stream());
  return to;
}

PackedInput DeviceBatch::upload(const Batch& batch) {
  check(batch);
  Staging& staging = staging_[turn_];
  if (staging.used) staging.copied->synchronize();
  const std::int64_t sequences =
      sequences_filled_ == Sequences::filled ? capacities_.sequences : batch.sequence_count();
  const Filling<std::int32_t> tokens{.elements = capacities_.tokens};
  PackedInput input;
  input.indices = {put(tokens_, batch.tokens, tokens), put(positions_, batch.positions, tokens),
                   put(segments_, batch.segments, tokens)};
  input.packing.offsets = put(offsets_, batch.cu_seqlens,
                              {.elements = sequences + 1, .filler = 0, .side = Side::front});
  input.packing.max_length = capacities_.max_length;
  if (!batch.key_mask.empty()) {
    input.packing.key_mask = put(key_mask_, batch.key_mask, {.elements = capacities_.tokens});
  }
  if (!batch.last_rows.empty()) {
    input.last_rows =
        put(last_rows_, batch.last_rows, {.elements = sequences, .filler = 0, .side = Side::front});
  }
  input.sample = put(samples_, batch.samples, {.elements = capacities_.tokens});
  input.masked_rows = put(rows_, batch.masked_rows, {.elements = capacities_.masked});
  input.masked_labels =
      put(labels_, batch.masked_labels, {.elements = capacities_.masked, .filler = -1});
  if (!batch.next_sentence_labels.empty()) {
    input.sentence_labels = put(sentences_, batch.next_sentence_labels,
                                {.elements = sequences, .filler = -1, .side = Side::front});
  }
  input.task_labels = put(task_labels_, batch.task_labels);
  input.task_values = put(task_values_, batch.task_values);
  if (staging.copied) {
    staging.copied->record(device_->compute_stream());
    staging.used = true;
    turn_ = 1 - turn_;
  }
  return input;
}

}  // namespace bertyard
