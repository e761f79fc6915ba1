// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "launch/run/thread_binding.h"
#include "tests/launch/program_fixture.h"

namespace bertyard {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kConfig =
    "tokenizer: {learn: {size: 300}}\n"
    "model: {preset: bert-tiny}\n"
    "samples: {max_length: 64}\n"
    "schedule: [{until: 100 steps, length: 64, global_batch: 64}]\n"
    "optim: {warmup: 10 steps}\n"
    "parallel: {threads: 1}\n";

class PlanTest : public ProgramFixture {
 protected:
  PlanTest() { write("run.yaml", kConfig); }
  json plan(const std::string& arguments) const {
    const Ended ended = run("plan run.yaml --json " + arguments);
    EXPECT_EQ(ended.code, 0) << ended.errors;
    return json::parse(ended.output);
  }
};

TEST_F(PlanTest, PredictsUntilThereIsNoWorkLeft) {
  const json result = plan("");

  ASSERT_EQ(result["rows"].size(), 7u);  // 1 to 64 devices
  EXPECT_EQ(result["end"], "a step has 64 samples");
  for (const json& row : result["rows"]) {
    const json& phase = row["phases"][0];
    EXPECT_NEAR(phase["step_ms"].get<double>(),
                phase["compute_ms"].get<double>() + phase["exposed_ms"].get<double>() +
                    phase["optimizer_ms"].get<double>() + phase["other_ms"].get<double>(),
                1e-9);
    EXPECT_NEAR(row["hours"].get<double>(), phase["step_ms"].get<double>() * 100 / 3.6e6, 1e-9);
    EXPECT_LE(phase["efficiency"].get<double>(), 1.0 + 1e-9);
  }
  EXPECT_EQ(plan("parallel.reduction=ordered parallel.leaves=4")["end"], "parallel.leaves is 4");
  EXPECT_EQ(plan("parallel.micro_batch.tokens=2048")["end"],
            "parallel.micro_batch.tokens 2048 makes 2 micro-batches of a step");
  EXPECT_EQ(plan("--devices 4")["rows"].size(), 3u);
}

// The memory is what `check` says: it falls with the ranks where the state is dealt out.
TEST_F(PlanTest, MemoryFallsWithZeRO) {
  const json plain = plan("--devices 2"), dealt = plan("--devices 2 parallel.shard_optimizer=true");
  const auto gib = [](const json& result, std::size_t row) {
    return result["rows"][row]["memory_gib"].get<double>();
  };

  EXPECT_EQ(gib(plain, 0), gib(dealt, 0));
  const double parameters = 465000;  // of bert-tiny with 300 entries, about
  EXPECT_NEAR(gib(plain, 1) - gib(dealt, 1), parameters * 4 / (1u << 30), 3e-4);
}

TEST_F(PlanTest, LayersComputedAgainTakeTimeAndNoMemory) {
  const char* four = "--devices 1 model.layers=4 ";
  const json kept = plan(four), again = plan(std::string(four) + "parallel.recompute=layers");
  const json &before = kept["rows"][0], &after = again["rows"][0];

  EXPECT_GT(after["phases"][0]["compute_ms"], before["phases"][0]["compute_ms"]);
  EXPECT_LT(after["memory_gib"], before["memory_gib"]);
}

TEST_F(PlanTest, TakesAClusterFromAFileAndRatesFromBench) {
  write("cluster.yaml", "cluster: {matrix_tflops: 312, node: {gigabytes: 230}}\n");
  const json named = plan("--cluster cluster.yaml");
  EXPECT_EQ(named["cluster"]["matrix_tflops"], 312);
  EXPECT_EQ(named["cluster"]["node"]["gigabytes"], 230);
  write("cluster.yaml", "cluster: {matrix_tflops: 312}\noptim: {lr: 1}\n");
  const Ended mixed = run("plan run.yaml --cluster cluster.yaml");
  EXPECT_EQ(mixed.code, 2);
  EXPECT_THAT(mixed.errors, HasSubstr("cluster.yaml:2:1: error: 'optim' in the description of a "
                                      "cluster, expected the section 'cluster' alone"));
  write("cluster.yaml", "# nothing yet\n");
  EXPECT_THAT(run("plan run.yaml --cluster cluster.yaml").errors,
              HasSubstr("cluster.yaml:1:1: error: there is no section 'cluster'"));
  EXPECT_THAT(run("plan run.yaml --cluster gone.yaml").errors,
              HasSubstr("cannot read the configuration 'gone.yaml'"));
  const Ended bench = run("bench run.yaml --json --steps 2 --warmup 1");
  ASSERT_EQ(bench.code, 0) << bench.errors;
  write("bench.json", bench.output);
  const json result = json::parse(bench.output);

  const json measured = plan("--from bench.json --devices 1");

  // What was measured on one device is predicted for one.
  const json& parts = result["parts_ms"];
  const json& phase = measured["rows"][0]["phases"][0];
  EXPECT_NEAR(phase["compute_ms"].get<double>(),
              parts["forward"].get<double>() + parts["backward"].get<double>(),
              0.2 * phase["compute_ms"].get<double>());
  EXPECT_NEAR(phase["optimizer_ms"].get<double>(), parts["optimizer"].get<double>(), 1e-6);

  // A GPU's graph has one time for both.
  json replayed = result;
  replayed["parts_ms"].erase("forward");
  replayed["parts_ms"].erase("backward");
  replayed["parts_ms"]["forward and backward"] =
      parts["forward"].get<double>() + parts["backward"].get<double>();
  write("replayed.json", replayed.dump());
  EXPECT_EQ(plan("--from replayed.json --devices 1")["rows"], measured["rows"]);
}

TEST_F(PlanTest, TakesRatesOfAsManyDevicesOfANodeAsAreAtWork) {
  const Ended bench = run("bench run.yaml --json --steps 1 --warmup 1");
  ASSERT_EQ(bench.code, 0) << bench.errors;
  json one = json::parse(bench.output);
  one["parts_ms"]["optimizer"] = 2.0;
  json two = one;  // that share the memory's rate
  two["ranks"] = 2;
  two["parts_ms"]["optimizer"] = 3.0;
  write("one.json", one.dump());
  write("two.json", two.dump());

  for (const char* order : {"--from one.json --from two.json", "--from two.json --from one.json"}) {
    const json rows = plan(std::string(order) + " --devices 4")["rows"];
    const auto optimizer_ms = [&](int row) {
      return rows[static_cast<std::size_t>(row)]["phases"][0]["optimizer_ms"].get<double>();
    };
    EXPECT_NEAR(optimizer_ms(0), 2.0, 1e-6) << order;
    EXPECT_NEAR(optimizer_ms(1), 3.0, 1e-6) << order;
    EXPECT_NEAR(optimizer_ms(2), 3.0, 1e-6) << "the nearest below";
  }
  json rows = plan("--from two.json --devices 1")["rows"];
  EXPECT_NEAR(rows[0]["phases"][0]["optimizer_ms"].get<double>(), 3.0, 1e-6);

  two["shard_optimizer"] = true;  // what was measured is the update of half of them
  write("two.json", two.dump());
  rows = plan("--from two.json --devices 1")["rows"];
  EXPECT_NEAR(rows[0]["phases"][0]["optimizer_ms"].get<double>(), 6.0, 1e-6);
}

TEST_F(PlanTest, DrawsAndPrints) {
  const Ended ended = run("plan run.yaml --svg scaling.svg");

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("phase 0: 100 steps of 64 samples"),
                                  HasSubstr("device-hours"), HasSubstr("nothing was run")));
  EXPECT_THAT(read("scaling.svg"), AllOf(HasSubstr("<svg"), HasSubstr("efficiency, 64 tokens")));
}

