// SPDX-License-Identifier: Apache-2.0
// MNLI is predicted and scored on two sets at once: matched and mismatched genres.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "data/files/file_writer.h"
#include "tests/support/test_data.h"
#include "tests/train/expect_error.h"
#include "train/tasks/submission.h"

namespace bertyard {
namespace {

using Figures = std::vector<std::pair<std::string, double>>;
using ::testing::Contains;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

class Mnli : public ::testing::Test {
 protected:
  Mnli() {
    options_.kind = TaskKind::pair;
    options_.name = "mnli";
  }
  // Rows with these gold labels in a file of this name.
  std::string file(const std::string& name, const std::vector<std::string>& labels) const {
    std::string text = "index\tsentence1\tsentence2\tgold_label\n";
    for (std::size_t i = 0; i < labels.size(); ++i) {
      text += std::to_string(i) + "\ta\tb\t" + labels[i] + "\n";
    }
    std::ofstream(directory_ / name) << text;
    return (directory_ / name).string();
  }
  TaskSet set_of(const std::vector<std::string>& paths) const {
    TaskExamples examples = read_task(paths, options_, LabelNeed::required);
    const std::vector<std::string> labels = task_labels(options_, examples);
    const Tokenizer tokenizer(vocabulary_, TokenizerOptions());
    return TaskSet(std::move(examples), {options_, labels, tokenizer, vocabulary_, 16});
  }
  static TaskPredictions predictions(const std::vector<int>& classes) {
    TaskPredictions result;
    result.classes = classes;
    return result;
  }

  testing::TemporaryDirectory directory_;
  TaskOptions options_;
  const Vocabulary vocabulary_{{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"}};
};

TEST_F(Mnli, BothSetsHaveTheirScore) {
  const TaskSet set = set_of({file("dev_matched.tsv", {"entailment", "neutral", "neutral"}),
                              file("dev_mismatched.tsv", {"contradiction", "entailment"})});

  const TaskScores scores = score_task(set, options_, predictions({0, 1, 2, 2, 1}));

  EXPECT_EQ(scores.main_name(), "accuracy");
  EXPECT_DOUBLE_EQ(scores.main(), 3.0 / 5);
  EXPECT_THAT(scores.figures, Contains(Pair("accuracy_m", 2.0 / 3)));
  EXPECT_THAT(scores.figures, Contains(Pair("accuracy_mm", 1.0 / 2)));
}

TEST_F(Mnli, OneSetAloneHasItsOwn) {
  const TaskSet set = set_of({file("dev_mismatched.tsv", {"neutral", "neutral"})});

  const TaskScores scores = score_task(set, options_, predictions({1, 0}));

  EXPECT_THAT(scores.figures, Contains(Pair("accuracy_mm", 0.5)));
  EXPECT_THAT(scores.figures, Not(Contains(Key("accuracy_m"))));
}

TEST_F(Mnli, RowsWithoutALabelAreNotScoredAndThoseWithAStrangeOneAreWrong) {
  const auto path = file("dev_matched.tsv", {"neutral", "", "strange"});
  TaskExamples examples = read_task({path}, options_, LabelNeed::optional);
  const std::vector<std::string> labels = task_labels(options_, examples);
  const Tokenizer tokenizer(vocabulary_, TokenizerOptions());
  const TaskSet set(std::move(examples), {options_, labels, tokenizer, vocabulary_, 16});

  const TaskScores scores = score_task(set, options_, predictions({1, 0, 0}));

  EXPECT_DOUBLE_EQ(scores.main(), 1.0 / 2);
  EXPECT_THAT(scores.figures, Contains(Pair("accuracy_m", 1.0 / 2)));
}

TEST_F(Mnli, BothSetsHaveTheirSubmission) {
  const TaskSet set = set_of({file("test_matched.tsv", {"entailment", "neutral"}),
                              file("test_mismatched.tsv", {"contradiction"})});

  const auto written = write_submission(directory_ / "out", set, options_, predictions({0, 1, 2}));

  ASSERT_EQ(written.size(), 2u);
  EXPECT_EQ(read_file(directory_ / "out/MNLI-m.tsv"),
            "index\tprediction\n0\tentailment\n1\tneutral\n");
  EXPECT_EQ(read_file(directory_ / "out/MNLI-mm.tsv"), "index\tprediction\n0\tcontradiction\n");
}

TEST_F(Mnli, TheDiagnosticSetHasItsOwnFile) {
  const TaskSet set = set_of({file("dev_matched.tsv", {"entailment"}), file("AX.tsv", {"neutral"}),
                              file("dev_mismatched.tsv", {"contradiction"})});

  write_submission(directory_ / "out", set, options_, predictions({0, 1, 2}));

  EXPECT_EQ(read_file(directory_ / "out/MNLI-m.tsv"), "index\tprediction\n0\tentailment\n");
  EXPECT_EQ(read_file(directory_ / "out/MNLI-mm.tsv"), "index\tprediction\n0\tcontradiction\n");
  EXPECT_EQ(read_file(directory_ / "out/AX.tsv"), "index\tprediction\n0\tneutral\n");
}

}  // namespace
}  // namespace bertyard
