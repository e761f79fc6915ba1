// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "data/batches/batch.h"
#include "data/batches/step_plan.h"
#include "data/samples/next_tokens.h"
#include "data/samples/sample_source.h"

namespace bertyard {

// Puts samples one behind the other into a Batch whose size the plan knows, so that nothing grows
// on the way.
class BatchBuilder {
 public:
  explicit BatchBuilder(const PlannedMicroBatch& planned,
                        TokenTargets targets = TokenTargets::masked);

  struct Names {
    std::uint64_t global_index;
    std::uint64_t sample_id;
  };
  void append(const StoredSample& sample, const Names& names);
  Batch take() { return std::move(batch_); }

 private:
  void append_key_mask(const StoredSample& sample, std::size_t first_row);

  Batch batch_;
};

}  // namespace bertyard
