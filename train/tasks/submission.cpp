// SPDX-License-Identifier: Apache-2.0
#include "train/tasks/submission.h"

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "data/files/atomic_file.h"
#include "data/files/directories.h"

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

using Wanted = bool (*)(const TextExample&);

// Nothing where no example is wanted.
std::string table_text(const TaskSet& set, const TaskPredictions& predictions, Wanted wanted) {
  std::string text;
  const auto& examples = set.examples().texts;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    if (!wanted(examples[i])) continue;
    if (text.empty()) text = "index\tprediction\n";
    const std::string prediction =
        predictions.values.empty() ? set.labels()[static_cast<std::size_t>(predictions.classes[i])]
                                   : fmt::format("{:.3f}", predictions.values[i]);
    text += fmt::format("{}\t{}\n", examples[i].id, prediction);
  }
  return text;
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
    const auto write_table = [&](const std::string& name, Wanted wanted) {
      const std::string text = table_text(set, predictions, wanted);
      if (!text.empty()) write(name, text);
    };
    if (options.name == "mnli") {
      write_table("MNLI-m.tsv", [](const TextExample& row) { return !is_mismatched(row); });
      write_table("MNLI-mm.tsv", is_mismatched);
    } else {
      write_table(table_name(options), [](const TextExample&) { return true; });
    }
  }
  return written;
}

}  // namespace bertyard
