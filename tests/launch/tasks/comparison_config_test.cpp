// SPDX-License-Identifier: Apache-2.0
#include "launch/tasks/comparison_config.h"

#include "tests/launch/config/config_fixture.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ComparisonConfig : public ConfigTest {
 protected:
  Comparison read(const std::string& text) const {
    return load_comparison(write("cmp.yaml", text));
  }
  std::string mistakes(const std::string& text) const {
    return report_of([&] { read(text); });
  }
  // With one change to a comparison that is right.
  static std::string with(const std::string& line) {
    return "systems: [{name: a, from: random}]\ntasks: [t.yaml]\n" + line + "\n";
  }
};

TEST_F(ComparisonConfig, ReadsSystemsTasksSeedsAndChanges) {
  const Comparison found = read(R"(run: {name: small, dir: out}
seeds: [4, 0]
set: [task.limit=100]
systems:
  - {name: BERT base, pretrain: pre/bert.yaml}
  - {name: other, from: models/x, set: [finetune.lr=1e-4]}
  - {name: none, from: random}
tasks: [../sst2.yaml, cola.yaml]
)");

  EXPECT_EQ(found.run.name, "small");
  EXPECT_EQ(found.run.directory, "out");
  EXPECT_THAT(found.seeds, ElementsAre(4, 0));
  ASSERT_EQ(found.systems.size(), 3u);
  EXPECT_EQ(found.systems[0].directory_name(), "BERT-base");
  EXPECT_EQ(without_directory(found.systems[0].pretrain), "pre/bert.yaml");
  EXPECT_EQ(found.systems[1].from, "models/x");  // of the working directory, as model.from is
  EXPECT_EQ(found.systems[1].changes[0].text, "finetune.lr=1e-4");
  EXPECT_EQ(without_directory(found.systems[1].changes[0].place), "cmp.yaml:6:41");
  EXPECT_TRUE(found.systems[2].is_random);
  EXPECT_EQ(found.changes[0].text, "task.limit=100");
  ASSERT_EQ(found.tasks.size(), 2u);
  EXPECT_EQ(without_directory(found.tasks[1]), "cola.yaml");
}

TEST_F(ComparisonConfig, HasThreeSeedsUnlessItSaysOtherwise) {
  EXPECT_THAT(read(with("")).seeds, ElementsAre(1, 2, 3));
}

TEST_F(ComparisonConfig, MistakesHaveTheirPlace) {
  EXPECT_THAT(mistakes(with("system: []")),
              StartsWith("cmp.yaml:3:1: error: unknown key 'system'; did you mean 'systems'?"));
  EXPECT_THAT(mistakes(with("run: {nam: x}")),
              StartsWith("cmp.yaml:3:7: error: unknown key 'nam'; did you mean 'name'?"));
  EXPECT_THAT(mistakes(with("run: x")), HasSubstr("run has the keys name, dir"));
  EXPECT_THAT(mistakes(with("seeds: 3")), HasSubstr("expected a list of seeds such as [1, 2, 3]"));
  EXPECT_THAT(mistakes(with("seeds: [1, -1]")),
              StartsWith("cmp.yaml:3:12: error: expected a seed, a whole number of at least 0"));
  EXPECT_THAT(mistakes(with("seeds: [1, 1]")), HasSubstr("the seed 1 stands here twice"));
  EXPECT_THAT(mistakes(with("set: [[]]")), HasSubstr("expected a change such as task.limit=1000"));
  EXPECT_THAT(mistakes(with("set: [model.from=x]")),
              HasSubstr("'model.from' is the comparison's own to set; use its run, seeds, or a "
                        "system's from"));
  EXPECT_THAT(mistakes("a: 1\n"), AllOf(HasSubstr("unknown key 'a'; expected run, seeds, systems"),
                                        HasSubstr("cmp.yaml: error: 'systems' is missing"),
                                        HasSubstr("'tasks' is missing"), HasSubstr("3 error(s)")));
  EXPECT_THAT(mistakes("- 1\n"), HasSubstr("it has the keys run, seeds, systems, tasks, set"));
}

TEST_F(ComparisonConfig, ASystemStartsFromOnePlace) {
  const auto of = [&](const std::string& system) {
    return mistakes("tasks: [t.yaml]\nsystems: [" + system + "]\n");
  };
  const char* kOne =
      "a system has one of: pretrain, the configuration to train it by; from, a "
      "model's directory; from: random";
  EXPECT_THAT(of("{name: a}"), StartsWith(std::string("cmp.yaml:2:11: error: ") + kOne));
  EXPECT_THAT(of("{name: a, from: x, pretrain: y}"), HasSubstr(kOne));
  EXPECT_THAT(of("{from: x}"), HasSubstr("this system has no name"));
  EXPECT_THAT(of("{name: a, from: []}"), HasSubstr("expected a model's directory, or random"));
  EXPECT_THAT(of("{name: a b, from: x}, {name: a-b, from: y}"),
              HasSubstr("'a-b' has the directory of 'a b', a-b; give it another name"));
  EXPECT_THAT(of("x"), HasSubstr("a system has the keys name, pretrain, from, set"));
}

TEST_F(ComparisonConfig, AFileThatIsNotThereIsNamed) {
  EXPECT_THAT(report_of([&] { load_comparison((directory_ / "none.yaml").string()); }),
              AllOf(HasSubstr("cannot read the comparison"), HasSubstr("none.yaml")));
}

}  // namespace
}  // namespace bertyard
