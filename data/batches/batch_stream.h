// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "data/batches/batch.h"
#include "data/batches/block_sampler.h"
#include "data/batches/step_plan.h"
#include "data/samples/masking.h"
#include "data/samples/next_tokens.h"
#include "data/samples/sample_source.h"

namespace bertyard {

enum class StreamOrder {
  shuffled,    // training: the Sampler's order, or the BlockSampler's, without end
  sequential,  // evaluation: the first samples in order, once; the last step may be smaller
};

struct BatchStreamOptions {
  std::uint64_t seed = 0;  // of sample order and masks
  int rank = 0;
  int world = 1;
  int leaves = 0;                 // Dealing: 0 is one a rank
  std::int64_t global_batch = 1;  // samples a step, over all ranks
  int max_length = 512;           // longer samples are cut to it: data/samples/cut_sample.h
  MicroBatchCapacities capacities;
  std::uint64_t start_index = 0;  // position in the data: global index of the next sample
  // Where a phase of the run begins, if it is to be refused when its first step has no work for
  // some rank or leaf. Any other step may happen to have short samples, and leave some idle.
  std::optional<std::uint64_t> phase_start;
  StreamOrder order = StreamOrder::shuffled;
  TokenTargets targets = TokenTargets::masked;  // others: "masked" are the predicted tokens
  std::optional<BlockShuffle> blocks;           // shuffled: by blocks; absent: over all samples
  std::uint64_t sample_limit = 0;               // sequential: stop after so many; 0 is all
  int prefetch = 4;                             // steps ready ahead
  int threads = 1;
};

// Samples -> steps of packed micro-batches for one rank, made ahead by its own threads. What a
// step holds is a pure function of the options and the position, whatever the threads do.
// Masks: the stored ones where the source has them; else drawn by (seed, epoch, sample id), the
// epoch being kFixedMaskEpoch in a sequential stream; with other TokenTargets than masked there are
// none. Borrows source and masker.
class BatchStream {
 public:
  // `masker` may be null where the source stores its masks or none are wanted. Throws UsageError on
  // options that contradict each other and DataError on an empty source.
  BatchStream(const SampleSource& source, const Masker* masker, const BatchStreamOptions& options);
  ~BatchStream();
  BatchStream(const BatchStream&) = delete;
  BatchStream& operator=(const BatchStream&) = delete;

  // The next step; nothing after the last of a sequential stream. What went wrong while the step
  // was being made is thrown here, at its turn.
  std::optional<StepBatches> next();

  // Seconds that next() has waited for data since the stream began.
  double waited_seconds() const;

 private:
  class Prefetcher;
  std::unique_ptr<Prefetcher> prefetcher_;
};

}  // namespace bertyard
