// SPDX-License-Identifier: Apache-2.0
#include "tests/gpu_check/bench.h"

#include <chrono>
#include <vector>

#include <fmt/format.h>

#include "core/backend/layer_ops.h"
#include "core/base/error.h"
#include "core/base/philox.h"
#include "core/nn/initialization.h"
#include "launch/plan/matrix_peak.h"
#include "tests/support/device_model.h"
#include "train/step_flops.h"

namespace bertyard {
namespace {

using Clock = std::chrono::steady_clock;

// Every sequence full, 15% of it masked.
Batch made_batch(const BenchOptions& options, const ModelConfig& model) {
  PhiloxSequence draws(1, RandomPurpose::synthetic_samples, 0, 0);
  Batch batch;
  batch.cu_seqlens = {0};
  const auto token = [&] {
    return static_cast<std::int32_t>(
        draws.next_below(static_cast<std::uint32_t>(model.vocab_size)));
  };
  for (std::int64_t n = 0; n < options.sequences; ++n) {
    for (std::int64_t s = 0; s < options.length; ++s) {
      if (s * 20 / 128 != (s + 1) * 20 / 128) {
        batch.masked_rows.push_back(static_cast<std::int32_t>(batch.tokens.size()));
        batch.masked_labels.push_back(token());
      }
      batch.tokens.push_back(token());
      batch.positions.push_back(static_cast<std::int32_t>(s));
      batch.segments.push_back(s < options.length / 2 ? 0 : 1);
      batch.samples.push_back(static_cast<std::uint64_t>(n));
    }
    batch.cu_seqlens.push_back(static_cast<std::int32_t>(batch.tokens.size()));
    batch.global_indices.push_back(static_cast<std::uint64_t>(n));
    batch.next_sentence_labels.push_back(static_cast<std::int32_t>(draws.next_below(2)));
  }
  return batch;
}

struct Times {
  double forward = 0, backward = 0, update = 0;
  double total() const { return forward + backward + update; }
};

Times timed_steps(testing::DeviceModel& model, const Batch& batch, int steps) {
  Times times;
  const auto since = [&](Clock::time_point& mark) {
    model.device().synchronize();
    const Clock::time_point now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - mark).count();
    mark = now;
    return seconds / steps;
  };
  for (int i = 0; i < steps; ++i) {
    model.device().synchronize();
    Clock::time_point mark = Clock::now();
    model.device().set_zero(model.parameters().gradients(), model.device().compute_stream());
    model.objective().begin({batch.masked_count(), batch.sequence_count()});
    const PackedInput input = model.upload(batch);
    model.objective().forward(input);
    times.forward += since(mark);
    model.objective().backward(input, {});
    times.backward += since(mark);
    model.optimizer().step(1e-4, model.parameters());
    times.update += since(mark);
  }
  return times;
}

}  // namespace

void run_bench(const DeviceMaker& make_device, const BenchOptions& options) {
  const std::optional<ModelConfig> config = model_preset(options.model);
  if (!config) throw UsageError(fmt::format("bench: no model is called '{}'", options.model));
  if (options.length > config->max_positions) {
    throw UsageError(fmt::format("bench: {} has {} positions, --length is {}", options.model,
                                 config->max_positions, options.length));
  }
  const std::unique_ptr<Device> other = make_device();
  const double peak = measure_matrix_peak(*other, options.activations).flops;
  const DeviceInfo info = other->info();
  const Batch batch = made_batch(options, *config);
  testing::DeviceModel model(make_device(), *config,
                             {batch.token_count(), batch.sequence_count(), batch.masked_count(),
                              options.length, options.activations});
  ParameterStore store;
  const PretrainingModel registered(*config, SentenceObjective::next_sentence, store);
  std::vector<float> values(static_cast<std::size_t>(store.flat_elements()));
  store.bind(view_of(std::span(values)), {});
  initialize(store, *config, 1);
  model.set_values(values);

  timed_steps(model, batch, std::max(options.steps / 5, 2));
  const Times times = timed_steps(model, batch, options.steps);
  const auto tokens = static_cast<double>(batch.token_count());
  const double flops = step_flops(*config, {tokens, static_cast<double>(batch.masked_count()),
                                            static_cast<double>(options.length)});
  const double rate = flops / times.total();
  fmt::print(
      "{{\"device\": \"{}\", \"model\": \"{}\", \"activations\": \"{}\", \"length\": {}, "
      "\"sequences\": {}, \"forward_ms\": {:.3f}, \"backward_ms\": {:.3f}, \"update_ms\": "
      "{:.3f}, \"sequences_per_second\": {:.1f}, \"tokens_per_second\": {:.0f}, "
      "\"tflops\": {:.1f}, \"matrix_peak_tflops\": {:.1f}, \"share_of_peak\": {:.3f}}}\n",
      info.name, options.model, name_of(options.activations), options.length, options.sequences,
      times.forward * 1e3, times.backward * 1e3, times.update * 1e3,
      static_cast<double>(options.sequences) / times.total(), tokens / times.total(), rate * 1e-12,
      peak * 1e-12, rate / peak);
}

}  // namespace bertyard
