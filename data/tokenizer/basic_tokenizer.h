// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/options.h"
#include "data/text/unicode.h"

namespace bertyard {

// Bytes `begin` to `end` of a text.
struct TextSpan {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool operator==(const TextSpan&) const = default;
};

// The words of a text, one after another in one buffer. Reuse one to save the allocations.
class WordList {
 public:
  void clear();
  std::size_t size() const { return ends_.size(); }
  std::string_view operator[](std::size_t index) const {
    return std::string_view(bytes_).substr(begin(index), ends_[index] - begin(index));
  }
  // What bytes `first` to `last` of a word are in the text; for words that were traced.
  TextSpan source(std::size_t index, std::size_t first, std::size_t last) const {
    return {sources_[begin(index) + first].begin, sources_[begin(index) + last - 1].end};
  }

 private:
  friend class BasicTokenizer;
  std::size_t begin(std::size_t index) const { return index == 0 ? 0 : ends_[index - 1]; }

  std::string bytes_;
  std::vector<std::size_t> ends_;
  std::vector<TextSpan> sources_;  // of every byte; empty where nothing is traced
};

enum class Trace { no, yes };

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

  // What a byte means to the word it stands in; not_ascii: its character must be looked at.
  enum class ByteClass : std::uint8_t { word, space, dropped, punctuation, not_ascii };
  ByteClass class_of(char byte) const { return class_of_byte_[static_cast<unsigned char>(byte)]; }
  // Of an ASCII character.
  char lowered(char byte) const { return lowered_[static_cast<unsigned char>(byte)]; }
  // Whether a character is a word of its own and neither changed by its neighbours nor theirs.
  bool is_alone(char32_t code) const;
  bool separates(char32_t code) const { return split_cjk_ && is_cjk_ideograph(code); }
  // Appends the words of the token, up to an ASCII space, at the front of `text`; returns how many
  // bytes it takes. Sources are counted from the front of `text`.
  std::size_t split_token(std::string_view text, Trace trace, WordList& words) const;

  // The next of the words that are never split, at `begin` or later; of several at one place the
  // longest. At the end of the text, and empty, where there is none. `next` holds from call to call
  // where each word stands next; a text is gone through from its first byte on.
  struct Kept {
    std::size_t begin;
    std::string_view word;
  };
  Kept next_kept(std::string_view text, std::size_t begin, std::vector<std::size_t>& next) const;

 private:
  struct Buffers;

  void split_segment(std::string_view text, WordList& words) const;
  std::size_t split_unicode(std::string_view text, Buffers& buffers, WordList& words) const;
  void add_token(Buffers& buffers, WordList& words) const;
  void change_case_and_accents(Buffers& buffers) const;
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
