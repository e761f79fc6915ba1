// SPDX-License-Identifier: Apache-2.0
#include "launch/config/task_checks.h"

#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "data/tasks/text_examples.h"
#include "launch/config/config_field.h"
#include "launch/config/field_checks.h"
#include "launch/config/grid_value.h"

namespace bertyard {
namespace {

constexpr const char* kKind = "task.kind";
constexpr const char* kText = "task.columns.text";
constexpr const char* kPair = "task.columns.pair";

class TaskChecks : FieldChecks {
 public:
  TaskChecks(const LoadedConfig& loaded, const ConfigLayers& layers, ConfigErrors& errors)
      : FieldChecks(loaded, layers, errors), task_(loaded.config.task) {}

  void run() const {
    if (task_.kind == TaskKind::none || !all_read({kKind})) return;
    named_set();
    columns();
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
  void columns_without_text() const {
    for (const std::string key : {"task.columns.label", kPair, "task.columns.id"}) {
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
