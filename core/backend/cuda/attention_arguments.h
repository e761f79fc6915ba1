// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/host_device.h"
#include "core/base/philox.h"

namespace bertyard {

// The Dropout of attention probabilities as kernels take it. layer_ops.h says which draw is whose.
struct AttentionDropout {
  PhiloxKey key;
  std::uint32_t layer_and_site = 0;
  std::uint32_t threshold = 0;  // kept where the 16-bit draw is at least this; 0: no dropout
  float scale = 1;              // 1 / (1 - p)
  const std::uint64_t* sample = nullptr;   // [T]
  const std::int32_t* position = nullptr;  // [T]
};

// One attention of a whole batch in device memory, by value to its kernels. Absent tensors are
// null: of the forward log_sum and scores may be, of the backward dscores.
struct AttentionArguments {
  const void* qkv = nullptr;              // [T, 3 H]
  const std::int32_t* offsets = nullptr;  // [sequences + 1]
  const std::uint8_t* key_mask = nullptr;
  int tokens = 0, sequences = 0, heads = 0, head_size = 0, max_length = 0;
  bool causal = false;
  AttentionDropout dropout;
  // Forward.
  void* y = nullptr;
  float* log_sum = nullptr;
  float* scores = nullptr;
  // Backward.
  const void* dy = nullptr;
  const void* saved_y = nullptr;
  const float* saved_log_sum = nullptr;
  const float* dscores = nullptr;
  void* dqkv = nullptr;

  BERTYARD_HOST_DEVICE int hidden() const { return heads * head_size; }
};

}  // namespace bertyard
