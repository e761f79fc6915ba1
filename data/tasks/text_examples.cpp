// SPDX-License-Identifier: Apache-2.0
#include "data/tasks/text_examples.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "data/tasks/table.h"
#include "data/text/unicode.h"
#include "data/text/utf8.h"

namespace bertyard {
namespace {

// A finite number, also as the float that is trained on; std::from_chars reads "nan" and "inf" too.
bool is_real(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() &&
         std::isfinite(static_cast<float>(value));
}

// The places of the columns in the rows of one table.
struct Places {
  std::optional<std::size_t> text, pair, label, id;
  std::size_t rows_to_skip = 0;  // the header
};

// Finds the columns of one table.
class ColumnFinder {
 public:
  ColumnFinder(const Table& table, const TaskOptions& options, LabelNeed need)
      : table_(table), options_(options), need_(need), layout_(find_layout(options.name)) {}

  Places find() const {
    const TaskColumns wanted = !options_.columns.text.empty() ? options_.columns
                               : layout_ != nullptr           ? layout_->columns
                                                              : guessed();
    if (is_column_number(wanted.text)) return by_number(wanted);
    const std::vector<std::string>& names = header();
    const bool has_text = std::find(names.begin(), names.end(), wanted.text) != names.end();
    const bool known = options_.columns.text.empty() && layout_ != nullptr;
    if (!has_text && known && !layout_->numbers.text.empty()) return by_number(layout_->numbers);
    return by_name(wanted, names);
  }

 private:
  const std::vector<std::string>& header() const {
    static const std::vector<std::string> kNone;
    if (!table_.names.empty()) return table_.names;
    return table_.rows.empty() ? kNone : table_.rows.front().cells;
  }
  // A set of unknown layout whose columns nobody named.
  TaskColumns guessed() const {
    throw DataError(fmt::format(
        "{}: which columns hold text and label is not known; set task.name to one of GLUE's sets, "
        "or task.columns, such as {{text: sentence, label: label}} or, without a header, "
        "{{text: \"1\", label: \"2\"}}. The first row is: {}",
        table_.path, fmt::join(header(), " | ")));
  }
  std::optional<std::size_t> number(const std::string& text) const {
    if (text.empty()) return std::nullopt;
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 1) {
      throw DataError(fmt::format(
          "{}: expected the number of a column, from 1, in task.columns, found '{}'; give numbers "
          "for all columns where there is no header, else names for all",
          table_.path, text));
    }
    return value - 1;
  }
  Places by_number(const TaskColumns& wanted) const {
    return {number(wanted.text), number(wanted.pair), number(wanted.label), number(wanted.id), 0};
  }
  std::optional<std::size_t> place_of(const std::string& name,
                                      const std::vector<std::string>& names, bool needed) const {
    if (name.empty()) return std::nullopt;
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    if (!needed) return std::nullopt;
    throw DataError(fmt::format("{}: expected a column '{}', found: {}", table_.path, name,
                                fmt::join(names, " | ")));
  }
  Places by_name(const TaskColumns& wanted, const std::vector<std::string>& names) const {
    return {place_of(wanted.text, names, true), place_of(wanted.pair, names, true),
            place_of(wanted.label, names, need_ == LabelNeed::required),
            place_of(wanted.id, names, false), table_.names.empty() ? 1u : 0u};
  }

  const Table& table_;
  const TaskOptions& options_;
  LabelNeed need_;
  const TaskLayout* layout_;
};

// Turns rows into examples; what is wrong with a row is its reason.
class RowReader {
 public:
  RowReader(const TaskOptions& options, const Places& places, LabelNeed need)
      : options_(options), places_(places), need_(need) {}

  std::string read(const TableRow& row, TextExample& example) const {
    const std::size_t most = cells_needed();
    if (row.cells.size() < most) {
      return fmt::format("{} cells, expected at least {}", row.cells.size(), most);
    }
    example.text = row.cells[*places_.text];
    if (places_.pair) example.pair = row.cells[*places_.pair];
    if (places_.id && *places_.id < row.cells.size()) example.id = row.cells[*places_.id];
    if (need_ == LabelNeed::required) {
      if (trim(example.text).empty()) return "the text is empty";
      if (example.pair && trim(*example.pair).empty()) return "the second text is empty";
    }
    if (!is_valid_utf8(example.text) || (example.pair && !is_valid_utf8(*example.pair))) {
      return "the text is not UTF-8";
    }
    return "";
  }
  // Likewise, of the label.
  std::string read_label(const TableRow& row, TextExample& example) const {
    if (!places_.label || *places_.label >= row.cells.size()) return "";
    const std::string label(trim(row.cells[*places_.label]));
    if (label.empty()) return need_ == LabelNeed::required ? "the label is empty" : "";
    if (options_.kind == TaskKind::regress && !is_real(label)) {
      return fmt::format("the label is '{}', expected a finite number", label);
    }
    const auto& labels = options_.labels;
    if (need_ == LabelNeed::required && options_.kind != TaskKind::regress && !labels.empty() &&
        std::find(labels.begin(), labels.end(), label) == labels.end()) {
      return fmt::format("the label is '{}', expected one of: {}", label, fmt::join(labels, ", "));
    }
    example.label = label;
    return "";
  }

 private:
  std::size_t cells_needed() const {
    std::size_t most = std::max(*places_.text, places_.pair.value_or(0)) + 1;
    if (need_ == LabelNeed::optional) return most;
    for (const auto& place : {places_.label, places_.id}) {
      if (place) most = std::max(most, *place + 1);
    }
    return most;
  }

