// SPDX-License-Identifier: Apache-2.0
#include "data/tasks/task_examples.h"

#include <functional>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/data/task_files.h"

namespace bertyard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(TaskFiles, ColaHasNoHeader) {
  const auto path = write("a.tsv", "gj04\t1\t\tThe crazier they get.\ngj04\t0\t*\tGet they.\n");

  const TaskExamples read =
      read_task({path}, options(TaskKind::classify, "cola"), LabelNeed::required);

  ASSERT_EQ(read.texts.size(), 2u);
  EXPECT_EQ(read.texts[1].text, "Get they.");
  EXPECT_EQ(read.texts[1].label, "0");
  EXPECT_EQ(read.texts[1].place, path + ":2");
}

TEST_F(TaskFiles, Sst2WithAndWithoutItsHeader) {
  const auto with = write("a.tsv", "sentence\tlabel\nfine \t1\n");
  const auto without = write("b.tsv", "fine\t1\ndull\t0\n");
  const auto test = write("c.tsv", "index\tsentence\n7\tfine\n");
  const TaskOptions sst2 = options(TaskKind::classify, "sst2");

  EXPECT_EQ(read_task({with}, sst2, LabelNeed::required).texts.size(), 1u);
  EXPECT_EQ(read_task({with, without}, sst2, LabelNeed::required).texts.size(), 3u);
  const TaskExamples unlabelled = read_task({test}, sst2, LabelNeed::optional);
  EXPECT_FALSE(unlabelled.has_labels());
  EXPECT_EQ(unlabelled.texts[0].id, "7");
}

TEST_F(TaskFiles, MrpcHasAByteOrderMarkAndLiteralQuotes) {
  const auto path = write("m.tsv",
                          "\xEF\xBB\xBFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n"
                          "1\t3\t4\tHe said \"no.\tHe \"said so.\r\n");

  const TaskExamples read = read_task({path}, options(TaskKind::pair, "mrpc"), LabelNeed::required);

  EXPECT_EQ(read.texts[0].text, "He said \"no.");
  EXPECT_EQ(read.texts[0].pair, "He \"said so.");
}

TEST_F(TaskFiles, CsvCellsMayHoldCommasQuotesAndLineEnds) {
  const auto path = write("s.csv", "\"A, b\",\"say \"\"x\"\"\ntwice\",2.5\nplain,text,5\n");

  const TaskExamples read =
      read_task({path}, options(TaskKind::regress, "stsb"), LabelNeed::required);

  ASSERT_EQ(read.texts.size(), 2u);
  EXPECT_EQ(read.texts[0].text, "A, b");
  EXPECT_EQ(read.texts[0].pair, "say \"x\"\ntwice");
  EXPECT_EQ(read.texts[1].place, path + ":3");
}

TEST_F(TaskFiles, NamedColumnsOfTsvAndJsonl) {
  TaskOptions named = options(TaskKind::classify);
  named.columns = {"body", "", "class", ""};
  const auto tsv = write("a.tsv", "class\tbody\ngood\tone\n");
  const auto jsonl = write("a.jsonl", "{\"body\": \"two\", \"class\": 3, \"x\": [1]}\n");

  EXPECT_EQ(read_task({tsv}, named, LabelNeed::required).texts[0].label, "good");
  EXPECT_EQ(read_task({jsonl}, named, LabelNeed::required).texts[0].label, "3");
}

TEST_F(TaskFiles, BadRowsAreNamedAndLeftOut) {
  const auto path = write("a.tsv", "sentence\tlabel\nfine\t1\nshort\n\t0\nodd\t7\nempty\t\n");

  const TaskExamples read = [&] {
    TaskOptions sst2 = options(TaskKind::classify, "sst2");
    sst2.labels = {"0", "1"};
    return read_task({path}, sst2, LabelNeed::required);
  }();

  EXPECT_EQ(read.texts.size(), 1u);
  ASSERT_EQ(read.bad_rows.size(), 4u);
  EXPECT_EQ(read.bad_rows[0].place, path + ":3");
  EXPECT_THAT(read.bad_rows[0].reason, HasSubstr("1 cells, expected at least 2"));
  EXPECT_EQ(read.bad_rows[1].reason, "the text is empty");
  EXPECT_THAT(read.bad_rows[2].reason, HasSubstr("'7', expected one of: 0, 1"));
  EXPECT_EQ(read.bad_rows[3].reason, "the label is empty");
}

