// SPDX-License-Identifier: Apache-2.0
// Shards that are written and read, and disks that are full.
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "data/shards/open_samples.h"
#include "tests/data/made_shards.h"
#include "tests/support/faulty_calls.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(Shard, GivesBackWhatWasWritten) {
  for (const MaskTime masks : {MaskTime::training, MaskTime::prepare}) {
    for (const std::uint32_t vocabulary_size : {1000u, 65536u, 70000u}) {
      write(masks, vocabulary_size);
      const auto source = open_samples(directory_.path());
      expect_samples(*source, samples_, masks == MaskTime::prepare);
      EXPECT_NO_THROW(source->verify());
      EXPECT_EQ(source->properties().masks, masks);
      EXPECT_TRUE(source->properties().warnings.empty());
    }
  }
}

TEST_F(Shard, TokensTakeSixteenBitsWhereTheVocabularyFits) {
  write(MaskTime::training, 65536);
  EXPECT_EQ(Hdf5File::open(file()).describe("tokens").type, Hdf5Type::u16);
  write(MaskTime::training, 65537);
  EXPECT_EQ(Hdf5File::open(file()).describe("tokens").type, Hdf5Type::u32);
}

TEST_F(Shard, SeveralShardsAreOneRunOfSamples) {
  parameters_ = some_parameters(MaskTime::prepare);
  samples_ = random_samples(300, 1000);
  std::vector<ShardEntry> entries;
  const std::vector<std::size_t> cuts{0, 100, 101, 300};
  for (std::size_t s = 0; s + 1 < cuts.size(); ++s) {
    const auto begin = samples_.begin();
    entries.push_back(write_shard(directory_ / ("shard-0000" + std::to_string(s) + ".h5"),
                                  parameters_,
                                  {begin + static_cast<std::ptrdiff_t>(cuts[s]),
                                   begin + static_cast<std::ptrdiff_t>(cuts[s + 1])}));
  }
  write_manifest(directory_.path(), manifest_of(parameters_, entries));

  expect_samples(*open_samples(directory_.path()), samples_, true);
  expect_samples(*open_samples(manifest()), samples_, true);
  EXPECT_EQ(open_samples(directory_ / "shard-00001.h5")->size(), 1u);
}

TEST_F(Shard, AFileAloneIsReadWithAWarning) {
  write(MaskTime::prepare);
  std::filesystem::remove(manifest());

  const auto source = open_samples(file());

  expect_samples(*source, samples_, true);
  ASSERT_EQ(source->properties().warnings.size(), 1u);
  EXPECT_THAT(source->properties().warnings[0], HasSubstr("checksums cannot be checked"));
}

TEST_F(Shard, ARepackedFileIsReadInBlocks) {
  write(MaskTime::prepare);
  const Hdf5File original = Hdf5File::open(file());
  {
    Hdf5File packed = Hdf5File::create(directory_ / "packed.h5");
    packed.write_number("format_version", original.read_number("format_version"));
    packed.write_text("parameters", original.read_text("parameters"));
    for (const std::string& name : original.names()) {
      const Hdf5Dataset dataset = original.describe(name);
      packed.create_dataset(name, dataset.type, dataset.shape, Hdf5Storage::gzip);
      packed.write_all<std::uint64_t>(name, original.read_all<std::uint64_t>(dataset));
    }
    packed.close();
  }
  EXPECT_FALSE(Hdf5File::open(directory_ / "packed.h5").describe("tokens").offset.has_value());

  expect_samples(*open_samples(directory_ / "packed.h5"), samples_, true);
}

TEST_F(Shard, ThreadsMayReadAtOnce) {
  write(MaskTime::prepare, 1000, 30000);
  const auto source = open_samples(directory_.path());
  std::vector<std::uint64_t> sums(4, 0);
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t& sum : sums) {
      threads.emplace_back([&] {
        StoredSample sample;
        for (std::uint64_t i = 0; i < source->size(); ++i) {
          source->read(i, sample);
          for (const std::uint32_t token : sample.tokens) sum += token;
        }
      });
    }
  }
  EXPECT_THAT(sums, ::testing::Each(sums[0]));
}

// At every system call of a write: the shard is there whole or not at all.
class ShardFault : public Shard, public ::testing::WithParamInterface<testing::Fault> {};

TEST_P(ShardFault, LeavesAWholeShardOrNone) {
  parameters_ = some_parameters(MaskTime::prepare);
  samples_ = random_samples(20, 1000);
  int at = 0;
  for (;; ++at) {
    std::filesystem::remove(file());
    const testing::FaultyCalls calls(GetParam(), at);
    bool failed = false;
    try {
      write_shard(file(), parameters_, samples_, calls);
    } catch (const IoError&) {
      failed = true;
    }
    const bool there = std::filesystem::exists(file());
    EXPECT_TRUE(there || failed);
    if (there) expect_samples(*open_samples(file()), samples_, true);
    const bool rubbish = !there && !std::filesystem::is_empty(directory_.path());
    EXPECT_TRUE(!rubbish || GetParam() == testing::Fault::killed) << "call " << at;
    if (!calls.struck()) break;
  }
  EXPECT_GE(at, 12);  // open, reserve, seven datasets, sync, close, rename
}

INSTANTIATE_TEST_SUITE_P(EveryCall, ShardFault,
                         ::testing::Values(testing::Fault::killed, testing::Fault::one_error,
                                           testing::Fault::disk_full));

// Writes as long as the limit of this process allows: what a full disk does, without one.
TEST_F(Shard, ALimitOnFileSizeIsAnInputOutputErrorAndLeavesNothing) {
  parameters_ = some_parameters(MaskTime::training);
  samples_ = random_samples(5000, 1000);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{100000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);

  try {
    write_shard(file(), parameters_, samples_);
    ADD_FAILURE() << "no error";
  } catch (const IoError& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::input_output);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("shard-00000.h5"), HasSubstr("File too large")));
  }

  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

TEST_F(Shard, AFullDiskIsAnInputOutputErrorAndLeavesNothing) {
  if (mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "a small file system cannot be mounted here";
  }
  try {
    write_shard(file(), some_parameters(MaskTime::training), random_samples(5000, 1000));
    ADD_FAILURE() << "no error";
  } catch (const IoError& error) {
    EXPECT_THAT(error.what(), HasSubstr("No space left on device"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
  umount(directory_.path().c_str());
}

TEST_F(Shard, AnUnwritableDirectoryIsAnInputOutputError) {
  EXPECT_THROW(write_shard(directory_ / "none" / "shard.h5", some_parameters(MaskTime::training),
                           random_samples(3, 1000)),
               IoError);
}

}  // namespace
}  // namespace bertyard
