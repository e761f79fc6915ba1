// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/options.h"

namespace bertyard {

// The words of a text, one after another in one buffer. Reuse one to save the allocations.
class WordList {
 public:
  void clear();
  std::size_t size() const { return ends_.size(); }
  std::string_view operator[](std::size_t index) const {
    const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
    return std::string_view(bytes_).substr(begin, ends_[index] - begin);
  }

 private:
  friend class BasicTokenizer;
  std::string bytes_;
  std::vector<std::size_t> ends_;
};

// Splits text into words as google-research/bert's BasicTokenizer does: cleans, isolates CJK
// ideographs, splits at whitespace, lower-cases, strips accents, isolates punctuation. Immutable:
// any number of threads may share one.
class BasicTokenizer {
 public:
  // `never_split`: words that stay as they are wherever they stand, such as "[MASK]". Empty for
  // pre-training, where the text cannot be allowed to write special tokens.
  explicit BasicTokenizer(const TokenizerOptions& options,
                          std::vector<std::string> never_split = {});

  // Replaces the content of `words`. `text` may hold any bytes; invalid UTF-8 is dropped.
  void split(std::string_view text, WordList& words) const;

 private:
  struct Buffers;
  enum class ByteClass : std::uint8_t { word, space, dropped, punctuation, not_ascii };

  void split_segment(std::string_view text, WordList& words) const;
  std::size_t split_unicode(std::string_view text, Buffers& buffers, WordList& words) const;
  void add_token(Buffers& buffers, WordList& words) const;
  static void add_punctuation(std::string_view mark, WordList& words);
  static void end_word(WordList& words);

  bool lower_case_;
  bool strip_accents_;
  bool split_cjk_;
  std::array<ByteClass, 256> class_of_byte_;
  std::array<char, 128> lowered_;
  std::vector<std::string> never_split_;
};

}  // namespace bertyard
