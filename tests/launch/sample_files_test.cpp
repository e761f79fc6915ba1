// SPDX-License-Identifier: Apache-2.0
// verify, convert, and training on what other programs wrote.
#include <nlohmann/json.hpp>

#include "tests/launch/small_run.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SampleFiles : public SmallRun {
 protected:
  void SetUp() override {
    SmallRun::SetUp();
    expect_runs("prepare run.yaml samples.mask.when=prepare");
  }
  void damage(const std::string& name, std::streamoff at) const {
    std::fstream file(directory_ / name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file.put('#');
  }
  static std::string golden(const std::string& name) {
    return std::string(BERTYARD_SOURCE_DIR "/tests/golden/") + name;
  }
};

TEST_F(SampleFiles, VerifyShowsFiguresAndAVerdictForBothParts) {
  const Ended ended = run("verify data --ascii --out lengths.svg");

  EXPECT_EQ(ended.code, 0) << ended.errors;
  EXPECT_EQ(ended.errors, "");
  EXPECT_THAT(ended.output,
              AllOf(HasSubstr("samples data/train"), HasSubstr("samples data/valid"),
                    HasSubstr("random next"), HasSubstr("[MASK], "), HasSubstr("[UNK]"),
                    HasSubstr("verdict      ok"), HasSubstr("Lengths of samples"),
                    HasSubstr("picture: lengths.svg")));
  EXPECT_THAT(read("lengths.svg"), AllOf(HasSubstr("data/train: ok"), HasSubstr("</svg>")));
}

TEST_F(SampleFiles, VerifyNamesEveryFindingAndExitsWith3) {
  damage("data/train/shard-00000.h5", 3000);
  damage("data/valid/manifest.json", 40);

  const Ended ended = run("verify data");

  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.errors,
              AllOf(HasSubstr("error: data/train/shard-00000.h5: the file is damaged: bytes 0 to"),
                    HasSubstr("error: data/valid/manifest.json: ")));
  EXPECT_THAT(ended.output, AllOf(HasSubstr("verdict"), HasSubstr("finding"),
                                  HasSubstr("against their checksums, samples read: 0\n")));
  const auto json = nlohmann::json::parse(run("verify data/train --json").output);
  EXPECT_FALSE(json.at(0).at("ok").get<bool>());
  EXPECT_EQ(json.at(0).at("findings").size(), 2u);
  EXPECT_EQ(run("verify nothing").code, 3);
  EXPECT_THAT(read("err.txt"), HasSubstr("nothing: does not exist"));
}

TEST_F(SampleFiles, VerifyReadsOtherProgramsFiles) {
  for (const char* name :
       {"mlperf_packed.hdf5", "mlperf_variable.hdf5", "nvidia_training_0.hdf5"}) {
    const Ended ended = run("verify " + golden(name));
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_THAT(ended.output, HasSubstr("layout"));
    EXPECT_EQ(run("inspect " + golden(name)).code, 0) << name;
  }
  EXPECT_THAT(run("inspect " + golden("mlperf_packed.hdf5")).output,
              HasSubstr("MLPerf packed layout"));
}

TEST_F(SampleFiles, ConvertedToNvidiasLayoutTheyTrainAndEvaluateTheSame) {
  expect_runs("convert data --to nvidia");
  EXPECT_THAT(read("out.txt"), AllOf(HasSubstr("nvidia/nvidia_training_0.hdf5"),
                                     HasSubstr("nvidia/nvidia_test_0.hdf5")));
  expect_runs("inspect nvidia");
  EXPECT_THAT(read("out.txt"), HasSubstr("NVIDIA fixed layout"));
  fs::create_directories(directory_ / "n/train");
  fs::create_directories(directory_ / "n/valid");
  fs::rename(directory_ / "nvidia/nvidia_training_0.hdf5", directory_ / "n/train/a.hdf5");
  fs::rename(directory_ / "nvidia/nvidia_test_0.hdf5", directory_ / "n/valid/a.hdf5");

  expect_runs("train run.yaml run.name=ours");
  const std::string ours = read("runs/ours/loss.log");
  const std::string data = " data.train=n/train data.valid=n/valid";
  expect_runs("train run.yaml run.name=theirs" + data);

  EXPECT_THAT(read("err.txt"), AllOf(HasSubstr("n/train: converting it once to shards in "),
                                     HasSubstr("of the NVIDIA fixed layout converted in")));
  EXPECT_EQ(read("runs/theirs/loss.log"), ours);
  expect_runs("train run.yaml run.name=again" + data);
  EXPECT_THAT(read("err.txt"),
              AllOf(HasSubstr("n/train: reading its conversion"), Not(HasSubstr("converting it"))));
  expect_runs("train run.yaml run.name=elsewhere data.cache=caches" + data);
  EXPECT_TRUE(fs::exists(directory_ / "caches"));
  EXPECT_EQ(read("runs/elsewhere/loss.log"), ours);
  expect_runs("eval runs/ours --data n/valid --json");
  const auto theirs_scores = nlohmann::json::parse(read("out.txt"));
  expect_runs("eval runs/ours --data data/valid --json");
  const auto our_scores = nlohmann::json::parse(read("out.txt"));
  EXPECT_NEAR(theirs_scores.at("mlm_loss").get<double>(), our_scores.at("mlm_loss").get<double>(),
              1e-6);
}

