// SPDX-License-Identifier: Apache-2.0
#include "data/prepare_memory.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

// The program and its libraries, MPI, the vocabulary and its tables.
constexpr std::uint64_t kBase = 96 * kMiB;
// A document of 8 MiB with its sentences and tokens, a segment of tokens, a line and its buffers;
// measured: a third of it on ordinary text.
constexpr std::uint64_t kTextThread = 64 * kMiB;
constexpr std::uint64_t kJsonTextThread = 160 * kMiB;  // lines of up to 32 MiB, and their text
// A segment of tokens and its index.
constexpr std::uint64_t kShardThread = 32 * kMiB;

int fitting(int wanted, std::uint64_t memory, std::uint64_t fixed, std::uint64_t per_thread) {
  if (memory < fixed + per_thread) return 0;
  const std::uint64_t fit = (memory - fixed) / per_thread;
  return static_cast<int>(std::min<std::uint64_t>(fit, static_cast<std::uint64_t>(wanted)));
}

}  // namespace

int text_threads(int wanted, std::uint64_t memory, TextLayout layout) {
  const std::uint64_t of_thread = layout == TextLayout::jsonl ? kJsonTextThread : kTextThread;
  if (const int threads = fitting(wanted, memory, kBase, of_thread); threads > 0) return threads;
  throw UsageError(fmt::format("samples.memory is {} MiB, reading text needs {} MiB; raise it",
                               memory / kMiB, (kBase + of_thread) / kMiB));
}

int shard_threads(int wanted, std::uint64_t memory, std::uint64_t shard_bytes) {
  // As chunks, and once more in the order of the shard; estimates may be a fifth too low.
  const std::uint64_t fixed = kBase + shard_bytes * 12 / 5;
  if (const int threads = fitting(wanted, memory, fixed, kShardThread); threads > 0) return threads;
  throw UsageError(
      fmt::format("samples.memory is {} MiB, building a shard of {} MiB needs {} MiB; raise it, or "
                  "lower samples.shard",
                  memory / kMiB, shard_bytes / kMiB, (fixed + kShardThread) / kMiB + 1));
}

}  // namespace bertyard
