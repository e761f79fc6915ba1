// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace bertyard {

// A run of elements of one tensor in the flat buffers, as the optimizer sees it: the whole tensor,
// or with sharded state the part that this rank updates.
struct UpdateSegment {
  std::int64_t offset = 0;
  std::int64_t elements = 0;
  float weight_decay = 0;   // 0 for biases and LayerNorm
  std::int32_t tensor = 0;  // whose norms LAMB takes
};

// Chunks of at most kElements, counted from a segment's start, that span no two segments: the unit
// of ordered norms and of sharding (design, 4.4).
struct NormChunk {
  static constexpr std::int64_t kElements = 4096;
  std::int64_t offset = 0;
  std::int64_t elements = 0;
  std::int32_t segment = 0;
};

// What an update runs over: segments and their chunks, cut once.
struct UpdateTables {
  std::vector<UpdateSegment> segments;
  std::vector<NormChunk> chunks;
  std::vector<std::int64_t> first_chunk;  // of each segment, and one past the last

  UpdateTables() = default;
  explicit UpdateTables(std::vector<UpdateSegment> given);
  // One past the last element of any segment, and past the largest tensor index.
  std::int64_t end() const;
  std::int64_t tensors() const;
};

// The tables as UpdateOps::make_plan() keeps them for its device; made once, used every step.
class UpdatePlan {
 public:
  explicit UpdatePlan(UpdateTables tables) : tables_(std::move(tables)) {}
  virtual ~UpdatePlan() = default;
  UpdatePlan(const UpdatePlan&) = delete;
  UpdatePlan& operator=(const UpdatePlan&) = delete;

  const UpdateTables& tables() const { return tables_; }
  std::int64_t segments() const { return static_cast<std::int64_t>(tables_.segments.size()); }
  std::int64_t chunks() const { return static_cast<std::int64_t>(tables_.chunks.size()); }

 private:
  UpdateTables tables_;
};

}  // namespace bertyard
