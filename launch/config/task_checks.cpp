// SPDX-License-Identifier: Apache-2.0
#include "launch/config/task_checks.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/tasks/text_examples.h"
#include "launch/config/config_field.h"
#include "launch/config/field_checks.h"
#include "launch/config/grid_value.h"

namespace bertyard {
namespace {

constexpr const char* kKind = "task.kind";
constexpr const char* kText = "task.columns.text";
constexpr const char* kPair = "task.columns.pair";
constexpr const char* kLabel = "task.columns.label";
constexpr const char* kId = "task.columns.id";
constexpr const char* kLabels = "task.labels";
constexpr const char* kMetric = "task.metric";
constexpr std::size_t kMostDigits = 6;  // of a column

class TaskChecks : FieldChecks {
 public:
  TaskChecks(const LoadedConfig& loaded, const ConfigLayers& layers, ConfigErrors& errors)
      : FieldChecks(loaded, layers, errors), task_(loaded.config.task) {}

  void run() const {
    if (task_.kind == TaskKind::none || !all_read({kKind})) return;
    named_set();
    columns();
    columns_by_number();
    labels();
    metric();
    const FinetuneSection& grid = loaded_.config.finetune;
    once("finetune.lr", grid.learning_rates);
    once("finetune.batch", grid.batches);
    once("finetune.epochs", grid.epochs);
    once("finetune.seeds", grid.seeds);
  }

 private:
  void named_set() const {
    const std::string name = "task.name";
    const TaskLayout* layout = find_layout(task_.name);
    if (layout == nullptr || layout->kind == task_.kind || !all_read({name})) return;
    RunConfig right;
    right.task.kind = layout->kind;
    mistake({kKind, name},
            fmt::format("{} is not the kind of {}; use kind: {}, or another name for a set of "
                        "your own",
                        shown(kKind), shown(name), find_field(kKind)->write(right, 0)));
  }
  void columns() const {
    if (!all_read({kText, kPair})) return;
    if (task_.columns.text.empty()) return columns_without_text();
    const bool has_pair = !task_.columns.pair.empty();
    if (task_.kind == TaskKind::pair && !has_pair) {
      mistake({kKind, kText}, fmt::format("{} needs the column of the second text beside {}; set "
                                          "'{}', or use kind: classify",
                                          shown(kKind), shown(kText), kPair));
    } else if (task_.kind == TaskKind::classify && has_pair) {
      mistake({kKind, kPair}, fmt::format("{} is a class for one text, {} names a second; use "
                                          "kind: pair",
                                          shown(kKind), shown(kPair)));
    }
  }
  // Numbers say that there is no header.
  void columns_by_number() const {
    const TaskColumns& columns = task_.columns;
    if (!is_column_number(columns.text)) return;
    std::vector<std::string> numbers, names;
    for (const auto& [key, column] :
         {std::pair(kText, columns.text), std::pair(kPair, columns.pair),
          std::pair(kLabel, columns.label), std::pair(kId, columns.id)}) {
      if (column.empty() || !all_read({key})) continue;
      (is_column_number(column) ? numbers : names).push_back(key);
      if (is_column_number(column) && (column.size() > kMostDigits || std::stol(column) == 0)) {
        return mistake({key}, fmt::format("{} is no number of a column, expected 1 to 999999; the "
                                          "first column is 1",
                                          shown(key)));
      }
    }
    if (numbers.empty() || names.empty()) return;
    mistake({numbers.front(), names.front()},
            fmt::format("{} is a number and {} a name; give numbers for all columns where the "
                        "files have no header, else names for all",
                        shown(numbers.front()), shown(names.front())));
  }
  void labels() const {
    if (task_.labels.empty() || !all_read({kLabels})) return;
    std::set<std::string> known;
    for (const std::string& label : task_.labels) {
      if (known.insert(label).second) continue;
      return mistake({kLabels}, fmt::format("{} has '{}' twice; labels are numbered as they stand "
                                            "there, so name each once",
                                            shown(kLabels), label));
    }
    const bool decides = task_.kind != TaskKind::regress && task_.kind != TaskKind::qa;
    if (decides && known.size() == 1) {
      mistake({kLabels}, fmt::format("{} is one label, expected at least two; name the others too, "
                                     "or remove it, and the labels are those of the data",
                                     shown(kLabels)));
    }
  }
  void metric() const {
    using enum TaskMetric;
    static const std::map<TaskKind, std::vector<TaskMetric>> kOfKind{
        {TaskKind::classify, {accuracy, f1, macro_f1, matthews}},
        {TaskKind::pair, {accuracy, f1, macro_f1, matthews}},
        {TaskKind::regress, {pearson, spearman}},
        {TaskKind::tag, {span_f1, accuracy}},
        {TaskKind::qa, {squad, cmrc, f1}}};
    const auto& of_kind = kOfKind.at(task_.kind);
    const bool is_of_kind =
        std::find(of_kind.begin(), of_kind.end(), task_.metric) != of_kind.end();
    if (task_.metric == automatic || is_of_kind || !all_read({kMetric})) return;
    std::vector<std::string> names;
    for (const TaskMetric metric : of_kind) {
      RunConfig right;
      right.task.metric = metric;
      names.push_back(find_field(kMetric)->write(right, 0));
    }
    mistake({kMetric, kKind}, fmt::format("{} has no {}; use auto, or one of: {}", shown(kKind),
                                          shown(kMetric), fmt::join(names, ", ")));
  }
  void columns_without_text() const {
    for (const std::string key : {kLabel, kPair, kId}) {
      if (!all_read({key}) || value(key) == find_field(key)->write(RunConfig(), 0)) continue;
      mistake({key}, fmt::format("{} has no effect without '{}'; set that too", shown(key), kText));
    }
  }

  // Values that are the same in the name of a run are one.
  template <typename T>
  void once(const std::string& key, const std::vector<T>& values) const {
    std::set<std::string> names;
    for (const T value : values) {
      const std::string name = grid_value_text(value);
      if (names.insert(name).second || !all_read({key})) continue;
      return mistake({key}, fmt::format("{} has {} twice, and a training of its own for each; "
                                        "remove one of them",
                                        shown(key), name));
    }
  }

  const TaskOptions& task_;
};

}  // namespace

void check_task(const LoadedConfig& loaded, const ConfigLayers& layers, ConfigErrors& errors) {
  TaskChecks(loaded, layers, errors).run();
}

}  // namespace bertyard
