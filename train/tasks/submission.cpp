// SPDX-License-Identifier: Apache-2.0
#include "train/tasks/submission.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/files/atomic_file.h"
#include "data/files/directories.h"
#include "data/tasks/text_examples.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string table_name(const TaskOptions& options) {
  struct Name {
    std::string_view task;
    const char* file;
  };
  constexpr std::array<Name, 8> kNames{{{"cola", "CoLA"},
                                        {"sst2", "SST-2"},
                                        {"mrpc", "MRPC"},
                                        {"qqp", "QQP"},
                                        {"stsb", "STS-B"},
                                        {"qnli", "QNLI"},
                                        {"rte", "RTE"},
                                        {"wnli", "WNLI"}}};
  for (const Name& name : kNames) {
    if (options.name == name.task) return fmt::format("{}.tsv", name.file);
  }
  return "predictions.tsv";
}

// GLUE's diagnostic set, which MNLI's model answers, by the name of its file: AX.tsv,
// diagnostic-full.tsv.
bool is_diagnostic(const TextExample& row) {
  std::string name = fs::path(row.place).filename().string();
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name.starts_with("ax.") || name.find("diagnostic") != std::string::npos;
}

// The table that a row belongs to.
std::string table_name(const TaskOptions& options, const TextExample& row) {
  if (options.name != "mnli") return table_name(options);
  if (is_diagnostic(row)) return "AX.tsv";
  return is_mismatched(row) ? "MNLI-mm.tsv" : "MNLI-m.tsv";
}

// By the name of the file.
std::map<std::string, std::string> prediction_tables(const TaskSet& set, const TaskOptions& options,
                                                     const TaskPredictions& predictions) {
  std::map<std::string, std::string> tables;
  const auto& examples = set.examples().texts;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    std::string& table = tables[table_name(options, examples[i])];
    if (table.empty()) table = "index\tprediction\n";
    const std::string prediction =
        predictions.values.empty() ? set.labels()[static_cast<std::size_t>(predictions.classes[i])]
                                   : fmt::format("{:.3f}", predictions.values[i]);
    table += fmt::format("{}\t{}\n", examples[i].id, prediction);
  }
  return tables;
}

std::string conll_text(const TaskSet& set, const TaskPredictions& predictions) {
  std::string text;
  const auto& examples = set.examples().tags;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    for (std::size_t w = 0; w < examples[i].words.size(); ++w) {
      const bool labelled = !examples[i].labels.empty();
      text += fmt::format("{} {}{}\n", examples[i].words[w],
                          labelled ? examples[i].labels[w] + " " : std::string(),
                          predictions.tags[i][w]);
    }
    text += "\n";
  }
  return text;
}

// The three files of BERT's run_squad.py.
struct AnswerFiles {
  Json answers = Json::object(), best = Json::object(), odds = Json::object();
};

AnswerFiles answer_files(const TaskSet& set, const TaskPredictions& predictions) {
  AnswerFiles files;
  const auto& examples = set.examples().answers;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const std::string& id = examples[i].id;
    files.answers[id] = given_answer(predictions, i, set.examples().version_2);
    files.odds[id] = predictions.answers[i].null_odds;
    Json ranked = Json::array();
    for (const RankedAnswer& answer : predictions.answers[i].ranked) {
      ranked.push_back({{"text", answer.text},
                        {"probability", answer.probability},
                        {"start_logit", answer.start_logit},
                        {"end_logit", answer.end_logit}});
    }
    files.best[id] = std::move(ranked);
  }
  return files;
}

}  // namespace

std::vector<fs::path> write_submission(const fs::path& directory, const TaskSet& set,
                                       const TaskOptions& options,
                                       const TaskPredictions& predictions) {
  make_directories(directory);
  std::vector<fs::path> written;
  const auto write = [&](const std::string& name, const std::string& text) {
    written.push_back(directory / name);
    write_file_atomically(written.back(), text);
  };
  if (options.kind == TaskKind::tag) {
    write("predictions.conll", conll_text(set, predictions));
  } else if (options.kind == TaskKind::qa) {
    const AnswerFiles files = answer_files(set, predictions);
    write("predictions.json", files.answers.dump(2) + "\n");
    write("nbest_predictions.json", files.best.dump(2) + "\n");
    if (set.examples().version_2) write("null_odds.json", files.odds.dump(2) + "\n");
  } else {
    for (const auto& [name, table] : prediction_tables(set, options, predictions)) {
      write(name, table);
    }
  }
  return written;
}

}  // namespace bertyard
