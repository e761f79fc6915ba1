// SPDX-License-Identifier: Apache-2.0
#include "data/tasks/task_set.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/data/task_files.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Ids of the words that stand in this list, from 5.
class TaskSamples : public TaskFiles {
 protected:
  TaskSamples()
      : vocabulary_({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "d", "e", "f",
                     "##b", "?"}),
        tokenizer_(vocabulary_, {}) {}

  TaskSet encode(const TaskOptions& task, const std::vector<std::string>& files, int length,
                 LabelNeed need = LabelNeed::required) {
    TaskExamples examples = read_task(files, task, need);
    labels_ = task_labels(task, examples);
    return TaskSet(std::move(examples), {task, labels_, tokenizer_, vocabulary_, length});
  }
  static StoredSample sample(const TaskSet& set, std::uint64_t index) {
    StoredSample sample;
    set.read(index, sample);
    return sample;
  }

  Vocabulary vocabulary_;
  Tokenizer tokenizer_;
  std::vector<std::string> labels_;
};

TEST_F(TaskSamples, PairsLoseTheEndOfTheLongerText) {
  TaskOptions task = options(TaskKind::pair);
  task.columns = {"1", "2", "3", ""};

  const TaskSet set = encode(task, {write("a.tsv", "a b c d e\ta b\tx\nf\te\ty\n")}, 8);

  const StoredSample cut = sample(set, 0);
  EXPECT_THAT(cut.tokens, ElementsAre(2, 5, 6, 7, 3, 5, 6, 3));  // [CLS] a b c [SEP] a b [SEP]
  EXPECT_THAT(cut.segments, ElementsAre(0, 0, 0, 0, 0, 1, 1, 1));
  EXPECT_THAT(cut.task_labels, ElementsAre(0));
  EXPECT_THAT(sample(set, 1).tokens, ElementsAre(2, 10, 3, 9, 3));
  EXPECT_EQ(set.truncated(), 1u);
  EXPECT_THAT(set.label_counts(), ElementsAre(1, 1));
}

TEST_F(TaskSamples, LabelsStandAtFirstPiecesAndLongSentencesAreCutBetweenWords) {
  const TaskSet set = encode(options(TaskKind::tag),
                             {write("a.conll", "ab B-X\nc O\nd O\nab O\nf B-X\ne O\na O\n")}, 8);

  ASSERT_EQ(set.size(), 2u);
  const StoredSample first = sample(set, 0), second = sample(set, 1);
  EXPECT_THAT(first.tokens, ElementsAre(2, 5, 11, 7, 8, 5, 11, 3));
  EXPECT_THAT(first.mask_positions, ElementsAre(1, 3, 4, 5));
  EXPECT_THAT(first.mask_labels, ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(second.tokens, ElementsAre(2, 10, 9, 5, 3));
  EXPECT_EQ(set.tag_windows()[1].first_word, 4u);
  EXPECT_EQ(set.tag_windows()[1].words, 3u);
}

TEST_F(TaskSamples, QuestionsGetOverlappingWindowsAndBytesBack) {
  TaskOptions task = options(TaskKind::qa);
  task.stride = 2;
  const auto path = write("a.json",
                          R"({"data": [{"paragraphs": [{"context": "a b c d e f", "qas": [
        {"id": "q", "question": "e?", "answers": [{"text": "d e", "answer_start": 6}]}]}]}]})");

  const TaskSet set = encode(task, {path}, 9);  // [CLS] e ? [SEP] + 4 + [SEP]

  ASSERT_EQ(set.size(), 2u);
  EXPECT_THAT(sample(set, 0).tokens, ElementsAre(2, 9, 12, 3, 5, 6, 7, 8, 3));
  EXPECT_THAT(sample(set, 0).task_labels, ElementsAre(0, 0));  // "e" lies beyond
  EXPECT_THAT(sample(set, 1).tokens, ElementsAre(2, 9, 12, 3, 7, 8, 9, 10, 3));
  EXPECT_THAT(sample(set, 1).task_labels, ElementsAre(5, 6));
  const AnswerWindow& window = set.answer_windows()[1];
  EXPECT_EQ(window.first_token, 4u);
  EXPECT_EQ(window.spans[1], (TextSpan{6, 7}));
  // "c" is the last but one of the first window and the first of the second.
  EXPECT_EQ(set.answer_windows()[0].is_best[2], 1);
  EXPECT_EQ(window.is_best[0], 0);
}