  const TaskOptions& options_;
  const Places& places_;
  LabelNeed need_;
};

// Takes away the labels of a test set that has -1 for each of them.
void drop_absent_labels(std::vector<TextExample>& examples, const TaskOptions& options) {
  const std::vector<std::string>& labels = options.labels;
  if (std::find(labels.begin(), labels.end(), "-1") != labels.end()) return;
  const auto is_absent = [](const TextExample& row) {
    return row.label == "-1" || row.label == "-1.0";
  };
  if (!std::all_of(examples.begin(), examples.end(), is_absent)) return;
  for (TextExample& row : examples) row.label.reset();
}

// An object without the key reads as an empty text; where none has it, it is called otherwise.
void require_texts(const Table& table, const std::vector<TextExample>& examples) {
  const bool any = std::any_of(examples.begin(), examples.end(),
                               [](const TextExample& row) { return !trim(row.text).empty(); });
  if (any || examples.empty()) return;
  throw DataError(
      fmt::format("{}: not one row has a text; are task.columns the right ones?", table.path));
}

std::vector<std::string> keys_of(const TaskOptions& options) {
  const TaskLayout* layout = find_layout(options.name);
  const bool named = !options.columns.text.empty();
  if (!named && layout == nullptr) return {};
  const TaskColumns& columns = named ? options.columns : layout->columns;
  std::vector<std::string> keys;
  for (const std::string& key : {columns.text, columns.pair, columns.label, columns.id}) {
    if (!key.empty()) keys.push_back(key);
  }
  return keys;
}

}  // namespace

bool is_column_number(const std::string& column) {
  return !column.empty() && column.find_first_not_of("0123456789") == std::string::npos;
}

const TaskLayout* find_layout(const std::string& name) {
  using K = TaskKind;
  using M = TaskMetric;
  static const std::vector<TaskLayout> layouts{
      {"cola",
       K::classify,
       M::matthews,
       {"sentence", "", "label", "index"},
       {"4", "", "2", ""},
       {"0", "1"}},
      {"sst2",
       K::classify,
       M::accuracy,
       {"sentence", "", "label", "index"},
       {"1", "", "2", ""},
       {"0", "1"}},
      {"mrpc", K::pair, M::f1, {"#1 String", "#2 String", "Quality", "index"}, {}, {"0", "1"}},
      {"qqp", K::pair, M::f1, {"question1", "question2", "is_duplicate", "id"}, {}, {"0", "1"}},
      {"stsb",
       K::regress,
       M::pearson,
       {"sentence1", "sentence2", "score", "index"},
       {"1", "2", "3", ""},
       {}},
      {"mnli",
       K::pair,
       M::accuracy,
       {"sentence1", "sentence2", "gold_label", "index"},
       {},
       {"entailment", "neutral", "contradiction"}},
      {"qnli",
       K::pair,
       M::accuracy,
       {"question", "sentence", "label", "index"},
       {},
       {"entailment", "not_entailment"}},
      {"rte",
       K::pair,
       M::accuracy,
       {"sentence1", "sentence2", "label", "index"},
       {},
       {"entailment", "not_entailment"}},
      {"wnli", K::pair, M::accuracy, {"sentence1", "sentence2", "label", "index"}, {}, {"0", "1"}},
  };
  const auto found = std::find_if(layouts.begin(), layouts.end(),
                                  [&name](const auto& layout) { return layout.name == name; });
  return found == layouts.end() ? nullptr : &*found;
}

bool is_mismatched(const TextExample& example) {
  const std::size_t name = example.place.find_last_of('/') + 1;  // 0 where there is no slash
  return example.place.find("mismatched", name) != std::string::npos;
}

TextExamples read_text_examples(const std::string& path, const TaskOptions& options,
                                LabelNeed need) {
  const TaskFormat format =
      options.format == TaskFormat::automatic ? format_of(path) : options.format;
  if (format == TaskFormat::conll || format == TaskFormat::squad) {
    throw DataError(fmt::format("{}: a set of texts is a TSV, CSV or JSONL file", path));
  }
  Table table = read_table(path, format, keys_of(options));
  const Places places = ColumnFinder(table, options, need).find();
  const RowReader reader(options, places, need);
  TextExamples result;
  result.bad_rows = std::move(table.bad_rows);
  for (std::size_t i = places.rows_to_skip; i < table.rows.size(); ++i) {
    TextExample example;
    example.place = table.place(table.rows[i]);
    std::string reason = reader.read(table.rows[i], example);
    const std::string label_reason =
        reason.empty() ? reader.read_label(table.rows[i], example) : "";
    if (reason.empty() && need == LabelNeed::required) reason = label_reason;
    if (!reason.empty()) {
      result.bad_rows.push_back({example.place, reason});
      continue;
    }
    if (!label_reason.empty()) {
      result.odd_labels.push_back({example.place, label_reason + "; it is not scored"});
    }
    if (example.id.empty()) {
      const auto header = static_cast<std::int64_t>(places.rows_to_skip);
      example.id = std::to_string(table.rows[i].index - header);
    }
    result.examples.push_back(std::move(example));
  }
  if (need == LabelNeed::optional) {
    require_texts(table, result.examples);
    drop_absent_labels(result.examples, options);
  }
  return result;
}

}  // namespace bertyard
