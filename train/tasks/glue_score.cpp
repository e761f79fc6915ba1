// SPDX-License-Identifier: Apache-2.0
#include "train/tasks/glue_score.h"

#include <vector>

#include "data/tasks/text_examples.h"

namespace bertyard {
namespace {

std::vector<std::string> counted(const std::string& task,
                                 const std::map<std::string, double>& figures) {
  if (task == "mrpc" || task == "qqp") return {"f1", "accuracy"};
  if (task == "stsb") return {"pearson", "spearman"};
  if (task == "cola") return {"matthews"};
  if (task != "mnli") return {"accuracy"};
  std::vector<std::string> parts;
  for (const char* name : {"accuracy_m", "accuracy_mm"}) {
    if (figures.contains(name)) parts.emplace_back(name);
  }
  return parts;
}

}  // namespace

std::optional<double> glue_score(const std::string& task,
                                 const std::map<std::string, double>& figures) {
  if (find_layout(task) == nullptr) return std::nullopt;
  const std::vector<std::string> names = counted(task, figures);
  double sum = 0;
  for (const std::string& name : names) {
    const auto found = figures.find(name);
    if (found == figures.end()) return std::nullopt;
    sum += found->second;
  }
  if (names.empty()) return std::nullopt;
  return sum / static_cast<double>(names.size());
}

}  // namespace bertyard
