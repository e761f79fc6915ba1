// SPDX-License-Identifier: Apache-2.0
#include "data/prepare/prepare_memory.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/prepare/shard_plan.h"
#include "data/text/byte_source.h"
#include "data/text/text_paths.h"

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

// A word with its count, and its characters as pieces and in the lists of its pairs; measured with
// 2^20 words of 11 characters: 400 bytes a word in all.
constexpr std::uint64_t kLearnedWord = 128;
constexpr std::uint64_t kLearnedCharacter = 32;

int fitting(int wanted, std::uint64_t memory, std::uint64_t fixed, std::uint64_t per_thread) {
  if (memory < fixed + per_thread) return 0;
  const std::uint64_t fit = (memory - fixed) / per_thread;
  return static_cast<int>(std::min<std::uint64_t>(fit, static_cast<std::uint64_t>(wanted)));
}

// Of a shard for a byte of text: ids of four bytes, a third more of them than the text has, and all
// that for a text of one letter a token. Ordinary text makes a twentieth of it.
constexpr double kShardBytesPerTextByte = 16;

// What plan_shards() may make of the text at most; one document that is more than a shard apart.
std::uint64_t largest_shard_bytes(const PrepareOptions& options) {
  const SampleOptions& samples = options.samples;
  const auto most =
      static_cast<std::uint64_t>(kLargestShard * static_cast<double>(samples.shard_bytes));
  double all = 0;
  for (const std::string& path : expand_text_paths("corpus.text", options.corpus.text)) {
    if (!can_be_split(path)) return most;  // how much text it holds is not known
    all += kShardBytesPerTextByte * samples.duplicate *
           static_cast<double>(std::filesystem::file_size(path));
    if (all >= static_cast<double>(most)) return most;
  }
  return static_cast<std::uint64_t>(all);
}

}  // namespace

int text_threads(int wanted, std::uint64_t memory, TextLayout layout) {
  const std::uint64_t of_thread = layout == TextLayout::jsonl ? kJsonTextThread : kTextThread;
  if (const int threads = fitting(wanted, memory, kBase, of_thread); threads > 0) return threads;
  throw UsageError(fmt::format("samples.memory is {} MiB, reading text needs {} MiB; raise it",
                               memory / kMiB, (kBase + of_thread) / kMiB));
}

int shard_threads(int wanted, std::uint64_t memory, std::uint64_t shard_bytes) {
  // As chunks, and once more in the order of the shard.
  const std::uint64_t fixed = kBase + 2 * shard_bytes;
  if (const int threads = fitting(wanted, memory, fixed, kShardThread); threads > 0) return threads;
  throw UsageError(
      fmt::format("samples.memory is {} MiB, building a shard of up to {} MiB needs {} MiB; raise "
                  "it, or lower samples.shard",
                  memory / kMiB, shard_bytes / kMiB, (fixed + kShardThread + kMiB - 1) / kMiB));
}

void check_learning_memory(const std::vector<WordCount>& words, std::uint64_t memory) {
  std::uint64_t needed = kBase + kLearnedWord * words.size();
  for (const WordCount& word : words) needed += kLearnedCharacter * word.word.size();
  if (memory >= needed) return;
  throw UsageError(fmt::format(
      "samples.memory is {} MiB, learning a vocabulary from the text's {} most frequent "
      "words needs {} MiB; raise it (the words stay counted)",
      memory / kMiB, words.size(), (needed + kMiB - 1) / kMiB));
}

void check_memory(const PrepareOptions& options) {
  if (needs_whole_corpus(options.samples.sampling)) return;
  text_threads(1, options.memory, options.corpus.layout);
  shard_threads(1, options.memory, largest_shard_bytes(options));
}

}  // namespace bertyard
