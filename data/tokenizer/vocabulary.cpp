// SPDX-License-Identifier: Apache-2.0
#include "data/tokenizer/vocabulary.h"

#include <algorithm>
#include <limits>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/atomic_file.h"
#include "data/files/file_writer.h"
#include "data/text/unicode.h"

namespace bertyard {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string text_of(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw DataError(
        fmt::format("vocabulary {} is a directory, expected a vocab.txt with one entry "
                    "a line",
                    path.string()));
  }
  if (!std::filesystem::exists(path, ignored)) {
    throw DataError(fmt::format(
        "vocabulary {} is not there; expected a vocab.txt with one entry a line: name one in "
        "tokenizer.vocab, or let `bertyard prepare` learn it from the text",
        path.string()));
  }
  return read_file(path);
}

std::vector<std::string> split_lines(std::string_view content) {
  if (content.starts_with(kByteOrderMark)) content.remove_prefix(kByteOrderMark.size());
  std::vector<std::string> lines;
  while (!content.empty()) {
    const std::size_t end = std::min(content.find('\n'), content.size());
    std::string_view line = content.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
    content.remove_prefix(std::min(end + 1, content.size()));
  }
  return lines;
}

bool is_blank(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

// What is wrong with an entry; empty where nothing is.
std::string_view fault_of(std::string_view token) {
  if (token.empty()) return "is empty";
  if (!is_valid_utf8(token)) return "is not UTF-8; convert the file";
  if (token.find('\n') != std::string_view::npos) return "holds a line feed";
  if (is_blank(token.front()) || is_blank(token.back())) return "has white space at its ends";
  return {};
}

}  // namespace

Vocabulary::Vocabulary(std::vector<std::string> tokens, std::string_view origin)
    : tokens_(std::move(tokens)) {
  if (tokens_.empty()) {
    throw DataError(fmt::format("{} is empty, expected one entry a line", origin));
  }
  if (tokens_.size() > std::numeric_limits<std::int32_t>::max()) {
    throw DataError(fmt::format("{} has {} entries, more than 2^31 - 1", origin, tokens_.size()));
  }
  index(origin);
}

void Vocabulary::index(std::string_view origin) {
  ids_.reserve(tokens_.size());
  StreamingHash hash;
  for (std::size_t id = 0; id < tokens_.size(); ++id) {
    const std::string& token = tokens_[id];
    if (const auto fault = fault_of(token); !fault.empty()) {
      throw DataError(fmt::format("{}:{}: the entry {}", origin, id + 1, fault));
    }
    const auto [entry, added] = ids_.emplace(token, static_cast<std::uint32_t>(id));
    if (!added) {
      throw DataError(fmt::format("{}:{}: '{}' stands on line {} already; an entry has one id",
                                  origin, id + 1, token, entry->second + 1));
    }
    hash.update(token);
    hash.update("\n");
  }
  hash_ = hash.digest();
  const auto require = [&](std::string_view token) {
    if (const auto found = id(token)) return *found;
    throw DataError(
        fmt::format("{} has no {} among its {} entries; BERT needs [PAD], [UNK], "
                    "[CLS], [SEP] and [MASK]",
                    origin, token, tokens_.size()));
  };
  special_ = {require("[PAD]"), require("[UNK]"), require("[CLS]"), require("[SEP]"),
              require("[MASK]")};
}

Vocabulary Vocabulary::load(const std::filesystem::path& path) {
  return Vocabulary(split_lines(text_of(path)), fmt::format("vocabulary {}", path.string()));
}

std::string Vocabulary::text() const {
  std::string text;
  for (const std::string& token : tokens_) {
    text += token;
    text += '\n';
  }
  return text;
}

void Vocabulary::save(const std::filesystem::path& path) const {
  write_file_atomically(path, text());
}

std::optional<std::uint32_t> Vocabulary::id(std::string_view token) const {
  const auto found = ids_.find(token);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

const std::string& Vocabulary::token(std::uint32_t id) const {
  if (id >= tokens_.size()) {
    throw DataError(fmt::format("token id {} is out of range: the vocabulary has {} entries", id,
                                tokens_.size()));
  }
  return tokens_[id];
}

}  // namespace bertyard
