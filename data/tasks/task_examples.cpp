// SPDX-License-Identifier: Apache-2.0
#include "data/tasks/task_examples.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/prepare/text_job.h"
#include "data/tasks/table.h"

namespace bertyard {
namespace {

template <typename T>
void append(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void check_format(const std::string& path, const TaskOptions& options, TaskFormat wanted) {
  const TaskFormat found =
      options.format == TaskFormat::automatic ? format_of(path) : options.format;
  // Tagged text often goes by .txt or .tsv.
  const bool suits = found == wanted || (wanted == TaskFormat::conll && found == TaskFormat::tsv);
  if (suits) return;
  throw DataError(fmt::format("{}: expected {}; set task.format if its name misleads", path,
                              wanted == TaskFormat::conll ? "a word a line with its label (conll)"
                                                          : "a file in SQuAD's layout (.json)"));
}

void read_file_of(const std::string& path, const TaskOptions& options, LabelNeed need,
                  TaskExamples& all) {
  if (options.kind == TaskKind::tag) {
    check_format(path, options, TaskFormat::conll);
    TagExamples read = read_tag_examples(path, need);
    append(all.tags, std::move(read.examples));
    append(all.bad_rows, std::move(read.bad_rows));
    append(all.odd_labels, std::move(read.odd_labels));
  } else if (options.kind == TaskKind::qa) {
    check_format(path, options, TaskFormat::squad);
    AnswerExamples read = read_answer_examples(path);
    append(all.answers, std::move(read.examples));
    append(all.bad_rows, std::move(read.bad_rows));
    append(all.bad_offsets, std::move(read.bad_offsets));
    all.version_2 = all.version_2 || read.version_2;
  } else {
    TextExamples read = read_text_examples(path, options, need);
    append(all.texts, std::move(read.examples));
    append(all.bad_rows, std::move(read.bad_rows));
    append(all.odd_labels, std::move(read.odd_labels));
  }
}

std::string first_faults(const std::vector<BadRow>& rows) {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(rows.size(), 3); ++i) {
    text += fmt::format("\n  {}: {}", rows[i].place, rows[i].reason);
  }
  return text;
}

std::uint64_t hash_of(const TextExample& example) {
  StreamingHash hash;
  hash.update(example.text);
  hash.update("\t");
  hash.update(example.pair.value_or(""));
  return hash.digest();
}
std::uint64_t hash_of(const TagExample& example) {
  StreamingHash hash;
  for (const std::string& word : example.words) {
    hash.update(word);
    hash.update("\n");
  }
  return hash.digest();
}
std::uint64_t hash_of(const AnswerExample& example) {
  return xxh3(*example.context);
}

template <typename T>
void split(std::vector<T>& examples, std::vector<T>& held_out, double fraction) {
  std::vector<T> kept;
  for (T& example : examples) {
    (is_held_out(hash_of(example), fraction) ? held_out : kept).push_back(std::move(example));
  }
  examples = std::move(kept);
}

bool is_whole(const std::string& text) {
  return !text.empty() && text.size() < 10 &&
         text.find_first_not_of("0123456789") == std::string::npos;
}

// Before its name is asked for the format.
void require_rows(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) throw DataError(fmt::format("{}: does not exist", path));
  if (fs::is_directory(path, ignored)) {
    throw DataError(fmt::format("{}: a directory, expected a file of rows", path));
  }
  if (fs::is_regular_file(path, ignored) && fs::file_size(path, ignored) == 0) {
    throw DataError(fmt::format("{}: the file is empty", path));
  }
}

}  // namespace

bool TaskExamples::has_labels() const {
  return std::any_of(texts.begin(), texts.end(),
                     [](const TextExample& e) { return e.label.has_value(); }) ||
         std::any_of(tags.begin(), tags.end(),
                     [](const TagExample& e) { return !e.labels.empty(); }) ||
         std::any_of(answers.begin(), answers.end(),
                     [](const AnswerExample& e) { return !e.answers.empty() || e.impossible; });
}

