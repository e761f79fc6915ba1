// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "data/options.h"
#include "data/prepare/prepare.h"
#include "data/tokenizer/word_counter.h"

namespace bertyard {

// How many of the `wanted` threads may work at once in `memory` bytes, at least one. Throws
// UsageError when the memory does not hold one.
int text_threads(int wanted, std::uint64_t memory, TextLayout layout);
// Likewise while a shard of about `shard_bytes` is built.
int shard_threads(int wanted, std::uint64_t memory, std::uint64_t shard_bytes);

// Throws UsageError when a vocabulary cannot be learnt from these words in `memory` bytes. How many
// words a text has is known when they have been counted only.
void check_learning_memory(const std::vector<WordCount>& words, std::uint64_t memory);

// Before any work: throws UsageError where options.memory holds no thread that reads this text, or
// none that builds the largest shard which it may make.
void check_memory(const PrepareOptions& options);

}  // namespace bertyard
