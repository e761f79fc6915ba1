// SPDX-License-Identifier: Apache-2.0
// Pre-training that goes on from a model, as a user runs it: `train` with model.from.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <string>

#include "tests/launch/finetune_fixture.h"

namespace bertyard {
namespace {

using testing::Ended;
using ::testing::HasSubstr;

class ContinuedTest : public FinetuneRunTest {
 protected:
  void SetUp() override {
    FinetuneRunTest::SetUp();
    const Ended first = train(0, "first");
    ASSERT_EQ(first.code, 0) << first.errors;
  }
  std::string weights_of(const std::filesystem::path& directory) const {
    return read(directory / "model.safetensors");
  }
  std::string tensor(const std::string& name, const std::string& tensor_name) const {
    const std::string text =
        run_program({"inspect", "runs/" + name, "--tensor", tensor_name}).output;
    EXPECT_THAT(text, HasSubstr("  shape"));
    return text.substr(std::min(text.size(), text.find("  shape")));
  }

  const Arguments one_still_step_{"optim.lr=1e-30", "schedule.0.until=1 steps",
                                  "optim.warmup=0 steps"};
};

TEST_F(ContinuedTest, BeginsWithTheWeightsOfARunACheckpointOrADirectory) {
  ASSERT_EQ(run_program({"export", "runs/first", "--to", "hf"}).code, 0);
  const auto newest = std::filesystem::canonical(run("first") / "checkpoints/latest");

  for (const std::string& from : {std::string("runs/first"), newest.string(), std::string("hf")}) {
    const std::string name = "from-" + std::filesystem::path(from).filename().string();
    const Ended ended = train(0, name,
                              {"model.from=" + from, "optim.lr=1e-30", "schedule.0.until=1 steps",
                               "optim.warmup=0 steps"});

    ASSERT_EQ(ended.code, 0) << ended.errors;
    EXPECT_TRUE(weights_of(run(name) / "checkpoints/latest") == weights_of(newest)) << from;
  }
}

TEST_F(ContinuedTest, ResumesWhenTheModelIsGone) {
  const Arguments from{"model.from=hf", "schedule.0.until=40 steps", "checkpoint.every=10 steps"};
  ASSERT_EQ(run_program({"export", "runs/first", "--to", "hf"}).code, 0);
  ASSERT_EQ(train(0, "whole", from).code, 0);
  testing::Process training = start_training(0, "stopped", from);
  ASSERT_TRUE(wait_for_steps(training, "stopped", 12));
  training.signal(SIGUSR1);
  ASSERT_EQ(training.wait().code, 75);
  std::filesystem::remove_all(path("hf"));

  const Ended ended = train(0, "stopped", from);

  EXPECT_EQ(ended.code, 0) << ended.errors;
  expect_same_bits("whole", "stopped");
  expect_refused(
      2,
      {"model.from: this run began with 'hf' and goes on from its own checkpoint of step 40, "
       "not from 'runs/first'",
       "another run.name"},
      "stopped", with(from, {"model.from=runs/first"}));
  expect_refused(2, {"this run began with 'hf'"}, "stopped", with(from, {"model.from=null"}));
  EXPECT_EQ(train(0, "stopped", with(from, {"model.from=./hf/"})).code, 0);
}

TEST_F(ContinuedTest, SamplesArePreparedWithTheModelsOwnVocabulary) {
  const Arguments taken{"prepare",
                        config(),
                        "model.from=runs/first",
                        "tokenizer.vocab=taken.txt",
                        "samples.out=taken",
                        "data.train=taken/train",
                        "data.valid=taken/valid"};

  const Ended ended = run_program(taken);

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_EQ(read("taken.txt"), read("vocab.txt"));
  const Ended trained = train(0, "taken",
                              {"model.from=runs/first", "tokenizer.vocab=taken.txt",
                               "data.train=taken/train", "data.valid=taken/valid"});
  EXPECT_EQ(trained.code, 0) << trained.errors;
  write("other.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n");
  expect_error(run_program(with(taken, {"tokenizer.vocab=other.txt"})), 2,
               {"other.txt is another vocabulary than that of model.from, runs/first"});
  ASSERT_EQ(run_program({"export", "runs/first", "--to", "bare"}).code, 0);
  std::filesystem::remove(path("bare/vocab.txt"));
  const Ended staged = run_program(with(taken, {"model.from=runs/later"}));  // yet to be trained
  EXPECT_EQ(staged.code, 0) << staged.errors;
  expect_error(
      run_program(with(taken, {"tokenizer.vocab=new.txt", "model.from=bare"})), 2,
      {"model.from: bare has neither vocab.txt nor tokenizer.json", "set tokenizer.vocab"});
  EXPECT_FALSE(std::filesystem::exists(path("new.txt")));
}

TEST_F(ContinuedTest, AVocabularyMayBeInTokenizerJson) {
  nlohmann::json vocabulary;
  std::istringstream lines(read("vocab.txt"));
  std::int64_t id = 0;
  for (std::string line; std::getline(lines, line);) vocabulary[line] = id++;
  ASSERT_EQ(run_program({"export", "runs/first", "--to", "json"}).code, 0);
  std::filesystem::remove(path("json/vocab.txt"));
  std::filesystem::remove(path("json/tokenizer_config.json"));
  const auto write_tokenizer = [&](bool lower_case) {
    const nlohmann::json file{
        {"normalizer", {{"type", "BertNormalizer"}, {"lowercase", lower_case}}},
        {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
        {"model", {{"type", "WordPiece"}, {"vocab", vocabulary}}}};
    write("json/tokenizer.json", file.dump());
  };
  const Arguments taken{"prepare", config(), "model.from=json", "tokenizer.vocab=taken.txt",
                        "samples.out=taken"};

  write_tokenizer(false);
  expect_error(run_program(taken), 2,
               {"is not what model.from, json, was trained with", "lower_case: false",
                "prepare the samples again"});
  write_tokenizer(true);
  const Ended ended = run_program(taken);

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_EQ(read("taken.txt"), read("vocab.txt"));
  EXPECT_FALSE(std::filesystem::exists(path("json/vocab.txt")));
  const Ended dry = train(0, "dry",
                          {"model.from=json", "tokenizer.vocab=none.txt", "data.train=none/train",
                           "data.valid=null", "--dry-run"});
  EXPECT_EQ(dry.code, 0) << dry.errors;
}

TEST_F(ContinuedTest, SamplesOfAnotherTokenizerAreRefused) {
  expect_error(train(0, "x", {"tokenizer.lower_case=false"}), 3,
               {"data/train: prepared with tokenizer lower_case: true",
                "the configuration has lower_case: false", "or run prepare again"});
}

TEST_F(ContinuedTest, HeadsThatTheModelLacksAreDrawn) {
  ASSERT_EQ(
      finetune(0, "tuned", {"model.from=runs/first", "tokenizer.vocab=null", "finetune.epochs=1"})
          .code,
      0);
  ASSERT_EQ(train(0, "drawn", one_still_step_).code, 0);

  const Ended ended = train(0, "continued", with(one_still_step_, {"model.from=runs/tuned"}));

  ASSERT_EQ(ended.code, 0) << ended.errors;
  const std::string body = "bert.encoder.layer.0.output.dense.weight";
  const std::string head = "cls.seq_relationship.weight";
  EXPECT_EQ(tensor("continued", body), tensor("tuned", body));
  EXPECT_EQ(tensor("continued", head), tensor("drawn", head));
  EXPECT_THAT(ended.errors, HasSubstr("drawn, for it has none: cls.seq_relationship.weight, "));
}

TEST_F(ContinuedTest, RanksBeginWithTheSame) {
  BERTYARD_REQUIRE_MPIRUN();
  const Ended ended = train(2, "pair", {"model.from=runs/first"});

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("weights of runs/first/checkpoints/step-"));
}

TEST_F(ContinuedTest, AnotherModelOrVocabularyIsRefusedWithWhatToSet) {
  const Arguments from{"model.from=runs/first"};
  const Arguments smaller{"model.layers=1", "model.activation=gelu_erf"};
  const Arguments message{"model.from: runs/first is another model than the one that is configured",
                          "set model.layers=2 model.activation=gelu_tanh"};
  expect_refused(2, message, "x", with(from, smaller));
  expect_error(run_program(with(with({"check", config()}, from), smaller)), 2, message);
  EXPECT_THAT(run_program(with({"check", config()}, from)).output,
              HasSubstr("start       runs/first/checkpoints/step-"));

  const std::string words = read("vocab.txt");
  write("other.txt", words.substr(0, words.rfind('\n', words.size() - 2) + 1) + "zz\n");
  ASSERT_EQ(
      run_program({"prepare", config(), "tokenizer.vocab=other.txt", "samples.out=other"}).code, 0);
  const Arguments other{"tokenizer.vocab=other.txt", "data.train=other/train",
                        "data.valid=other/valid"};
  expect_error(
      train(0, "x", with(from, other)), 2,
      {"tokenizer.vocab: other.txt is another vocabulary than that of model.from, runs/first",
       "prepare the samples with its own, runs/first/checkpoints/step-"});
  ASSERT_EQ(run_program({"export", "runs/first", "--to", "cased"}).code, 0);
  write("cased/tokenizer_config.json", R"({"do_lower_case": false})");
  expect_error(
      train(0, "x", {"model.from=cased"}), 2,
      {"lower_case: true", "is not what model.from, cased, was trained with: lower_case: false",
       "set them to that and prepare the samples again"});
  std::filesystem::remove(path("cased/vocab.txt"));  // its options are still known
  expect_error(train(0, "x", {"model.from=cased"}), 2,
               {"is not what model.from, cased, was trained with: lower_case: false"});
  ASSERT_EQ(run_program({"export", "runs/first", "--to", "empty"}).code, 0);
  std::filesystem::remove(path("empty/model.safetensors"));
  expect_error(run_program({"check", config(), "model.from=empty"}), 3,
               {"empty", "model.safetensors"});
  expect_error(train(0, "x", {"model.from=nowhere"}), 3,
               {"nowhere: expected the directory of a run, a checkpoint or a Hugging Face model"});
}

}  // namespace
}  // namespace bertyard
