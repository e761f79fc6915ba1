// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "data/tokenizer/vocabulary.h"

namespace bertyard {

// One text with what became of it. A line that was no text has neither tokens nor vectors.
struct EncodedText {
  std::span<const std::uint32_t> tokens;
  std::span<const float> vectors;  // one row, or one for each token
};

// Where vectors go, text after text; nothing appears under its name before commit().
class VectorFile {
 public:
  virtual ~VectorFile() = default;
  virtual void write(const EncodedText& text) = 0;
  virtual void commit() = 0;
  // The files, for people.
  virtual std::vector<std::filesystem::path> paths() const = 0;
};

enum class VectorRows { texts, tokens };

// By the name's end. .npy: f32 [rows, width], a bad line is a row of NaN; with vectors of tokens
// their rows follow one another, and NAME.offsets.npy, i64 [texts + 1], says where each text
// begins. .jsonl: {"vector": [...]} or {"tokens": [...], "vectors": [[...], ...]} a text, null a
// bad line. Throws UsageError for another end.
std::unique_ptr<VectorFile> make_vector_file(const std::filesystem::path& path, VectorRows rows,
                                             std::int64_t width, const Vocabulary& vocabulary);

}  // namespace bertyard
