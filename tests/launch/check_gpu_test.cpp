// SPDX-License-Identifier: Apache-2.0
// `check` and `plan` for a GPU on a machine that has none.
#include "core/backend/built_with.h"
#include "tests/launch/small_run.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class CheckGpuTest : public SmallRun {
 protected:
  // A number behind `before`, in GiB: the first "13.4" of "gpu         13.4 of 79.1 GiB".
  static double number_after(const std::string& text, const std::string& before) {
    const std::size_t at = text.find(before);
    return at == std::string::npos ? 0 : std::stod(text.substr(at + before.size()));
  }
};

TEST_F(CheckGpuTest, SaysWhatACardThatIsNotHereWouldHaveToHold) {
  expect_runs("prepare run.yaml");

  const Ended ended = run("check run.yaml --gpu h100 --ranks 2 precision=bf16");

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output,
              AllOf(HasSubstr("memory      "), HasSubstr("\ngpu         "),
                    HasSubstr(" of 79.1 GiB: "), HasSubstr("of CUDA and its libraries"),
                    HasSubstr("(an estimate)"), HasSubstr("GiB are left\nok: ")));
}

// 32 MiB for products and less than one for sums; in bf16 two bytes of each of 1.75M parameters.
TEST_F(CheckGpuTest, CountsWhatTheGpuBackendReserves) {
  expect_runs("prepare run.yaml");
  const auto workspace_mib = [&](const std::string& precision) {
    const Ended ended =
        run("check run.yaml --gpu h100 model.layers=2 model.hidden=256 model.intermediate=1024 "
            "precision=" +
            precision);
    return number_after(ended.output, "workspace ");
  };

  const double wide = workspace_mib("fp32");

  EXPECT_NEAR(wide, 32, 0.4);
  EXPECT_NEAR(workspace_mib("bf16") - wide, 3.3, 0.2);
}

TEST_F(CheckGpuTest, TheBackendOfTheFileMayBeElsewhere) {
  if (built_with_cuda()) GTEST_SKIP() << "a build with CUDA looks for the GPU itself";
  expect_runs("prepare run.yaml");

  const Ended ended =
      run("check run.yaml parallel.backend=cuda precision=tf32 'cluster.device_memory=10 GiB'");

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr(" of 10.0 GiB: "));
  EXPECT_EQ(run("config run.yaml parallel.backend=cuda").code, 0);
  EXPECT_EQ(run("plan run.yaml --devices 2 parallel.backend=cuda").code, 0);
  EXPECT_THAT(run("train run.yaml parallel.backend=cuda").errors,
              HasSubstr("'parallel.backend: cuda' is not available: this build has no CUDA"));
}

// BERT-Large on samples of 512, 64 of them in a micro-batch, in bf16.
class LargeCheckTest : public CheckGpuTest {
 protected:
  void SetUp() override {
    CheckGpuTest::SetUp();
    std::string entries = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    for (char letter = 'a'; letter <= 'z'; ++letter) {
      entries += std::string(1, letter) + "\n##" + letter + "\n";
    }
    for (int i = 57; i < 30522; ++i) entries += "word" + std::to_string(i) + "\n";
    write("vocab.txt", entries);
    write("large.yaml",
          "run: {name: large}\n"
          "corpus: {text: [text.txt], held_out: 20%}\n"
          "tokenizer: {vocab: vocab.txt}\n"
          "samples: {out: data, max_length: 512}\n"
          "model: {preset: bert-large}\n"
          "schedule: [{until: 4 steps, length: 512, global_batch: 64}]\n"
          "optim: {warmup: 1 steps}\n"
          "precision: bf16\n"
          "parallel: {micro_batch: {tokens: 32768, sequences: 64}}\n");
    expect_runs("prepare large.yaml");
  }
};

TEST_F(LargeCheckTest, FitsIntoEightyGigabytesWithoutRecomputation) {
  const Ended ended = run("check large.yaml --gpu h100");

  ASSERT_EQ(ended.code, 0) << ended.errors;
  const double needed = number_after(ended.output, "gpu         ");
  EXPECT_GT(needed, 25);  // 33 KB a layer and token alone are 24 GiB
  EXPECT_LT(needed, 45);
}

TEST_F(LargeCheckTest, SaysWhatWouldFitASmallerCard) {
  const Ended ended = run("check large.yaml --gpu l4");

  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.output, AllOf(HasSubstr("GiB too many\n"), Not(HasSubstr("ok: "))));
  EXPECT_THAT(ended.errors, AllOf(HasSubstr("error: GPU memory: a rank needs "),
                                  HasSubstr("GiB, the GPU has 22.0; set parallel.recompute to "
                                            "layers ("),
                                  HasSubstr("), or parallel.micro_batch.tokens to ")));
  const auto tokens = static_cast<int>(number_after(ended.errors, "micro_batch.tokens to "));
  const std::string fitting = " parallel.micro_batch.tokens=" + std::to_string(tokens) +
                              " parallel.micro_batch.sequences=" + std::to_string(tokens / 512);
  EXPECT_EQ(run("check large.yaml --gpu l4" + fitting).code, 0);
  EXPECT_EQ(run("check large.yaml --gpu l4 parallel.recompute=layers").code, 0);
}

TEST_F(LargeCheckTest, SaysWhereNoMicroBatchFits) {
  const Ended ended = run("check large.yaml --gpu l4 model.layers=200");

  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.errors, HasSubstr("no micro-batch of this model fits: deal the optimizer's "
                                      "state out over ranks (parallel.shard_optimizer)"));
}

TEST_F(CheckGpuTest, NamesTheCardsItKnows) {
  const Ended ended = run("check run.yaml --gpu h10");

  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.errors,
              AllOf(HasSubstr("--gpu is 'h10', expected one of: a100-40, a100, h100, h200"),
                    HasSubstr("did you mean 'h100'?, or set cluster.device_memory")));
}

}  // namespace
}  // namespace bertyard