TEST_F(SampleFiles, ConvertToShardsNeedsAVocabularyAndRefusesShards) {
  const Ended without =
      run("convert " + golden("mlperf_packed.hdf5") + " --to s --format bertyard");
  EXPECT_EQ(without.code, 2);
  EXPECT_THAT(without.errors, HasSubstr("name it: --vocab vocab.txt"));
  expect_runs("convert " + golden("mlperf_packed.hdf5") +
              " --to s --format bertyard --vocab vocab.txt");
  EXPECT_THAT(read("out.txt"), HasSubstr("6 samples of the MLPerf packed layout -> s"));
  expect_runs("inspect s");
  EXPECT_EQ(run("verify s").code, 0);
  const Ended shards = run("convert data/train --to x --format bertyard");
  EXPECT_EQ(shards.code, 2);
  EXPECT_THAT(shards.errors, HasSubstr("these are bertyard's shards already"));
  EXPECT_EQ(run("convert nothing --to x").code, 3);
  EXPECT_THAT(read("err.txt"), HasSubstr("nothing: does not exist"));
}

TEST_F(SampleFiles, VerifyNamesAFileOfAnotherLayout) {
  fs::create_directory(directory_ / "mixed");
  fs::copy_file(golden("mlperf_variable.hdf5"), directory_ / "mixed/training_0.hdf5");
  fs::copy_file(golden("nvidia_training_0.hdf5"), directory_ / "mixed/training_1.hdf5");
  EXPECT_EQ(run("verify mixed").code, 3);
  EXPECT_THAT(read("err.txt"), HasSubstr("mixed/training_1.hdf5: in NVIDIA fixed layout"));
  EXPECT_THAT(read("err.txt"), HasSubstr(", but the files before it are in "));
}

TEST_F(SampleFiles, ConvertSaysWhatNvidiasLayoutCannotSay) {
  expect_runs("prepare run.yaml samples.out=whole samples.next_sentence=none");
  expect_runs("convert whole/train --to nvidia");
  EXPECT_THAT(read("err.txt"), HasSubstr("note: whole/train has samples.next_sentence: none; "
                                         "NVIDIA's layout has no place for that"));
  expect_runs("convert data/train --to nsp");
  EXPECT_EQ(read("err.txt"), "");
}

TEST_F(SampleFiles, DynamicMasksAreDrawnForNvidiasLayout) {
  expect_runs("prepare run.yaml samples.out=dynamic");
  expect_runs("convert dynamic/train --to d");
  EXPECT_THAT(read("out.txt"), HasSubstr("5 predictions"));
  fs::rename(directory_ / "vocab.txt", directory_ / "elsewhere.txt");
  const Ended ended = run("convert dynamic/train --to d");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.errors,
              HasSubstr("its masks are drawn in training, and there is no vocab.txt"));
}

TEST_F(SampleFiles, BlockShufflingTrains) {
  expect_runs("train run.yaml data.shuffle=blocks data.block=16 data.window=2");
  EXPECT_THAT(read("runs/r/metrics.jsonl"), HasSubstr("\"step\":4"));
}

TEST_F(SampleFiles, AShardThatIsCutShortUnderARunEndsItWithItsName) {
  // Without the guard the run would die of a bus error, code 135.
  const std::string script =
      "cd '" + directory_.path().string() +
      "' && '" BERTYARD_PROGRAM
      "' train run.yaml schedule.0.until='1M steps' eval.every=never >out.txt 2>err.txt & run=$!; "
      "for i in $(seq 300); do [ -s '" +
      (directory_ / "runs/r/metrics.jsonl").string() +
      "' ] && break; sleep 0.1; done; truncate -s 100 '" +
      (directory_ / "data/train/shard-00000.h5").string() + "'; wait $run";

  const int status = std::system(script.c_str());

  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_THAT(read("err.txt"), HasSubstr("error: data/train/shard-00000.h5: had "));
  EXPECT_THAT(read("err.txt"), HasSubstr("has 100 now: it was changed while it was being read"));
}

TEST_F(SampleFiles, ACacheThatCannotBeWrittenNamesTheSetting) {
  expect_runs("convert data --to nvidia");
  fs::remove(directory_ / "nvidia/nvidia_test_0.hdf5");
  write("file", "x");
  const Ended ended = run(
      "train run.yaml data.train=nvidia data.valid=null eval.every=never data.cache=file/below");
  EXPECT_EQ(ended.code, 74);
  EXPECT_THAT(ended.errors, HasSubstr("set data.cache to a directory that can be written"));
}

}  // namespace
}  // namespace bertyard
