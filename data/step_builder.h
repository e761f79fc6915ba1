// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "data/batch_stream.h"
#include "data/sampler.h"

namespace bertyard {

// Makes any step of a BatchStream: a pure function of the step's number, so that threads may make
// steps in any order. Borrows source and masker. Thread-safe.
class StepBuilder {
 public:
  StepBuilder(const SampleSource& source, const Masker* masker, const BatchStreamOptions& options);

  // Step `number` from options.start_index; nothing behind the end of a sequential stream.
  std::optional<StepBatches> build(std::uint64_t number) const;

 private:
  std::uint64_t step_size(std::uint64_t first_index) const;
  Sampler::Draw draw(std::uint64_t global_index) const;
  SampleLoad load_of(std::uint64_t global_index, StoredSample& scratch) const;
  void read(std::uint64_t global_index, StoredSample& sample) const;
  void append(std::uint64_t global_index, const StoredSample& sample, Batch& batch) const;
  Batch build_batch(const PlannedMicroBatch& planned, std::uint64_t first_index,
                    StoredSample& scratch) const;

  const SampleSource& source_;
  const Masker* masker_;  // null where the source's own masks are used
  BatchStreamOptions options_;
  Sampler sampler_;
};

}  // namespace bertyard
