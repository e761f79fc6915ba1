// SPDX-License-Identifier: Apache-2.0
// Vocabularies and shards that a training cannot use: exit code 3, one message, nothing touched.
#include <fstream>

#include "data/shards/hdf5_file.h"
#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

class DataErrorTest : public RunTest {
 protected:
  fs::path shard() const { return path("data/train/shard-00000.h5"); }
  // Refused before anything is made: no run directory, and the data are as they were.
  void expect_refused_at_start(const Arguments& words, const Arguments& arguments = {}) const {
    const auto before = snapshot(path("data"));
    expect_refused(3, words, "bad", arguments);
    EXPECT_FALSE(fs::exists(path("runs")));
    EXPECT_EQ(snapshot(path("data")), before);
  }
  // Overwrites elements of a dataset in place, whatever the checksums say.
  void fill(const std::string& dataset, std::uint64_t first, std::uint64_t count,
            std::uint16_t value) const {
    const std::uint64_t offset = Hdf5File::open(shard()).describe(dataset).offset.value();
    const std::vector<std::uint16_t> values(count, value);
    std::fstream file(shard(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset + first * sizeof value));
    file.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(count * sizeof value));
  }
};

TEST_F(DataErrorTest, MissingShardsAreNamedAndPrepareIsTheAdvice) {
  fs::rename(path("data/train"), path("elsewhere"));
  expect_refused_at_start({"data/train: does not exist", "bertyard prepare"});
}

TEST_F(DataErrorTest, AMissingShardOfSeveralIsNamed) {
  fs::remove(shard());
  expect_refused_at_start({"data/train/shard-00000.h5: cannot be opened: No such file"});
}

TEST_F(DataErrorTest, MissingHeldOutShardsAreNamed) {
  fs::remove_all(path("data/valid"));
  expect_refused_at_start({"data/valid: does not exist"});
}

TEST_F(DataErrorTest, AnEmptyShardIsNamed) {
  fs::resize_file(shard(), 0);
  expect_refused_at_start({"shard-00000.h5", "empty"});
}

TEST_F(DataErrorTest, ATruncatedShardIsNamed) {
  const auto bytes = fs::file_size(shard());
  fs::resize_file(shard(), bytes - 100);
  expect_refused_at_start({"shard-00000.h5: the file has " + std::to_string(bytes - 100) +
                               " bytes, the manifest says " + std::to_string(bytes),
                           "run prepare again"});
}

TEST_F(DataErrorTest, AnotherFormatVersionIsNamed) {
  Hdf5File newer = Hdf5File::create(path("newer.h5"));
  newer.write_number("format_version", 9);
  newer.close();
  expect_refused_at_start({"newer.h5: shard format version 9, this program reads 1"},
                          {"data.train=newer.h5"});
}

TEST_F(DataErrorTest, AnotherVocabularyIsRefused) {
  std::string text = read("vocab.txt");
  text += "later\n";
  write("vocab.txt", text);
  expect_refused_at_start({"made with a vocabulary of", "run prepare again"});
}

TEST_F(DataErrorTest, AVocabularyWithoutMaskIsRefused) {
  std::string text = read("vocab.txt");
  text.replace(text.find("[MASK]"), 6, "[mask]");
  write("vocab.txt", text);
  expect_refused_at_start({"vocab.txt has no [MASK] among its"});
}

TEST_F(DataErrorTest, AMissingVocabularyIsNamed) {
  fs::remove(path("vocab.txt"));
  expect_refused_at_start({"vocabulary vocab.txt is not there; expected a vocab.txt"});
}

// With the manifest away no checksum speaks before the ids do.
TEST_F(DataErrorTest, IdsOutOfRangeAreRefusedAtTheirFirstUse) {
  fs::remove(path("data/train/manifest.json"));
  fill("tokens", 0, Hdf5File::open(shard()).describe("tokens").elements(), 60000);
  expect_refused(3, {"token id 60000 is not below the vocabulary size", "run prepare again"}, "bad",
                 {"data.train=data/train/shard-00000.h5"});
  EXPECT_THAT(read(run("bad") / "STATUS"), ::testing::HasSubstr("failed: data/train/shard"));
}

// One bad sample: the rank that it falls to speaks, for rank 0 would wait for it in vain.
TEST_F(DataErrorTest, TheRankThatFindsABadSampleSaysSoHereAndInStatus) {
  BERTYARD_REQUIRE_MPIRUN();
  fs::remove(path("data/train/manifest.json"));
  fill("tokens", 20, 1, 60000);
  const testing::Ended ended = train(2, "bad", {"data.train=data/train/shard-00000.h5"});
  expect_error(ended, 3, {"sample 0: token id 60000 is not below the vocabulary size"});
  const bool by_rank_0 = ended.errors.find("[r1 ") == std::string::npos;
  EXPECT_THAT(
      read(run("bad") / "STATUS"),
      ::testing::StartsWith(by_rank_0 ? "failed: data/train" : "failed: rank 1: data/train"));
}

// A byte flips between two starts: refused with nothing lost, and with the shard mended the run
// ends with the bits of one that nothing happened to.
TEST_F(DataErrorTest, AShardDamagedBetweenStartsCostsNothing) {
  ASSERT_EQ(train(0, "whole").code, 0);
  ASSERT_EQ(train(0, "run", {"checkpoint.every=8 steps"}).code, 0);
  const std::string good = read(shard());
  fs::remove_all(run("run") / "checkpoints/step-00000024");
  const auto before = snapshot(run("run"));
  fill("tokens", 1000, 1, 77);

  expect_refused(3, {"shard-00000.h5: the file is damaged: bytes 0 to"}, "run");

  EXPECT_EQ(snapshot(run("run")), before);
  write(shard(), good);
  const testing::Ended mended = train(0, "run");
  EXPECT_EQ(mended.code, 0) << mended.errors;
  expect_same_bits("run", "whole");
}

}  // namespace
}  // namespace bertyard
