// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_config.h"

#include "launch/verbs/verb_init.h"
#include "tests/launch/config/config_fixture.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using VerbConfigTest = ConfigTest;

constexpr const char* kPresets[] = {"bert-tiny", "bert-mini",  "bert-small", "bert-medium",
                                    "bert-base", "bert-large", "elmo"};

template <typename Action>
std::string printed(Action action) {
  ::testing::internal::CaptureStdout();
  action();
  std::fflush(stdout);
  return ::testing::internal::GetCapturedStdout();
}

TEST_F(VerbConfigTest, EveryPresetFileLoads) {
  for (const std::string name : kPresets) {
    const std::string path = std::string(BERTYARD_SOURCE_DIR "/configs/presets/") + name + ".yaml";
    const LoadedConfig loaded = load_config({path, {}, {}});
    EXPECT_EQ(loaded.config.model.architecture, *model_preset(name));
    EXPECT_NO_THROW(require_keys(
        loaded, {"corpus.text", "tokenizer.vocab", "samples.out", "data.train"}, "train"));
  }
}

TEST_F(VerbConfigTest, InitWritesThePresetsText) {
  const std::string target = (directory_ / "new/demo").string();
  for (const std::string name : kPresets) {
    const std::string said = printed([&] { run_init({name, target + name, ListPresets::no}); });
    EXPECT_THAT(without_directory(said), HasSubstr("wrote new/demo" + name + "/run.yaml"));

    std::ifstream written(target + name + "/run.yaml"),
        preset(std::string(BERTYARD_SOURCE_DIR "/configs/presets/") + name + ".yaml");
    const std::string text((std::istreambuf_iterator<char>(written)), {});
    EXPECT_EQ(text, std::string((std::istreambuf_iterator<char>(preset)), {}));
    EXPECT_FALSE(text.empty());
  }
}

TEST_F(VerbConfigTest, InitListsPresets) {
  const std::string said = printed([] { run_init({"", ".", ListPresets::yes}); });
  for (const std::string name : kPresets) EXPECT_THAT(said, HasSubstr(name + ": "));
}

TEST_F(VerbConfigTest, InitRefusesUnknownPresetsAndKeepsWhatIsThere) {
  const auto message = [this](const InitVerbOptions& options) -> std::string {
    try {
      run_init(options);
    } catch (const Error& error) {
      return without_directory(error.what());
    }
    return "no mistake";
  };
  const std::string here = directory_.path().string();
  write("run.yaml", "mine");

  EXPECT_THAT(message({"bert-bas", here, ListPresets::no}),
              HasSubstr("no preset 'bert-bas', expected one of: bert-tiny, "));
  EXPECT_THAT(message({"bert-bas", here, ListPresets::no}), HasSubstr("did you mean 'bert-base'?"));
  EXPECT_EQ(message({"bert-tiny", here, ListPresets::no}),
            "'run.yaml' exists already; remove it, or name another directory");
  EXPECT_EQ(message({"bert-tiny", here + "/run.yaml", ListPresets::no}),
            "cannot write 'run.yaml/run.yaml': Not a directory");
}

TEST_F(VerbConfigTest, ConfigPrintsTheFormAskedFor) {
  const ConfigRequest request{write("run.yaml", "optim: {lr: 1e-3}\n"), {}, {}};

  EXPECT_THAT(printed([&] {
                run_config({request, ConfigForm::resolved});
              }),
              HasSubstr("lr: 0.001 "));
  EXPECT_EQ(printed([&] { run_config({request, ConfigForm::minimal}); }), "optim:\n  lr: 0.001\n");
  EXPECT_EQ(printed([] { run_config({{}, ConfigForm::documentation}); }), config_documentation());
  EXPECT_EQ(printed([] { run_config({{}, ConfigForm::schema}); }), config_schema());
}

TEST_F(VerbConfigTest, ConfigNeedsAFile) {
  try {
    run_config({});
    FAIL() << "went on without a configuration";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(),
                 "no configuration given; expected 'bertyard config FILE', or --docs, or --schema");
  }
}

}  // namespace
}  // namespace bertyard
