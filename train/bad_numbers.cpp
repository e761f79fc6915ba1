// SPDX-License-Identifier: Apache-2.0
#include "train/bad_numbers.h"

#include <cmath>
#include <span>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/backend/update_ops.h"

namespace bertyard {
namespace {

// Asks the device about one tensor after the other.
class FiniteCheck {
 public:
  explicit FiniteCheck(Device& device)
      : device_(device),
        buffer_(device.allocate(sizeof(std::int32_t))),
        finite_(buffer_.data(), DType::i32, {1}) {}

  bool operator()(ConstTensorView x) {
    std::int32_t finite = 0;
    device_.update_ops().check_finite(finite_, x);
    device_.copy(view_of(std::span(&finite, 1)), finite_, CopyDirection::device_to_host,
                 device_.compute_stream());
    device_.synchronize();
    return finite != 0;
  }

  // The name of the first parameter whose part of the flat buffer is not finite; empty: none.
  std::string first_bad(const ParameterStore& parameters, ConstTensorView flat) {
    if ((*this)(flat)) return "";
    for (const ParameterInfo& info : parameters.infos()) {
      if (!(*this)(flat.slice(info.offset, info.shape.elements()))) return info.name;
    }
    return "(between the tensors)";
  }

 private:
  Device& device_;
  Buffer buffer_;
  TensorView finite_;
};

bool loss_is_finite(Device& device, const Objective& objective) {
  std::vector<double> sums(static_cast<std::size_t>(objective.sums().elements()));
  device.copy(view_of(std::span(sums)), objective.sums(), CopyDirection::device_to_host,
              device.compute_stream());
  device.synchronize();
  for (const double sum : sums) {
    if (!std::isfinite(sum)) return false;
  }
  return true;
}

}  // namespace

std::optional<BadNumbers> find_bad_numbers(Device& device, Objective& objective, DeviceBatch& batch,
                                           const StepBatches& step,
                                           const std::function<void()>& alive) {
  FiniteCheck check(device);
  const ParameterStore& parameters = objective.parameters();
  const std::string weights = check.first_bad(parameters, parameters.values());
  if (!weights.empty()) return BadNumbers{0, weights, true, false};
  for (std::size_t i = 0; i < step.micro_batches.size(); ++i) {
    alive();
    device.set_zero(parameters.gradients(), device.compute_stream());
    objective.begin({step.masked, step.samples, step.tokens});
    objective.train(batch.upload(step.micro_batches[i]), [](std::int64_t) {});
    const bool loss_good = loss_is_finite(device, objective);
    const std::string bad = check.first_bad(parameters, parameters.gradients());
    if (!bad.empty() || !loss_good) return BadNumbers{i, bad, false, !loss_good};
  }
  return std::nullopt;
}

std::string batch_json(const Batch& batch, std::int64_t step, int rank) {
  using Json = nlohmann::ordered_json;
  std::string text;
  std::size_t masked = 0;
  for (std::size_t n = 0; n < batch.global_indices.size(); ++n) {
    const std::int32_t begin = batch.cu_seqlens[n];
    const std::int32_t end = batch.cu_seqlens[n + 1];
    const auto part = [&](const std::vector<std::int32_t>& values) {
      return std::vector<std::int32_t>(values.begin() + begin, values.begin() + end);
    };
    Json line;
    line["bad_batch"] = 1;  // the format's version
    line["step"] = step;
    line["rank"] = rank;
    line["sample"] = batch.sample_ids.size() > n ? batch.sample_ids[n] : 0;
    line["global_index"] = batch.global_indices[n];
    line["tokens"] = part(batch.tokens);
    line["segments"] = part(batch.segments);
    line["masked"] = Json::array();
    const std::int32_t rows = batch.rows_per_token;
    const auto is_here = [&](std::size_t m) {
      return m < batch.masked_rows.size() && batch.masked_rows[m] < rows * end;
    };
    for (; is_here(masked); ++masked) {
      line["masked"].push_back(
          {batch.masked_rows[masked] - rows * begin, batch.masked_labels[masked]});
    }
    if (batch.next_sentence_labels.size() > n) {
      line["next_sentence"] = batch.next_sentence_labels[n];
    }
    text += line.dump() + "\n";
  }
  return text;
}

}  // namespace bertyard
