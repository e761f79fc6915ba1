// SPDX-License-Identifier: Apache-2.0
#include "tests/launch/program_fixture.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ProgramTest : public ProgramFixture {};

TEST_F(ProgramTest, MistypedVerbsGetASuggestionAndExitCode2) {
  const Ended near = run("trian run.yaml"), far = run("zzz");

  EXPECT_EQ(near.code, 2);
  EXPECT_EQ(near.errors, "error: no command 'trian'; did you mean 'train'?\n");
  EXPECT_EQ(far.code, 2);
  EXPECT_EQ(far.errors, "error: no command 'zzz'; 'bertyard --help' lists them\n");
}

TEST_F(ProgramTest, UsageMistakesExitWith2) {
  for (const char* arguments : {"", "config --frob", "train", "init a b c", "config"}) {
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.code, 2) << arguments;
    EXPECT_EQ(ended.errors.rfind("error: ", 0), 0u) << ended.errors;
    EXPECT_EQ(ended.output, "") << arguments;
  }
}

TEST_F(ProgramTest, NumbersOutOfRangeAreSaidShortly) {
  const Ended ended = run("check run.yaml --ranks 0");

  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.errors,
            "error: --ranks: Value 0 not in range 1 to 1000000; see 'bertyard check --help'\n");
}

TEST_F(ProgramTest, HelpAndVersionAreNoMistakes) {
  EXPECT_EQ(run("--help").code, 0);
  const Ended help = run("config --help");
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.output, HasSubstr("--set-file"));
  const Ended version = run("version --build");
  EXPECT_EQ(version.code, 0);
  EXPECT_THAT(version.output, HasSubstr("bertyard 0."));
  for (const char* row : {"compiler", "MPI", "CUDA", "oneDNN", "HDF5"}) {
    EXPECT_THAT(version.output, HasSubstr(std::string("\n  ") + row));
  }
}

TEST_F(ProgramTest, ConfigurationErrorsNameFilesAndArguments) {
  write("run.yaml", "model:\n  hiden: 5\n");

  const Ended ended = run("config run.yaml optim.lr=fast");

  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.output, "");
  EXPECT_EQ(ended.errors,
            "run.yaml:2:3: error: unknown key 'model.hiden'; did you mean 'hidden'?\n"
            "    2 |   hiden: 5\n"
            "      |   ^\n"
            "<command line>:arg 3: error: 'optim.lr' is 'fast', expected a number such as 0.01 or "
            "1e-4\n"
            "      | optim.lr=fast\n"
            "      |          ^\n"
            "2 error(s)\n");
}

TEST_F(ProgramTest, MissingFilesAreOneError) {
  EXPECT_EQ(run("config gone.yaml").errors,
            "error: cannot read the configuration 'gone.yaml': No such file or directory\n"
            "1 error(s)\n");
}

TEST_F(ProgramTest, OverridesMayFollowSetFile) {
  write("run.yaml", "run: {name: a, seed: 1}\n");
  write("one.yaml", "run: {name: b}\n");
  write("two.yaml", "optim: {clip: 2}\n");

  const Ended ended =
      run("config --minimal --set-file one.yaml run.yaml --set-file two.yaml run.seed=9");

  EXPECT_EQ(ended.errors, "");
  EXPECT_EQ(ended.output, "run:\n  name: b\n  seed: 9\noptim:\n  clip: 2\n");
}

TEST_F(ProgramTest, InitThenConfigWorks) {
  EXPECT_EQ(run("init bert-mini demo").code, 0);

  const Ended ended = run("config demo/run.yaml");

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("# preset bert-mini\n"));
}

}  // namespace
}  // namespace bertyard