TEST_F(TaskFiles, ALabelThatIsNoFiniteNumberIsNamed) {
  const auto path = write("s.tsv", "a\tb\tnan\na\tb\tinf\na\tb\t1e300\na\tb\t-2.5\n");

  const TaskExamples read =
      read_task({path}, options(TaskKind::regress, "stsb"), LabelNeed::required);

  ASSERT_EQ(read.texts.size(), 1u);
  EXPECT_EQ(read.texts[0].label, "-2.5");
  ASSERT_EQ(read.bad_rows.size(), 3u);
  EXPECT_EQ(read.bad_rows[0].reason, "the label is 'nan', expected a finite number");
}

void expect_data_error(const std::function<void()>& call, const std::string& words) {
  try {
    call();
    FAIL() << "expected a DataError with: " << words;
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr(words));
  }
}

TEST_F(TaskFiles, WhatCannotBeReadSaysWhy) {
  const auto table = write("a.tsv", "x\ty\n1\t2\n");
  const auto nothing = write("b.tsv", "sentence\tlabel\n\t1\n");
  TaskOptions named = options(TaskKind::classify);
  named.columns = {"text", "", "label", ""};

  expect_data_error([&] { read_task({table}, options(TaskKind::classify), LabelNeed::required); },
                    "set task.name to one of GLUE's sets, or task.columns");
  expect_data_error([&] { read_task({table}, named, LabelNeed::required); },
                    "expected a column 'text', found: x | y");
  expect_data_error(
      [&] { read_task({nothing}, options(TaskKind::classify, "sst2"), LabelNeed::required); },
      "not one row can be used, 1 are bad");
  expect_data_error([&] { read_task({write("a.pdf", "x")}, named, LabelNeed::required); },
                    "set task.format to tsv, csv, jsonl, conll or squad");
  expect_data_error([&] { read_task({"nowhere"}, named, LabelNeed::required); },
                    "nowhere: does not exist");
  expect_data_error([&] { read_task({write("empty.tsv", "")}, named, LabelNeed::required); },
                    "the file is empty");
  expect_data_error([&] { read_task({"/tmp"}, named, LabelNeed::required); },
                    "/tmp: a directory, expected a file of rows");
  expect_data_error([&] { read_task({table}, options(TaskKind::qa), LabelNeed::required); },
                    "expected a file in SQuAD's layout");
}

TEST_F(TaskFiles, AnOpenQuoteIsNamedByTheLineThatOpensIt) {
  const auto open = write("open.csv", "a,b,1\n\"two\nlines\",\"b,2\nc,\"\"d\"\",3\n");
  const auto closed = write("closed.csv", "a,b,1\nc,\"d\"\"\",\"3\"");
  const TaskOptions stsb = options(TaskKind::regress, "stsb");

  expect_data_error([&] { read_task({open}, stsb, LabelNeed::required); },
                    "open.csv:3: a quote is opened here and not closed before the end of the file");
  EXPECT_EQ(read_task({closed}, stsb, LabelNeed::required).texts[1].pair, "d\"");
}

TEST_F(TaskFiles, ConllSentencesEndAtBlankLines) {
  const auto path =
      write("a.conll", "-DOCSTART- O\n\nEU B-ORG\nsays O\n\t\nYes\tO\nBad\tX\n\nNo\tO\n");

  const TaskExamples read = read_task({path}, options(TaskKind::tag), LabelNeed::required);

  ASSERT_EQ(read.tags.size(), 2u);
  EXPECT_THAT(read.tags[0].words, ElementsAre("EU", "says"));
  EXPECT_THAT(read.tags[0].labels, ElementsAre("B-ORG", "O"));
  EXPECT_THAT(read.tags[1].words, ElementsAre("No"));
  ASSERT_EQ(read.bad_rows.size(), 1u);
  EXPECT_EQ(read.bad_rows[0].place, path + ":7");
  EXPECT_THAT(read.bad_rows[0].reason, HasSubstr("its sentence is left out"));
}

constexpr char kSquad[] =
    R"({"version": "v2.0", "data": [{"paragraphs": [{"context": "Élan vital is a term by Bergson.",
    "qas": [{"id": "1", "question": "Who?", "is_impossible": false,
             "answers": [{"text": "Bergson", "answer_start": 24}]},
            {"id": "2", "question": "When?", "is_impossible": true, "answers": []},
            {"id": "3", "question": "Off?", "is_impossible": false,
             "answers": [{"text": "Bergson", "answer_start": 23}]}]}]}]})";

TEST_F(TaskFiles, SquadOffsetsCountCharactersAndAreChecked) {
  TaskExamples read =
      read_task({write("a.json", kSquad)}, options(TaskKind::qa), LabelNeed::required);

  EXPECT_TRUE(read.version_2);
  ASSERT_EQ(read.answers.size(), 3u);
  EXPECT_TRUE(read.answers[0].answers[0].placed);
  EXPECT_EQ(read.answers[0].answers[0].begin, 25u);  // É has two bytes
  EXPECT_TRUE(read.answers[1].impossible);
  ASSERT_EQ(read.bad_offsets.size(), 1u);
  EXPECT_THAT(read.bad_offsets[0].reason, HasSubstr("'Bergson' does not stand at 23"));
  EXPECT_EQ(skip_unplaced_answers(read), 1u);
  EXPECT_EQ(read.answers.size(), 2u);
}

