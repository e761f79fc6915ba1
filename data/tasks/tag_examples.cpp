// SPDX-License-Identifier: Apache-2.0
#include "data/tasks/tag_examples.h"

#include <fmt/format.h>

#include "data/files/file_writer.h"
#include "data/tasks/table.h"
#include "data/text/unicode.h"
#include "data/text/utf8.h"

namespace bertyard {
namespace {

struct WordLine {
  std::string_view word, label;  // the label is empty where there is one column
};

WordLine split_line(std::string_view line) {
  const char separator = line.find('\t') != std::string_view::npos ? '\t' : ' ';
  const std::size_t first = line.find(separator);
  const std::size_t last = line.rfind(separator);
  if (first == std::string_view::npos) return {line, {}};
  return {line.substr(0, first), trim(line.substr(last + 1))};
}

// A word may be one of Unicode's spaces.
std::string_view trim_line(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

// "O", or a letter of IOB1, BIO or IOBES, a hyphen and a type.
bool is_label(std::string_view label) {
  if (label == "O") return true;
  const bool known =
      !label.empty() && std::string_view("BIESLU").find(label[0]) != std::string_view::npos;
  return known && label.size() > 2 && label[1] == '-';
}

// One sentence as it grows, and why it cannot be used.
class Sentences {
 public:
  Sentences(const std::string& path, LabelNeed need, TagExamples& result)
      : path_(path), need_(need), result_(result) {}

  void add(std::string_view text, std::int64_t number) {
    const std::string_view line = trim_line(text);
    if (line.empty() || line.starts_with("-DOCSTART-")) return end();
    const WordLine parts = split_line(line);
    if (example_.words.empty()) example_.place = fmt::format("{}:{}", path_, number);
    check(parts, number);
    example_.words.emplace_back(parts.word);
    if (!parts.label.empty()) example_.labels.emplace_back(parts.label);
  }
  void end() {
    const bool partly = !example_.labels.empty() && example_.labels.size() != example_.words.size();
    if (partly && label_fault_.reason.empty()) {
      label_fault_ = {example_.place, "some words have no label"};
    }
    if (!label_fault_.reason.empty()) end_with_odd_labels();
    if (!fault_.reason.empty()) {
      result_.bad_rows.push_back({fault_.place, fault_.reason + "; its sentence is left out"});
    } else if (!example_.words.empty()) {
      result_.examples.push_back(std::move(example_));
    }
    example_ = {};
    fault_ = {};
    label_fault_ = {};
  }

 private:
  // Without labels, where they may be missing.
  void end_with_odd_labels() {
    if (need_ == LabelNeed::required) {
      if (fault_.reason.empty()) fault_ = label_fault_;
      return;
    }
    example_.labels.clear();
    if (!fault_.reason.empty()) return;
    result_.odd_labels.push_back(
        {label_fault_.place, label_fault_.reason + "; its sentence is not scored"});
  }
  void check(const WordLine& parts, std::int64_t number) {
    const auto place = [&] { return fmt::format("{}:{}", path_, number); };
    if (fault_.reason.empty() && !is_valid_utf8(parts.word)) {
      fault_ = {place(), "the word is not UTF-8"};
    }
    if (label_fault_.reason.empty() && !parts.label.empty() && !is_label(parts.label)) {
      label_fault_ = {place(),
                      fmt::format("the label is '{}', expected O, or B-, I-, E- or S- and a type",
                                  parts.label)};
    }
  }

  const std::string& path_;
  LabelNeed need_;
  TagExamples& result_;
  TagExample example_;
  BadRow fault_, label_fault_;  // of the words, of the labels
};

}  // namespace

TagExamples read_tag_examples(const std::string& path, LabelNeed need) {
  TagExamples result;
  Sentences sentences(path, need, result);
  const std::string text = read_file(path);
  TextLines lines(text);
  for (std::string_view line; lines.next(line);) sentences.add(line, lines.number());
  sentences.end();
  return result;
}

}  // namespace bertyard
