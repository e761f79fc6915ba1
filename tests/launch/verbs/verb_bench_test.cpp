// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <set>

#include <nlohmann/json.hpp>

#include "tests/launch/program_fixture.h"

namespace bertyard {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kConfig =
    "tokenizer: {learn: {size: 300}}\n"
    "model: {preset: bert-tiny, layers: 1, hidden: 32, heads: 2, intermediate: 64, "
    "max_positions: 64}\n"
    "samples: {max_length: 64}\n"
    "schedule: [{until: 100 steps, length: 64, global_batch: 8}]\n"
    "optim: {warmup: 10 steps}\n"
    "parallel: {threads: 1}\n";

class BenchTest : public ProgramFixture {
 protected:
  BenchTest() { write("run.yaml", kConfig); }

  json bench(const std::string& arguments) const {
    const Ended ended = run("bench run.yaml --json " + arguments);
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.errors, "");
    return json::parse(ended.output);
  }
  std::string refusal(const std::string& arguments) const {
    const Ended ended = run("bench run.yaml " + arguments);
    EXPECT_EQ(ended.code, 2) << arguments;
    EXPECT_EQ(ended.output, "") << arguments;
    return ended.errors;
  }
};

TEST_F(BenchTest, CountsWhatItTrained) {
  const json result = bench("--steps 4 --warmup 1");

  EXPECT_EQ(result["steps"], 4);
  EXPECT_EQ(result["warmup"], 1);
  EXPECT_EQ(result["batch"], 8);
  EXPECT_EQ(result["length"], 64);
  EXPECT_EQ(result["fill"], 1.0);
  EXPECT_EQ(result["tokens_per_step"], 8 * 64);
  EXPECT_EQ(result["masked_per_step"], 8 * 10);  // 15% of 64, halves to even
  EXPECT_EQ(result["ranks"], 1);
  EXPECT_EQ(result["threads"], 1);
  EXPECT_EQ(result["data"], "synthetic");
  EXPECT_EQ(result["model"]["layers"], 1);
  EXPECT_EQ(result["model"]["vocabulary"], 300);
}

TEST_F(BenchTest, PartsOfOneStepAddUpToIt) {
  const json result = bench("--steps 1");

  double sum = 0;
  for (const auto& [name, milliseconds] : result["parts_ms"].items()) {
    EXPECT_GE(milliseconds, 0) << name;
    sum += milliseconds.get<double>();
  }
  for (const char* part : {"forward", "backward", "optimizer"}) {
    EXPECT_GT(result["parts_ms"][part], 0) << part;
  }
  EXPECT_NEAR(sum / result["step_ms"]["median"].get<double>(), 1, 1e-9);
  EXPECT_EQ(result["step_ms"]["median"], result["step_ms"]["best"]);
}

TEST_F(BenchTest, RatesFollowFromTheMedian) {
  const json result = bench("--steps 5 --warmup 1");
  const double median = result["step_ms"]["median"];

  EXPECT_GE(median, result["step_ms"]["best"].get<double>());
  EXPECT_NEAR(result["tokens_per_s"].get<double>() * median / 1e3, 8 * 64, 1e-6);
  EXPECT_NEAR(result["samples_per_s"].get<double>() * median / 1e3, 8, 1e-6);
  // 3 x (512 tokens x (2 x (4 x 32^2 + 2 x 32 x 64) + 4 x 64 x 32) + 80 masked x 2 x 32 x (32 +
  // 300))
  EXPECT_NEAR(result["gflops"].get<double>() * median * 1e6, 42848256, 1);
  EXPECT_NEAR(result["peak_share"].get<double>() * result["peak_gflops"].get<double>(),
              result["gflops"].get<double>(), 1e-9);
  EXPECT_GT(result["memory_gib"]["planned"], 0);
  EXPECT_GT(result["memory_gib"]["resident"], result["memory_gib"]["planned"]);
}

TEST_F(BenchTest, OptionsChangeTheShapes) {
  const json result = bench("--steps 20 --length 32 --batch 16 --fill 0.5");

  EXPECT_EQ(result["batch"], 16);
  EXPECT_EQ(result["length"], 32);
  // Lengths are spread over all steps, those to warm up included.
  EXPECT_NEAR(result["fill"].get<double>(), 0.5, 0.05);
}

TEST_F(BenchTest, WritesNothing) {
  bench("--steps 1");

  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
    names.insert(entry.path().filename());
  }
  EXPECT_EQ(names, (std::set<std::string>{"run.yaml", "out.txt", "err.txt"}));
}

TEST_F(BenchTest, TextSaysTheSame) {
  const Ended ended = run("bench run.yaml --steps 2");

  EXPECT_EQ(ended.code, 0) << ended.errors;
  for (const char* text : {"1 layers, hidden 32, heads 2",
                           "synthetic: 8 samples of at most 64 tokens a step, 100.0% full",
                           "best of 2 steps after 2 to warm up", "tokens/s",
                           "the product of 1024 x 768 x 768", "optimizer", "GiB planned"}) {
    EXPECT_THAT(ended.output, HasSubstr(text));
  }
}

TEST_F(BenchTest, AnElmoIsMeasuredAsWhatItIs) {
  const std::string elmo =
      "model.preset=elmo model.layers=2 model.heads=null model.intermediate=64 ";
  const json result = bench("--steps 2 --warmup 1 " + elmo);

  EXPECT_EQ(result["model"]["type"], "elmo");
  EXPECT_FALSE(result["model"].contains("heads"));
  EXPECT_EQ(result["masked_per_step"], 2 * 8 * 63);
  const Ended text = run("bench run.yaml --steps 2 " + elmo);
  EXPECT_THAT(text.output, HasSubstr("2 layers of LSTMs each way, hidden 32, cells 64"));
  EXPECT_THAT(text.output, HasSubstr(" predicted each"));
  write("elmo.json", result.dump());
  const Ended plan = run("plan run.yaml --from elmo.json");
  EXPECT_EQ(plan.code, 3);
  EXPECT_THAT(plan.errors, HasSubstr("elmo.json: the measured model is no transformer"));
}

TEST_F(BenchTest, MistakesAreNamed) {
  EXPECT_EQ(refusal("--steps 0"),
            "error: bench: --steps 0 and --warmup 2, expected at least 1 and 0\n");
  EXPECT_EQ(refusal("--warmup -1"),
            "error: bench: --steps 10 and --warmup -1, expected at least 1 and 0\n");
  EXPECT_THAT(refusal("--fill 1.5"), HasSubstr("the fill is 1.5, expected above 0 and at most 1"));
  EXPECT_EQ(refusal("--fill 0.5 --shards"),
            "error: bench: --fill is for synthetic samples; shards have lengths of their own, give "
            "--fill or --shards\n");
  EXPECT_THAT(refusal("--shards"), HasSubstr("'data.train' is not set, but 'bench --shards'"));
  EXPECT_THAT(refusal("--length 500"), HasSubstr("make one of them fit"));
  EXPECT_THAT(refusal("--batch many"), HasSubstr("schedule.0.global_batch"));
  EXPECT_THAT(refusal("tokenizer.learn.size=5"), HasSubstr("5"));
}

}  // namespace
}  // namespace bertyard
