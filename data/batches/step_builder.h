// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "data/batches/batch_stream.h"
#include "data/batches/sampler.h"

namespace bertyard {

// Makes any step of a BatchStream: a pure function of the step's number, so that threads may make
// steps in any order. Borrows source and masker. Thread-safe.
class StepBuilder {
 public:
  StepBuilder(const SampleSource& source, const Masker* masker, const BatchStreamOptions& options);

  // Step `number` from options.start_index; nothing behind the end of a sequential stream.
  std::optional<StepBatches> build(std::uint64_t number) const;

 private:
  class Reading;
  std::uint64_t step_size(std::uint64_t first_index) const;
  Sampler::Draw draw(std::uint64_t global_index) const;
  std::vector<Sampler::Draw> draw_step(std::uint64_t first_index, std::uint64_t size) const;
  SampleLoad load_of(const Sampler::Draw& drawn, StoredSample& scratch) const;
  void read(const Sampler::Draw& drawn, StoredSample& sample) const;
  Batch build_batch(const PlannedMicroBatch& planned, Reading& reading) const;

  const SampleSource& source_;
  const Masker* masker_;  // null where the source's own masks are used, or none
  BatchStreamOptions options_;
  Sampler sampler_;
  std::optional<BlockSampler> block_sampler_;
};

}  // namespace bertyard
