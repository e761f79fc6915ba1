// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace bertyard {

struct SpecialTokens {
  std::uint32_t pad;      // [PAD]
  std::uint32_t unknown;  // [UNK]
  std::uint32_t cls;      // [CLS]
  std::uint32_t sep;      // [SEP]
  std::uint32_t mask;     // [MASK]
};

// The entries of a WordPiece vocabulary; the line in the file, from 0, is the id. Owns its entries
// and does not change.
class Vocabulary {
 public:
  // `origin` stands in error messages. Throws DataError when an entry is empty, holds white space
  // at its ends, is no UTF-8 or appears twice, or when one of the five special tokens is missing.
  explicit Vocabulary(std::vector<std::string> tokens, std::string_view origin = "vocabulary");

  // One entry a line, LF or CRLF. Throws DataError as above and when the file cannot be read.
  static Vocabulary load(const std::filesystem::path& path);
  // The contents of vocab.txt: every entry with a line feed.
  std::string text() const;
  // Atomically: temporary file, fsync, rename. Throws IoError.
  void save(const std::filesystem::path& path) const;

  std::size_t size() const { return tokens_.size(); }
  std::optional<std::uint32_t> id(std::string_view token) const;
  // Throws DataError when `id` is not below size().
  const std::string& token(std::uint32_t id) const;
  const std::vector<std::string>& tokens() const { return tokens_; }
  const SpecialTokens& special() const { return special_; }
  // XXH3 of the entries, each with a line feed: the same for LF and CRLF files.
  std::uint64_t hash() const { return hash_; }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  void index(std::string_view origin);

  std::vector<std::string> tokens_;
  std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>> ids_;
  SpecialTokens special_{};
  std::uint64_t hash_ = 0;
};

}  // namespace bertyard
