// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/backend/update_plan.h"
#include "core/nn/parameters.h"
#include "core/tensor/tensor_view.h"

namespace bertyard {

// The norm chunks of all tensors, in the order of the flat buffers.
std::vector<NormChunk> norm_chunks(const ParameterStore& parameters);

// What of the flat buffers one rank updates and keeps state for: rising ranges that begin where a
// norm chunk begins and end where another does; some may be empty. Without sharding (ZeRO-1) one
// range, the whole.
struct FlatRange {
  std::int64_t first = 0;
  std::int64_t count = 0;
  bool operator==(const FlatRange&) const = default;
};
using OptimizerShard = std::vector<FlatRange>;
OptimizerShard whole_shard(const ParameterStore& parameters);

// What an optimizer that holds a part of the state asks of the other ranks; all of them make the
// same calls.
class ShardExchange {
 public:
  virtual ~ShardExchange() = default;
  // sums += those of the other ranks, elementwise: what one rank leaves 0, another has.   f64
  virtual void add(TensorView sums) = 0;
  // `flat` holds range `index` of this rank's shard: begins to give it to the others and to take
  // theirs of the same index.   f32 [flat_elements]
  virtual void share(TensorView flat, std::size_t index) = 0;
  // Waits for everything shared.
  virtual void finish() = 0;
};

}  // namespace bertyard