TaskExamples read_task(const std::vector<std::string>& paths, const TaskOptions& options,
                       LabelNeed need) {
  TaskExamples all;
  all.path = fmt::format("{}", fmt::join(paths, ", "));
  for (const std::string& path : paths) {
    require_rows(path);
    read_file_of(path, options, need, all);
  }
  if (need == LabelNeed::required) {
    for (const TagExample& example : all.tags) {
      if (example.labels.empty()) {
        throw DataError(fmt::format("{}: words without labels, expected a label in the last column",
                                    example.place));
      }
    }
  }
  if (all.size() == 0) {
    throw DataError(fmt::format("{}: not one row can be used, {} are bad{}", all.path,
                                all.bad_rows.size(), first_faults(all.bad_rows)));
  }
  return all;
}

TaskExamples take_held_out(TaskExamples& examples, double fraction) {
  TaskExamples held_out;
  held_out.path = examples.path + fmt::format(" ({:g}% held out by hash)", 100 * fraction);
  held_out.version_2 = examples.version_2;
  split(examples.texts, held_out.texts, fraction);
  split(examples.tags, held_out.tags, fraction);
  split(examples.answers, held_out.answers, fraction);
  return held_out;
}

std::size_t skip_unplaced_answers(TaskExamples& examples) {
  return std::erase_if(examples.answers, [](const AnswerExample& example) {
    return !example.answers.empty() && !example.answers.front().placed;
  });
}

void refuse_header_as_label(const TaskOptions& options, const TaskExamples& examples) {
  constexpr std::size_t kFewest = 10;  // among fewer rows a label that comes once is likely one
  const bool from_data = options.labels.empty() && find_layout(options.name) == nullptr;
  const bool classes = options.kind == TaskKind::classify || options.kind == TaskKind::pair;
  const bool by_number = is_column_number(options.columns.text);
  if (!from_data || !classes || !by_number || examples.size() < kFewest) return;
  std::map<std::string, std::size_t> rows;  // of each label
  for (const TextExample& example : examples.texts) {
    if (example.label) ++rows[*example.label];
  }
  const auto once =
      std::ranges::count(rows, std::size_t{1}, [](const auto& row) { return row.second; });
  for (const TextExample& example : examples.texts) {
    const bool first = example.label && example.place.ends_with(":1");
    // A class of one row may well stand first where others have one row too.
    if (!first || rows[*example.label] > 1 || once > 1) continue;
    throw DataError(fmt::format(
        "{}: the label '{}' stands in line 1 alone, which looks like a header; name the columns in "
        "task.columns by their names instead of numbers, or set task.labels if it is a label",
        example.place, *example.label));
  }
}

std::vector<std::string> task_labels(const TaskOptions& options, const TaskExamples& examples) {
  if (options.kind == TaskKind::regress || options.kind == TaskKind::qa) return {};
  if (!options.labels.empty()) return options.labels;
  const TaskLayout* layout = find_layout(options.name);
  if (layout != nullptr && options.kind != TaskKind::tag) return layout->labels;
  std::set<std::string> found;
  for (const TextExample& example : examples.texts) {
    if (example.label) found.insert(*example.label);
  }
  for (const TagExample& example : examples.tags) {
    found.insert(example.labels.begin(), example.labels.end());
  }
  if (found.size() < 2) {
    throw DataError(
        fmt::format("{}: expected at least two different labels, found {}; is "
                    "task.columns.label the right column?",
                    examples.path, found.empty() ? "none" : "'" + *found.begin() + "' alone"));
  }
  std::vector<std::string> labels(found.begin(), found.end());
  if (std::all_of(labels.begin(), labels.end(), is_whole)) {
    std::stable_sort(labels.begin(), labels.end(),
                     [](const auto& a, const auto& b) { return std::stoll(a) < std::stoll(b); });
  }
  std::stable_partition(labels.begin(), labels.end(), [](const auto& l) { return l == "O"; });
  return labels;
}

}  // namespace bertyard