TEST_F(TaskSamples, AnUnknownLabelIsNamedAndNeverRight) {
  TaskOptions task = options(TaskKind::classify);
  task.columns = {"1", "", "2", ""};
  const auto train = read_task({write("a.tsv", "a\tx\nb\ty\n")}, task, LabelNeed::required);
  labels_ = task_labels(task, train);

  const TaskSet set(read_task({write("b.tsv", "c\tz\n")}, task, LabelNeed::required),
                    {task, labels_, tokenizer_, vocabulary_, 8});

  EXPECT_THAT(sample(set, 0).task_labels, ElementsAre(-1));
  ASSERT_EQ(set.examples().odd_labels.size(), 1u);
  EXPECT_THAT(set.examples().odd_labels[0].reason, HasSubstr("does not have the label 'z'"));
  EXPECT_EQ(set.labelled(), 0u);
}

TEST_F(TaskSamples, ATextThatIsEmptyIsClsAndSep) {
  const TaskSet one = encode(options(TaskKind::classify, "sst2"),
                             {write("a.tsv", "sentence\ta\n\tx\na\tx\n")}, 8, LabelNeed::optional);
  const TaskSet two = encode(options(TaskKind::regress, "stsb"), {write("b.tsv", "a\t\nb\tc\n")}, 8,
                             LabelNeed::optional);

  EXPECT_THAT(sample(one, 0).tokens, ElementsAre(2, 3));
  EXPECT_THAT(sample(two, 0).tokens, ElementsAre(2, 5, 3, 3));
}

TEST_F(TaskSamples, NoRowIsLeftOutForItsLabelWhereLabelsAreOptional) {
  TaskOptions task = options(TaskKind::classify);
  task.columns = {"1", "", "2", ""};
  task.labels = {"x", "y"};
  const auto classes = write("a.tsv", "a\tx\nb\tz\nc\t\n");
  const auto numbers = write("b.tsv", "a\tb\t1\na\tb\tnan\n");

  const TaskSet set = encode(task, {classes}, 8, LabelNeed::optional);
  const TaskSet values =
      encode(options(TaskKind::regress, "stsb"), {numbers}, 8, LabelNeed::optional);

  EXPECT_EQ(set.size(), 3u);
  EXPECT_EQ(set.labelled(), 1u);
  EXPECT_EQ(set.examples().odd_labels.size(), 1u);
  EXPECT_EQ(values.size(), 2u);
  EXPECT_EQ(values.labelled(), 1u);
  EXPECT_THAT(values.examples().odd_labels[0].reason, HasSubstr("'nan'"));
  EXPECT_EQ(read_task({classes}, task, LabelNeed::required).size(), 1u);
}

TEST(RealTasks, EveryRowOfTheSetsIsRead) {
  BERTYARD_REQUIRE_TEST_DATA("finetune/mrpc/msr-para-train.tsv");
  struct Set {
    TaskKind kind;
    const char* name;
    const char* file;
    std::size_t rows;
  };
  const std::vector<Set> sets{{TaskKind::classify, "cola", "cola/in_domain_train.tsv", 8551},
                              {TaskKind::classify, "sst2", "sst2/train.tsv", 6920},
                              {TaskKind::pair, "mrpc", "mrpc/msr-para-train.tsv", 3576},
                              {TaskKind::regress, "stsb", "stsb/stsb-en-train.csv", 5749}};
  for (const Set& set : sets) {
    TaskOptions task;
    task.kind = set.kind;
    task.name = set.name;

    const TaskExamples read = read_task({(testing::test_data() / "finetune" / set.file).string()},
                                        task, LabelNeed::required);

    EXPECT_EQ(read.size(), set.rows) << set.file;
    EXPECT_EQ(read.bad_rows.size(), 0u) << set.file;
  }
}

}  // namespace
}  // namespace bertyard
