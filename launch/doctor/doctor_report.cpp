// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "data/files/json_dump.h"
#include "launch/doctor/doctor.h"

namespace bertyard {
namespace {

using Grade = Finding::Grade;

const char* word_of(Grade grade) {
  switch (grade) {
    case Grade::ok:
      return "ok";
    case Grade::warning:
      return "warn";
    case Grade::failure:
      return "FAIL";
  }
  return "";
}

std::string counted(int count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

int count_of(const Findings& findings, Grade grade) {
  return static_cast<int>(
      std::count_if(findings.begin(), findings.end(),
                    [grade](const Finding& finding) { return finding.grade == grade; }));
}

std::string findings_text(const Findings& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text += fmt::format("[{:^4}] {:<9} {}\n", word_of(finding.grade), finding.topic, finding.text);
    if (!finding.fix.empty()) text += fmt::format("{:17}fix: {}\n", "", finding.fix);
  }
  const int failures = count_of(findings, Grade::failure);
  const int warnings = count_of(findings, Grade::warning);
  return text + fmt::format("{}, {}{}\n", counted(failures, "failure"),
                            counted(warnings, "warning"), failures > 0 ? " (exit 4)" : "");
}

std::string findings_json(const Findings& findings,
                          const std::map<std::string, std::string>& about) {
  nlohmann::ordered_json json;
  for (const auto& [name, value] : about) json[name] = value;
  json["findings"] = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    json["findings"].push_back({{"grade", word_of(finding.grade)},
                                {"topic", finding.topic},
                                {"text", finding.text},
                                {"fix", finding.fix}});
  }
  json["failures"] = count_of(findings, Grade::failure);
  json["warnings"] = count_of(findings, Grade::warning);
  return dump_json(json, 2) + "\n";
}

}  // namespace bertyard