TEST_F(PlanTest, RefusesWhatMakesNoPlan) {
  EXPECT_THAT(run("plan run.yaml --fill 0").errors, HasSubstr("--fill is 0, expected above 0"));
  write("other.json", "{\"ranks\": 1}");
  const Ended other = run("plan run.yaml --from other.json");
  EXPECT_EQ(other.code, 3);
  EXPECT_THAT(other.errors, HasSubstr("other.json: expected a result of 'bertyard bench --json'"));
  EXPECT_EQ(run("plan run.yaml cluster.efficiency=1.5").code, 2);
  EXPECT_EQ(run("plan run.yaml cluster.node.gigabytes=0").code, 2);
  const Ended taught = run("plan run.yaml distill.teacher=somewhere");
  EXPECT_EQ(taught.code, 2);
  EXPECT_THAT(taught.errors, HasSubstr("a teacher's forward pass is not predicted; add "
                                       "distill.teacher=null"));
}

using Cores = std::vector<int>;

TEST(ChooseBinding, TakesTheWholeMachineOrWhatTheLauncherGave) {
  const auto cores = [](const BindingFacts& facts) { return choose_binding(facts).cores; };
  const Cores four{0, 1, 2, 3};
  // Two ranks of two threads on four cores.
  EXPECT_EQ(cores({.threads = 2, .machine_cores = 4, .cores = four, .place = 1, .sharers = 2}),
            (Cores{2, 3}));
  // mpirun bound this rank to cores 2 and 3 of four.
  EXPECT_EQ(cores({.threads = 2, .machine_cores = 4, .cores = {2, 3}}), (Cores{2, 3}));
  // Two ranks in the socket that both were bound to.
  EXPECT_EQ(cores({.threads = 1, .machine_cores = 8, .cores = four, .place = 1, .sharers = 2}),
            (Cores{1}));
}

TEST(ChooseBinding, LeavesAloneWhatOthersMayUse) {
  const auto why = [](const BindingFacts& facts) {
    EXPECT_TRUE(choose_binding(facts).cores.empty());
    return choose_binding(facts).why;
  };
  const Cores four{0, 1, 2, 3};
  EXPECT_THAT(why({.threads = 2, .machine_cores = 4, .cores = four}), HasSubstr("2 of 4 cores"));
  EXPECT_THAT(why({.threads = 3, .machine_cores = 4, .cores = four, .sharers = 2}),
              HasSubstr("6 threads share 4 cores"));
  EXPECT_THAT(why({.threads = 4, .machine_cores = 4, .cores = four, .by_environment = true}),
              HasSubstr("OMP_PROC_BIND"));
}

}  // namespace
}  // namespace bertyard
