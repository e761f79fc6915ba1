// SPDX-License-Identifier: Apache-2.0
// `finetune`, `eval` and `predict` as a user runs them: the kinds of tasks, their labels and
// answers.
#include <algorithm>
#include <filesystem>
#include <map>
#include <string>

#include "tests/launch/finetune_fixture.h"
#include "tests/launch/made_text.h"

namespace bertyard {
namespace {

using testing::Ended;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class FinetuneTaskTest : public FinetuneTest {
 protected:
  // Whether the metrics of the only training in runs/NAME have shares of right predictions.
  bool counts_right(const std::string& name) const {
    std::string metrics;
    for (const auto& entry : std::filesystem::directory_iterator(run(name))) {
      const auto file = entry.path() / "metrics.jsonl";
      if (std::filesystem::exists(file)) metrics += read(file);
    }
    EXPECT_THAT(metrics, HasSubstr("\"loss\":"));
    return metrics.find("\"right\":") != std::string::npos;
  }
};

TEST_F(FinetuneTaskTest, EvalScoresTheRowsThatFinetuneScores) {
  write("valid.tsv", made_sentences(20) + "a good day\tstrange\n");
  const Ended trained = finetune(0, "tuned", {"task.valid=[valid.tsv]", "task.labels=[0,1]"});
  ASSERT_EQ(trained.code, 0) << trained.errors;
  EXPECT_THAT(trained.errors, HasSubstr("does not have the label 'strange'"));

  const Ended scored = run_program({"eval", "runs/tuned", "--data", "valid.tsv", "--json"});

  ASSERT_EQ(scored.code, 0) << scored.errors;
  const auto best = nlohmann::json::parse(read(run("tuned") / "results.json"))["best"];
  const auto found = nlohmann::json::parse(scored.output);
  EXPECT_EQ(found["examples"], 21);
  EXPECT_EQ(found["odd_labels"], 1);
  EXPECT_DOUBLE_EQ(found["accuracy"], best["scores"]["accuracy"]);
  EXPECT_LT(found["accuracy"], 1.0);
  EXPECT_NEAR(found["loss"].get<double>(), best["held_out_loss"].get<double>(), 1e-5);
}

TEST_F(FinetuneTaskTest, EveryRowIsAnsweredOrTheExitCodeTells) {
  ASSERT_EQ(finetune(0, "tuned", {"finetune.epochs=1"}).code, 0);
  write("odd.tsv", "sentence\tlabel\na good day\t-1\n\t-1\nb bad day\t-1\n");
  write("bad.tsv", "sentence\tlabel\na good day\t1\n\xff\xfe\t0\nb bad day\t0\n");
  const auto predict = [&](const std::string& file, const std::string& to) {
    return run_program({"predict", "runs/tuned", "--data", file, "--to", to});
  };

  const Ended all = predict("odd.tsv", "all");
  EXPECT_EQ(all.code, 0) << all.errors;
  EXPECT_EQ(std::ranges::count(read("all/SST-2.tsv"), '\n'), 4);
  expect_error(predict("bad.tsv", "some"), 3,
               {"bad.tsv: 1 row(s) have no answer", "bad.tsv:3: the text is not UTF-8"});
  EXPECT_THAT(read("some/SST-2.tsv"), HasSubstr("\n2\t"));
  EXPECT_EQ(std::ranges::count(read("some/SST-2.tsv"), '\n'), 3);
}

TEST_F(FinetuneTaskTest, TagsFromAPretrainedRunWithEitherHead) {
  ASSERT_EQ(train(0, "pretrained").code, 0);
  std::string rows;
  for (int i = 0; i < 60; ++i) {
    const std::string word(1, static_cast<char>('a' + i % 25));
    rows += "the O\nking B-PER\n" + word + " I-PER\nwent O\n\n";
  }
  write("train.conll", rows);
  const Arguments tag{"task.kind=tag", "task.name=names", "task.train=[train.conll]",
                      "model.from=runs/pretrained", "tokenizer.vocab=null"};
  const std::map<std::string, std::string> notes{
      {"linear", ""},
      {"crf", "transformers does not know the CRF"},
      {"bilstm", "transformers has no BiLSTM below its labels"},
      {"bilstm_crf", "transformers has no BiLSTM below its labels"}};

  for (const auto& [name, note] : notes) {
    // A recurrence begins from nothing and takes longer.
    const std::string epochs = name.starts_with("bilstm") ? "[32]" : "[8]";
    const Ended ended =
        finetune(0, name, with(tag, {"finetune.head=" + name, "finetune.epochs=" + epochs}));
    ASSERT_EQ(ended.code, 0) << ended.errors;
    EXPECT_THAT(ended.output, HasSubstr("span_f1 100.00 -> ")) << name;
    EXPECT_EQ(counts_right(name), !name.ends_with("crf")) << name;
    const Ended predicted =
        run_program({"predict", "runs/" + name, "--data", "train.conll", "--to", "out-" + name});
    EXPECT_EQ(predicted.code, 0) << predicted.errors;
    EXPECT_THAT(read("out-" + name + "/predictions.conll"),
                StartsWith("the O O\nking B-PER B-PER\na I-PER I-PER\nwent O O\n\n"));
    EXPECT_THAT(predicted.output, HasSubstr("processed 240 tokens with 60 phrases"));
    const Ended exported =
        run_program({"export", "runs/" + name, "--to", "hf-" + name, "--verify"});
    EXPECT_EQ(exported.code, 0) << exported.errors;
    EXPECT_THAT(exported.errors, HasSubstr(note));
    EXPECT_EQ(exported.errors.empty(), note.empty()) << exported.errors;
  }
  expect_error(finetune(0, "x", with(tag, {"finetune.head=bilstm", "precision=bf16"})), 2,
               {"finetune.head: bilstm computes in fp32 alone; set precision to fp32"});
}

TEST_F(FinetuneTaskTest, LabelsOutsideTheTasksOwnAreNamedOnceARow) {
  std::string rows;
  for (int i = 0; i < 60; ++i) rows += "the O\nking B-PER\nday B-DAY\nnight B-DAY\n\n";
  write("train.conll", rows);
  write("valid.conll", "the O\nking B-PER\n\n");

  const Ended ended =
      finetune(0, "names",
               {"task.kind=tag", "task.name=names", "task.train=[train.conll]",
                "task.valid=[valid.conll]", "task.labels=[O,B-PER]", "finetune.epochs=1"});

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.errors,
              HasSubstr("train.conll: 60 rows have labels outside task.labels, which are not"));
  EXPECT_THAT(ended.errors, HasSubstr("train.conll:1: the model does not have the label 'B-DAY'"));
}

TEST_F(FinetuneTaskTest, RegressionAndQuestions) {
  write("pairs.tsv", made_pairs(60, 23));
  write("squad.json", made_questions(60, 20));

  const Ended numbers =
      finetune(0, "sts", {"task.kind=regress", "task.name=stsb", "task.train=[pairs.tsv]"});
  const Ended answers =
      finetune(0, "squad", {"task.kind=qa", "task.name=squad", "task.train=[squad.json]"});

  EXPECT_EQ(numbers.code, 0) << numbers.errors;
  EXPECT_THAT(numbers.output, HasSubstr("pearson"));
  EXPECT_FALSE(counts_right("sts"));
  EXPECT_TRUE(counts_right("squad"));
  EXPECT_EQ(answers.code, 0) << answers.errors;
  EXPECT_THAT(answers.errors, HasSubstr("task.stride: windows every 128 tokens do not overlap"));
  const Ended predicted =
      run_program({"predict", "runs/squad", "--data", "squad.json", "--to", "answers"});
  EXPECT_EQ(predicted.code, 0) << predicted.errors;
  EXPECT_THAT(read("answers/predictions.json"), HasSubstr("\"0\": \""));
  EXPECT_THAT(read("answers/nbest_predictions.json"), HasSubstr("\"probability\": "));
  EXPECT_THAT(read(run("squad") / "best/config.json"), HasSubstr("\"BertForQuestionAnswering\""));
}

TEST_F(FinetuneTaskTest, TheThresholdOfNoAnswerIsKept) {
  std::string paragraphs;
  for (int i = 0; i < 40; ++i) {
    const bool answered = i % 2 == 0;
    paragraphs += std::string(i == 0 ? "" : ",") + R"({"context": "say )" +
                  (answered ? "king king" : "a good") + R"( went home", "qas": [{"id": ")" +
                  std::to_string(i) + R"(", "question": "who )" + std::to_string(i) +
                  R"( ?", "is_impossible": )" + (answered ? "false" : "true") +
                  R"(, "answers": [)" +
                  (answered ? R"({"text": "king king", "answer_start": 4})" : "") + "]}]}";
  }
  write("squad.json", R"({"version": "v2.0", "data": [{"paragraphs": [)" + paragraphs + "]}]}");
  const Ended trained = finetune(
      0, "squad",
      {"task.kind=qa", "task.name=squad", "task.train=[squad.json]", "task.valid=[squad.json]",
       "task.max_query=8", "task.stride=8", "finetune.epochs=2"});
  ASSERT_EQ(trained.code, 0) << trained.errors;
  const auto best = nlohmann::json::parse(read(run("squad") / "results.json"))["best"];

  const Ended scored = run_program({"eval", "runs/squad", "--data", "squad.json", "--json"});

  EXPECT_EQ(scored.code, 0) << scored.errors;
  EXPECT_THAT(read(run("squad") / "best/finetune.yaml"), Not(HasSubstr("null_threshold: auto")));
  const auto found = nlohmann::json::parse(scored.output);
  EXPECT_DOUBLE_EQ(found["null_threshold"], best["scores"]["null_threshold"]);
  EXPECT_DOUBLE_EQ(found["f1"], best["scores"]["f1"]);
}

TEST_F(FinetuneTaskTest, LabelsWithoutANameAreThoseOfTheTask) {
  ASSERT_EQ(finetune(0, "tuned").code, 0);
  const auto best = run("tuned") / "best";
  nlohmann::json config = config_of("tuned");
  config["id2label"] = {{"0", "LABEL_0"}, {"1", "LABEL_1"}};
  config["label2id"] = {{"LABEL_0", 0}, {"LABEL_1", 1}};
  std::filesystem::remove(best / "finetune.yaml");
  write("runs/tuned/best/config.json", config.dump());
  write("task.yaml", "task: {kind: classify, name: sst2, max_length: 32}\n");
  const Arguments eval{"eval", "runs/tuned", "--data", "train.tsv", "--json"};

  const Ended scored = run_program(with(eval, {"--task", "task.yaml"}));
  write("task.yaml",
        "task: {kind: classify, name: sst2, max_length: 32, labels: [\"0\", \"1\", \"2\"]}\n");
  const Ended others = run_program(with(eval, {"--task", "task.yaml"}));

  EXPECT_EQ(scored.code, 0) << scored.errors;
  EXPECT_THAT(scored.output, StartsWith("{\"accuracy\":1.0,"));
  EXPECT_THAT(others.errors, HasSubstr("the model does not have the label '1'"));
}

TEST_F(FinetuneTaskTest, WithoutALabelThatIsUsedNothingIsTrained) {
  std::string rows, header = "text\tclass\n";
  for (int i = 0; i < 20; ++i) rows += "the O\nday B-DAY\n\n";
  for (int i = 0; i < 20; ++i) header += "a day\t" + std::to_string(i % 2) + "\n";
  write("days.conll", rows);
  write("names.conll", "the O\nking B-PER\n\n");
  write("header.tsv", header);
  const Arguments tag{"task.kind=tag", "task.name=names", "task.labels=[B-PER,I-PER]"};

  expect_error(finetune(0, "x", with(tag, {"task.train=[days.conll]", "task.valid=[names.conll]"})),
               3,
               {"days.conll", "expected labels to use as task.train, found none in its",
                "the model does not have the label 'O'", "set task.labels"});
  expect_error(finetune(0, "x", with(tag, {"task.train=[names.conll]", "task.valid=[days.conll]"})),
               3, {"days.conll: expected labels to use as task.valid, found none in its 20 rows"});
  expect_error(finetune(0, "x",
                        {"task.train=[header.tsv]", "task.name=own", "task.columns.text=1",
                         "task.columns.label=2"}),
               3, {"header.tsv:1: the label 'class' stands in line 1 alone", "by their names"});
}

}  // namespace
}  // namespace bertyard
