// SPDX-License-Identifier: Apache-2.0
#include "launch/console/text_window.h"

#include <algorithm>

#include <fmt/format.h>

#include "data/text/text_paths.h"
#include "data/text/utf8.h"
#include "data/tokenizer/tokenize_files.h"

namespace bertyard {
namespace {

constexpr std::size_t kNamedFaults = 5;

bool is_json(std::string_view file) {
  return file.ends_with(".jsonl") || file.ends_with(".jsonl.gz") || file.ends_with(".jsonl.zst");
}

// As `tokenize` has it; where one file is JSONL, its limit holds for all.
std::size_t max_line_bytes(const TextWindows::Options& options) {
  TokenizeFilesOptions same;
  same.field = options.field;
  if (std::ranges::any_of(options.files, is_json)) same.field = "text";
  return same.max_line_bytes();
}

// With the files that directories and patterns stand for.
TextWindows::Options expanded(TextWindows::Options options) {
  options.files = expand_text_paths("--in", options.files);
  return options;
}

}  // namespace

TextWindows::TextWindows(const Options& options, const Tokenizer& tokenizer,
                         const Vocabulary& vocabulary)
    : options_(expanded(options)),
      tokenizer_(tokenizer),
      special_(vocabulary.special()),
      reader_(options_.files, max_line_bytes(options_)),
      json_(options.field.empty() ? "text" : options.field) {}

bool TextWindows::reads_json() const {
  return !options_.field.empty() || is_json(*batch_.file);
}

bool TextWindows::next(std::vector<std::vector<std::uint32_t>>& texts) {
  texts.clear();
  std::uint64_t tokens = 0;
  while (tokens < options_.window_tokens && reader_.next(batch_)) {
    for (std::size_t i = 0; i < batch_.ends.size(); ++i) {
      const std::uint64_t number = batch_.first_line + i;
      if (std::ranges::binary_search(batch_.too_long, i)) {
        note_fault(number, fmt::format("has more than {} bytes", max_line_bytes(options_)));
        texts.emplace_back();
      } else {
        texts.push_back(ids_of(batch_.line(i), number));
      }
      tokens += texts.back().size();
    }
  }
  counts_.texts += texts.size();
  counts_.tokens += tokens;
  return !texts.empty();
}

void TextWindows::note_fault(std::uint64_t number, std::string_view fault) {
  ++counts_.bad_lines;
  if (counts_.faults.size() >= kNamedFaults) return;
  counts_.faults.push_back(fmt::format("{}:{}: the line {}", *batch_.file, number, fault));
}

std::vector<std::uint32_t> TextWindows::ids_of(std::string_view line, std::uint64_t number) {
  valid_.clear();
  counts_.invalid_utf8 += append_valid_utf8(line, valid_);
  std::string_view text = valid_;
  if (reads_json()) {
    if (!json_.parse(valid_)) {
      note_fault(number, json_.fault());
      return {};
    }
    text = json_.text();
  }
  std::vector<std::uint32_t> ids{special_.cls};
  tokenizer_.tokenize(text, ids);
  const auto room = static_cast<std::size_t>(options_.max_length) - 1;
  if (ids.size() > room) {
    ++counts_.cut_texts;
    ids.resize(room);
  }
  ids.push_back(special_.sep);
  return ids;
}

}  // namespace bertyard