TEST_F(TaskFiles, HeldOutRowsDependOnTheirTextAlone) {
  std::string text = "sentence\tlabel\n", reversed = text;
  for (int i = 0; i < 200; ++i) {
    text += "row " + std::to_string(i) + "\t1\n";
    reversed += "row " + std::to_string(199 - i) + "\t1\n";
  }
  const TaskOptions sst2 = options(TaskKind::classify, "sst2");
  const auto split = [&](const std::string& name, const std::string& rows) {
    TaskExamples all = read_task({write(name, rows)}, sst2, LabelNeed::required);
    const TaskExamples valid = take_held_out(all, 0.2);
    EXPECT_EQ(all.size() + valid.size(), 200u);
    std::set<std::string> texts;
    for (const TextExample& example : valid.texts) texts.insert(example.text);
    return texts;
  };

  const auto first = split("a.tsv", text), second = split("b.tsv", reversed);

  EXPECT_EQ(first, second);
  EXPECT_GT(first.size(), 20u);
  EXPECT_LT(first.size(), 65u);
}

TEST_F(TaskFiles, LabelsAreOrderedAsNumbersWithOFirst) {
  const auto numbers = write("a.jsonl", "{\"t\":\"a\",\"l\":10}\n{\"t\":\"b\",\"l\":9}\n");
  TaskOptions named = options(TaskKind::classify);
  named.columns = {"t", "", "l", ""};
  const auto tags = write("a.conll", "a B-X\nb O\nc I-X\n");
  const auto labels = [](const std::string& path, const TaskOptions& task) {
    return task_labels(task, read_task({path}, task, LabelNeed::required));
  };

  EXPECT_THAT(labels(numbers, named), ElementsAre("9", "10"));
  EXPECT_THAT(labels(tags, options(TaskKind::tag)), ElementsAre("O", "B-X", "I-X"));
  expect_data_error([&] { labels(write("b.conll", "a O\n"), options(TaskKind::tag)); },
                    "expected at least two different labels, found 'O' alone");
}

TEST_F(TaskFiles, ColumnsAreNumbersFromOne) {
  const auto path = write("a.tsv", "a\tx\nb\ty\n");
  TaskOptions task = options(TaskKind::classify);
  for (const char* wrong : {"0", "label", "99999999999999999999999"}) {
    task.columns = {"1", "", wrong, ""};
    expect_data_error([&] { read_task({path}, task, LabelNeed::required); },
                      std::string("expected the number of a column, from 1, in task.columns, "
                                  "found '") +
                          wrong + "'");
  }
  task.columns = {"0", "", "1", ""};
  expect_data_error([&] { read_task({path}, task, LabelNeed::required); }, "found '0'");
}

TEST_F(TaskFiles, AHeaderIsNoLabel) {
  TaskOptions task = options(TaskKind::classify);
  task.columns = {"1", "", "2", ""};
  std::string rows;
  for (int i = 0; i < 9; ++i) rows += "a\t" + std::to_string(i % 2) + "\n";
  const auto refuse = [&](const std::string& text) {
    const auto path = write("a.tsv", text);
    refuse_header_as_label(task, read_task({path}, task, LabelNeed::required));
  };

  expect_data_error([&] { refuse("text\tclass\n" + rows); },
                    "a.tsv:1: the label 'class' stands in line 1 alone");
  EXPECT_NO_THROW(refuse("text\tclass\n" + rows.substr(4)));
  EXPECT_NO_THROW(refuse("b\t1\n" + rows));
  std::string one_of_each;
  for (int i = 0; i < 12; ++i) one_of_each += "a\tclass " + std::to_string(i) + "\n";
  EXPECT_NO_THROW(refuse(one_of_each));
  task.labels = {"class", "0", "1"};
  EXPECT_NO_THROW(refuse("text\tclass\n" + rows));
}

TEST_F(TaskFiles, AWordMayBeAnIdeographicSpace) {
  const auto path = write("a.conll", "a O\n\u3000 B-X\n \t\r\nb\tO\r\n");

  const TaskExamples read = read_task({path}, options(TaskKind::tag), LabelNeed::required);

  ASSERT_EQ(read.tags.size(), 2u);
  EXPECT_THAT(read.tags[0].words, ElementsAre("a", "\u3000"));
  EXPECT_THAT(read.tags[0].labels, ElementsAre("O", "B-X"));
  EXPECT_THAT(read.tags[1].words, ElementsAre("b"));
}

