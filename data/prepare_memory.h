// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "data/options.h"
#include "data/prepare.h"

namespace bertyard {

// How many of the `wanted` threads may work at once in `memory` bytes, at least one. Throws
// UsageError when the memory does not hold one.
int text_threads(int wanted, std::uint64_t memory, TextLayout layout);
// Likewise while a shard of about `shard_bytes` is built.
int shard_threads(int wanted, std::uint64_t memory, std::uint64_t shard_bytes);

// Before any work: throws UsageError where options.memory holds no thread that reads this text, or
// none that builds the largest shard which it may make.
void check_memory(const PrepareOptions& options);

}  // namespace bertyard
