// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

#include "data/tokenizer/word_counter.h"

namespace bertyard {

// Runs of counted words on the disk: a line "word count" each, sorted by word, none twice.

// What a run is known by when it is read again.
struct WordRun {
  std::uint64_t bytes = 0;
  std::uint64_t hash = 0;  // XXH3 of them
};

WordRun write_word_run(const std::filesystem::path& path, const std::vector<WordCount>& words);

// Whether the file is there, byte for byte.
bool is_word_run(const std::filesystem::path& path, const WordRun& run);

// Gives out the words of all runs, sorted, each once with the sum of its counts. Reads a bounded
// number of files at a time: of many it first makes fewer, in `directory`. Throws DataError for a
// file that is no run.
void merge_word_runs(std::vector<std::filesystem::path> runs,
                     const std::filesystem::path& directory,
                     const std::function<void(std::string_view word, std::uint64_t count)>& sink);

}  // namespace bertyard
