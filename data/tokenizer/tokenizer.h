// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/options.h"
#include "data/tokenizer/basic_tokenizer.h"
#include "data/tokenizer/vocabulary.h"
#include "data/tokenizer/word_cache.h"
#include "data/tokenizer/wordpiece.h"

namespace bertyard {

// The tokens of a text: ids and the bytes that each was made from. The span of a token whose
// characters were changed covers the characters as they stand in the text; marks that were stripped
// from its end lie outside.
struct Encoding {
  std::vector<std::uint32_t> ids;
  std::vector<TextSpan> spans;

  void clear() {
    ids.clear();
    spans.clear();
  }
};

// BERT's tokenizer: basic tokenisation, then WordPiece. Adds no [CLS] or [SEP]. Immutable, keeps
// nothing of the vocabulary it is made from: any number of threads may share one.
class Tokenizer {
 public:
  // Throws UsageError when max_word_characters is not positive.
  Tokenizer(const Vocabulary& vocabulary, const TokenizerOptions& options,
            std::vector<std::string> never_split = {});

  // Appends the ids of `text` to `ids`. For much text use a TokenizerWorker.
  void tokenize(std::string_view text, std::vector<std::uint32_t>& ids) const;
  std::vector<std::uint32_t> tokenize(std::string_view text) const;

 private:
  friend class TokenizerWorker;
  static constexpr std::uint32_t kNotAlone = 0xFFFFFFFFu;

  BasicTokenizer basic_;
  WordPiece wordpiece_;
  // By character of the basic multilingual plane: the id of one that is a word of its own wherever
  // it stands (punctuation, ideographs), or kNotAlone.
  std::vector<std::uint32_t> alone_;
};

// Tokenises text after text for one thread: remembers the words met and keeps its buffers. Borrows
// the Tokenizer.
class TokenizerWorker {
 public:
  explicit TokenizerWorker(const Tokenizer& tokenizer, WordCache cache = WordCache())
      : tokenizer_(tokenizer), cache_(std::move(cache)) {}

  // Appends the ids of `text`.
  void tokenize(std::string_view text, std::vector<std::uint32_t>& ids);
  // Replaces `encoding`. `text` is shorter than 4 GiB.
  void encode(std::string_view text, Encoding& encoding);

 private:
  // What is added to: spans are null where they are not wanted.
  struct Output {
    std::vector<std::uint32_t>& ids;
    std::vector<TextSpan>* spans;

    void add(std::uint32_t id, std::size_t begin, std::size_t end) {
      ids.push_back(id);
      if (spans != nullptr) {
        spans->push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
      }
    }
    void cut_back(std::size_t size) {
      ids.resize(size);
      if (spans != nullptr) spans->resize(size);
    }
  };

  void add_text(std::string_view text, Output out);
  void add_segment(std::string_view text, std::size_t begin, Output& out);
  std::size_t word_end(std::string_view text, std::size_t begin) const;
  void add_ascii_word(std::string_view text, std::size_t begin, std::size_t end, Output& out);
  void add_new_word(std::string_view text, std::size_t begin, std::size_t end, Output& out);
  std::size_t add_token(std::string_view text, std::size_t begin, Output& out);
  void add_pieces(std::size_t begin, Output& out);

  const Tokenizer& tokenizer_;
  WordCache cache_;
  WordList words_;
  std::string lowered_;
  std::vector<Piece> pieces_;
  std::vector<std::size_t> next_kept_;
};

}  // namespace bertyard
