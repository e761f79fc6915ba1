// SPDX-License-Identifier: Apache-2.0
// `train --dry-run`: says what a start would, makes the step that a start would, leaves nothing.
#include <cmath>

#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using testing::Ended;
using ::testing::HasSubstr;
using ::testing::Not;

class DryRunTest : public RunTest {
 protected:
  Ended dry(int ranks, const std::string& name, Arguments arguments = {}) const {
    arguments.push_back("--dry-run");
    const auto before = everything();
    const Ended ended = train(ranks, name, arguments);
    EXPECT_EQ(everything(), before);
    return ended;
  }
  // All files and directories of the test but the output of its processes.
  std::map<std::string, std::string> everything() const {
    std::map<std::string, std::string> files = snapshot(directory_.path());
    std::erase_if(files, [](const auto& file) { return file.first.starts_with("process-"); });
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory_.path())) {
      if (entry.is_directory()) files[entry.path().string() + "/"];
    }
    return files;
  }
  // The MLM loss that a dry run printed: "step 1      MLM 5.704 nats, ..."
  static double printed_loss(const std::string& output) {
    const std::size_t at = output.find("MLM ");
    return at == std::string::npos ? 0 : std::stod(output.substr(at + 4));
  }
};

TEST_F(DryRunTest, MakesTheFirstStepOfARealRun) {
  const Ended ended = dry(0, "run");

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("data        data/train\n"), HasSubstr("step 1 "),
                                  HasSubstr("time        "), HasSubstr("24 steps are left"),
                                  HasSubstr("memory      "), HasSubstr("nothing was written")));
  ASSERT_EQ(train(0, "run").code, 0);
  const double loss = parse_losses(read(run("run") / "loss.log")).front().mlm;
  EXPECT_NEAR(printed_loss(ended.output), loss, 6e-4);
}

// Design, 5.7. The step of a dry run is the largest there can be, and a real run saves beside it.
TEST_F(DryRunTest, TheProcessTakesWhatWasSaid) {
  const auto number_after = [](const std::string& text, const std::string& word) {
    const std::size_t at = text.find(word);
    EXPECT_NE(at, std::string::npos) << word << " in\n" << text;
    return at == std::string::npos ? 0.0 : std::stod(text.substr(at + word.size()));
  };
  const Arguments mini{"model.preset=bert-mini", "model.hidden=256", "model.heads=4",
                       "model.intermediate=1024"};
  Arguments check{"check", config()};
  check.insert(check.end(), mini.begin(), mini.end());

  const Ended checked = run_program(check), ended = dry(0, "run", mini);
  ASSERT_EQ(train(0, "run", mini).code, 0);

  ASSERT_EQ(checked.code, 0) << checked.errors;
  ASSERT_EQ(ended.code, 0) << ended.errors;
  const double said = number_after(checked.output, "together ");
  const double products = number_after(checked.output, "growing by at most ");
  const double saving = number_after(checked.output, "on rank 0 ");
  const double took = number_after(ended.output, "took ");
  const std::string metrics = read(run("run") / "metrics.jsonl");
  const double trained = 1024 * number_after(metrics.substr(metrics.rfind("\"mem_gib\"")), ":");
  EXPECT_NEAR(took, said - saving, 0.12 * said);
  EXPECT_GT(trained, 0.88 * said);
  EXPECT_LT(trained, 1.12 * said + products);
}

TEST_F(DryRunTest, WithoutShardsItTakesMockData) {
  fs::remove_all(path("data"));
  fs::remove(path("vocab.txt"));

  const Ended ended = dry(0, "run", {"model.dropout=0.0"});

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("mock data, for data/train is not there yet"),
                                  HasSubstr("16 samples, 512 tokens")));
  // Random tokens of a vocabulary of 300, before anything is learnt.
  EXPECT_NEAR(printed_loss(ended.output), std::log(300.0), 0.3);
}

TEST_F(DryRunTest, CheckAndStartSayWhatTheRanksOfAHostTake) {
  const Ended small = run_program({"check", config(), "--ranks", "2"});
  const Ended large =
      run_program({"check", config(), "--ranks", "2", "model.layers=48", "model.hidden=16384",
                   "model.heads=128", "model.intermediate=65536"});

  EXPECT_EQ(small.code, 0) << small.errors;
  EXPECT_THAT(small.output,
              ContainsRegex("host        [0-9.]+ GiB, room for [0-9]+ of these ranks\n"));
  EXPECT_THAT(train(0, "run").errors, ContainsRegex("host +[0-9.]+ of [0-9.]+ GiB: 1 rank\n"));
  EXPECT_EQ(large.code, 0) << large.errors;  // it may be for another host
  EXPECT_THAT(large.output, ContainsRegex("GiB: 1 rank, [0-9.]+ GiB TOO MANY"));
  EXPECT_THAT(large.output, HasSubstr("lower parallel.micro_batch.tokens, or set"));
}

TEST_F(DryRunTest, GoesOnFromTheNewestCheckpoint) {
  ASSERT_EQ(train(0, "run").code, 0);
  const double loss = parse_losses(read(run("run") / "loss.log"))[16].mlm;
  EXPECT_THAT(dry(0, "run").output, HasSubstr("step        none: the run is at its end, step 24"));
  fs::remove_all(run("run") / "checkpoints/step-00000024");

  const Ended ended = dry(0, "run");

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("step 17 "), HasSubstr("8 steps are left")));
  EXPECT_NEAR(printed_loss(ended.output), loss, 6e-4);
}

TEST_F(DryRunTest, TwoRanksMakeOneReport) {
  BERTYARD_REQUIRE_MPIRUN();
  const Ended one = dry(0, "run"), two = dry(2, "run");

  ASSERT_EQ(two.code, 0) << two.errors;
  const std::size_t first = two.output.find("step 1 ");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(two.output.find("step 1 ", first + 1), std::string::npos);
  EXPECT_NEAR(printed_loss(two.output), printed_loss(one.output), 2e-3);
}

TEST_F(DryRunTest, TwoRanksTakeMockDataToo) {
  BERTYARD_REQUIRE_MPIRUN();
  fs::remove_all(path("data"));

  const Ended ended = dry(2, "run");

  ASSERT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("mock data, for data/train"));
}

TEST_F(DryRunTest, FindsWhatAStartWouldTripOver) {
  EXPECT_EQ(dry(0, "run", {"optim.lr=1e30", "model.init_range=1e30"}).code, 5);
  EXPECT_EQ(dry(0, "run", {"run.dir=text.txt"}).code, 74);
  ASSERT_EQ(train(0, "run").code, 0);
  EXPECT_EQ(dry(0, "run", {"--resume", "never"}).code, 2);
  EXPECT_EQ(dry(0, "run", {"model.hidden=32"}).code, 3);
  EXPECT_EQ(dry(0, "new", {"--resume", "runs/run"}).code, 3);
  fs::remove(path("vocab.txt"));
  EXPECT_EQ(dry(0, "run").code, 3);
}

}  // namespace
}  // namespace bertyard