TEST_F(TaskFiles, QuestionsInHuggingFacesFormAreRead) {
  const auto path = write("a.json", R"({"data": [{"paragraphs": [{"context": "a b c", "qas": [
      {"id": 17, "question": "b?", "answers": {"text": ["b", "c"], "answer_start": [2, 4]}},
      {"id": "q2", "question": "c?", "answers": [{"text": "c"}]},
      {"id": "q3", "question": "d?", "answers": {"text": ["b", "c"], "answer_start": [2]}},
      {"id": 16, "question": "unanswered?", "answers": null},
      {"id": 1.5, "question": "e?", "answers": []}]}]}]})");

  const TaskExamples read = read_task({path}, options(TaskKind::qa), LabelNeed::required);

  ASSERT_EQ(read.answers.size(), 3u);
  EXPECT_EQ(read.answers[2].id, "16");
  EXPECT_TRUE(read.answers[2].answers.empty());
  EXPECT_EQ(read.answers[0].id, "17");
  ASSERT_EQ(read.answers[0].answers.size(), 2u);
  EXPECT_TRUE(read.answers[0].answers[1].placed);
  EXPECT_EQ(read.answers[0].answers[1].begin, 4u);
  ASSERT_EQ(read.bad_offsets.size(), 1u);
  EXPECT_THAT(read.bad_offsets[0].place, HasSubstr("(q2)"));
  EXPECT_EQ(read.bad_offsets[0].reason, "the answer 'c' has no 'answer_start'");
  ASSERT_EQ(read.bad_rows.size(), 2u);
  EXPECT_THAT(read.bad_rows[0].place, HasSubstr("(q3)"));
  EXPECT_THAT(read.bad_rows[0].reason, HasSubstr("as long as the other"));
  EXPECT_EQ(read.bad_rows[1].reason, "it has no id");
}

TEST_F(TaskFiles, TestSetsNeedNoLabels) {
  const TaskOptions sst2 = options(TaskKind::classify, "sst2");
  TaskOptions signs = sst2;
  signs.labels = {"-1", "1"};
  const auto column = write("a.tsv", "fine\ndull\n");
  const auto absent = write("b.tsv", "sentence\tlabel\nfine\t-1\ndull\t-1\n");
  const auto numbers = write("c.tsv", "a\tb\t-1.0\n");

  const auto read = [](const std::string& path, const TaskOptions& task) {
    return read_task({path}, task, LabelNeed::optional);
  };
  EXPECT_EQ(read(column, sst2).size(), 2u);
  EXPECT_EQ(read(absent, sst2).size(), 2u);
  EXPECT_FALSE(read(absent, sst2).has_labels());
  EXPECT_TRUE(read(absent, signs).has_labels());
  EXPECT_FALSE(read(numbers, options(TaskKind::regress, "stsb")).has_labels());
}

TEST_F(TaskFiles, IdsCountTheRowsOfTheFile) {
  TaskOptions named = options(TaskKind::classify);
  named.columns = {"t", "", "l", ""};
  const auto jsonl = write("a.jsonl", "{\"t\": \"a\"}\n{broken\n\n{\"t\": \"b\"}\n");
  const auto wrong = write("b.jsonl", "{\"text\": \"a\"}\n");

  const TaskExamples read = read_task({jsonl}, named, LabelNeed::optional);

  ASSERT_EQ(read.texts.size(), 2u);
  EXPECT_EQ(read.texts[1].id, "2");
  ASSERT_EQ(read.bad_rows.size(), 1u);
  EXPECT_EQ(read.bad_rows[0].place, jsonl + ":2");
  expect_data_error([&] { read_task({wrong}, named, LabelNeed::optional); },
                    "not one row has a text; are task.columns the right ones?");
}

TEST_F(TaskFiles, SentencesWithOddLabelsAreAnsweredAndNotScored) {
  const auto path = write("a.conll", "Yes O\n\nBad X\n\nNo O\nmore\n");

  const TaskExamples read = read_task({path}, options(TaskKind::tag), LabelNeed::optional);

  ASSERT_EQ(read.tags.size(), 3u);
  EXPECT_TRUE(read.tags[1].labels.empty());
  EXPECT_TRUE(read.tags[2].labels.empty());
  EXPECT_TRUE(read.has_labels());
  ASSERT_EQ(read.odd_labels.size(), 2u);
  EXPECT_THAT(read.odd_labels[0].reason, HasSubstr("'X'"));
  EXPECT_THAT(read.odd_labels[1].reason, HasSubstr("some words have no label"));
}

}  // namespace
}  // namespace bertyard
