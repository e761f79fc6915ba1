// SPDX-License-Identifier: Apache-2.0
// Shards, manifest and what is wrong with them.
#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "core/base/error.h"
#include "core/base/philox.h"
#include "data/hdf5_file.h"
#include "data/hdf5_shard_reader.h"
#include "data/hdf5_shard_writer.h"
#include "data/sample_source.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

ShardParameters some_parameters(MaskTime masks, std::uint32_t vocabulary_size = 1000) {
  ShardParameters parameters;
  parameters.seed = 42;
  parameters.source_hash = 0x1234;
  parameters.vocabulary_hash = 0xabcd;
  parameters.vocabulary_size = vocabulary_size;
  parameters.max_length = 64;
  parameters.short_sequence = 0.1;
  parameters.mask.when = masks;
  return parameters;
}

struct MaskedSample {
  Sample sample;
  MaskedTokens masked;
};

std::vector<MaskedSample> random_samples(std::size_t count, std::uint32_t vocabulary_size) {
  PhiloxSequence draws(1, RandomPurpose::initialization, 0, 0);
  std::vector<MaskedSample> samples(count);
  for (MaskedSample& made : samples) {
    const std::uint32_t length = draws.next_in(5, 64);
    made.sample.a_length = draws.next_in(3, length - 2);
    made.sample.is_random_next = draws.next_below(2) == 1;
    for (std::uint32_t i = 0; i < length; ++i) {
      made.sample.tokens.push_back(draws.next_below(vocabulary_size));
      if (draws.next_below(7) == 0) {
        made.masked.positions.push_back(i);
        made.masked.labels.push_back(draws.next_below(vocabulary_size));
      }
    }
  }
  return samples;
}

ShardEntry write_shard(const std::filesystem::path& path, const ShardParameters& parameters,
                       const std::vector<MaskedSample>& samples) {
  ShardWriter writer(parameters);
  for (const MaskedSample& made : samples) {
    if (parameters.mask.when == MaskTime::prepare) {
      writer.add(made.sample, made.masked);
    } else {
      writer.add(made.sample);
    }
  }
  return writer.write(path);
}

Manifest manifest_of(const ShardParameters& parameters, const std::vector<ShardEntry>& shards) {
  Manifest manifest;
  manifest.parameters = parameters;
  manifest.shards = shards;
  for (const ShardEntry& shard : shards) {
    manifest.counts.samples += shard.samples;
    manifest.counts.sample_tokens += shard.tokens;
  }
  return manifest;
}

void expect_samples(const SampleSource& source, const std::vector<MaskedSample>& samples,
                    bool with_masks) {
  ASSERT_EQ(source.size(), samples.size());
  StoredSample read;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Sample& sample = samples[i].sample;
    source.read(i, read);
    ASSERT_EQ(read.tokens, sample.tokens);
    ASSERT_EQ(read.a_length, sample.a_length);
    ASSERT_EQ(read.is_random_next, sample.is_random_next);
    ASSERT_TRUE(read.key_mask.empty());
    ASSERT_EQ(read.segments.size(), sample.tokens.size());
    for (std::size_t t = 0; t < read.segments.size(); ++t) {
      ASSERT_EQ(read.segments[t], t < sample.a_length ? 0 : 1);
    }
    ASSERT_EQ(read.mask_positions,
              with_masks ? samples[i].masked.positions : std::vector<std::uint32_t>());
    ASSERT_EQ(read.mask_labels,
              with_masks ? samples[i].masked.labels : std::vector<std::uint32_t>());
    const SampleShape shape = source.shape(i);
    ASSERT_EQ(shape.length, static_cast<std::int64_t>(sample.tokens.size()));
    ASSERT_EQ(shape.a_length, sample.a_length);
    ASSERT_EQ(shape.masked, static_cast<std::int64_t>(read.mask_positions.size()));
  }
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

void overwrite(const std::filesystem::path& path, std::uint64_t offset, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

class Shard : public ::testing::Test {
 protected:
  // A directory with one shard and its manifest.
  void write(MaskTime masks, std::uint32_t vocabulary_size = 1000, std::size_t count = 200) {
    parameters_ = some_parameters(masks, vocabulary_size);
    samples_ = random_samples(count, vocabulary_size);
    entry_ = write_shard(file(), parameters_, samples_);
    write_manifest(directory_.path(), manifest_of(parameters_, {entry_}));
  }
  std::filesystem::path file() const { return directory_ / "shard-00000.h5"; }
  std::filesystem::path manifest() const { return directory_ / "manifest.json"; }
  std::string open_error(const SampleExpectations& expectations = {}) const {
    return error_of([&] { open_samples(directory_.path(), expectations)->verify(); });
  }
  // With the manifest away, only what a shard says of itself is checked.
  std::string bare_error() const {
    std::filesystem::remove(manifest());
    return error_of([&] { open_samples(file())->verify(); });
  }
  // Changes one element of a dataset in place.
  template <typename T>
  void poke(const std::string& dataset, std::uint64_t index, T value) const {
    const std::uint64_t offset = Hdf5File::open(file()).describe(dataset).offset.value();
    overwrite(file(), offset + index * sizeof(T),
              std::string(reinterpret_cast<const char*>(&value), sizeof(T)));
  }

  testing::TemporaryDirectory directory_;
  ShardParameters parameters_;
  std::vector<MaskedSample> samples_;
  ShardEntry entry_;
};

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

TEST_F(Shard, SixteenBitTokensOfALargeVocabularyAreRefused) {
  write(MaskTime::training, 65536);
  ShardParameters wide = parameters_;
  wide.vocabulary_size = 65537;  // the same number of digits, so the text is as long
  const std::string text = to_json(wide);
  std::ifstream in(file(), std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const std::size_t at = bytes.find(to_json(parameters_));
  ASSERT_NE(at, std::string::npos);
  overwrite(file(), at, text);

  EXPECT_THAT(bare_error(), HasSubstr("dataset 'tokens' is u16 of rank 1, expected u32"));
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

TEST_F(Shard, AShardWithoutSamplesIsRefused) {
  write(MaskTime::prepare, 1000, 0);
  EXPECT_THAT(open_error(), HasSubstr("holds no samples"));
}

TEST_F(Shard, MissingEmptyAndForeignFilesAreNamed) {
  EXPECT_THAT(error_of([&] { open_samples(directory_ / "none"); }),
              AllOf(HasSubstr("none: does not exist"), HasSubstr("bertyard prepare")));
  EXPECT_THAT(error_of([&] { open_samples(directory_.path()); }),
              AllOf(HasSubstr("manifest.json: missing"), HasSubstr("bertyard prepare")));
  std::ofstream(directory_ / "empty.h5");
  EXPECT_THAT(error_of([&] { open_samples(directory_ / "empty.h5"); }),
              HasSubstr("the file is empty"));
  std::ofstream(directory_ / "text.h5") << "not an HDF5 file at all";
  EXPECT_THAT(error_of([&] { open_samples(directory_ / "text.h5"); }),
              HasSubstr("is no HDF5 file"));
  {
    Hdf5File other = Hdf5File::create(directory_ / "other.h5");
    other.create_dataset("weights", Hdf5Type::i32, {3}, Hdf5Storage::contiguous);
    other.close();
  }
  EXPECT_THAT(error_of([&] { open_samples(directory_ / "other.h5"); }),
              AllOf(HasSubstr("neither a bertyard shard nor"), HasSubstr("weights")));
}

TEST_F(Shard, AMissingShardOfTheManifestIsNamed) {
  write(MaskTime::training);
  std::filesystem::remove(file());
  EXPECT_THAT(open_error(), HasSubstr("shard-00000.h5: cannot be opened: No such file"));
}

TEST_F(Shard, TruncationIsFoundWithAndWithoutManifest) {
  for (const std::uint64_t cut : {1u, 100u, 4096u}) {
    write(MaskTime::prepare);
    std::filesystem::resize_file(file(), entry_.bytes - cut);
    EXPECT_THAT(open_error(), HasSubstr("the manifest says"));
    EXPECT_THAT(bare_error(), HasSubstr("truncated"));
  }
}

TEST_F(Shard, AnotherVocabularyIsRefused) {
  write(MaskTime::training);
  EXPECT_THAT(open_error({.vocabulary_hash = 0xabce}),
              AllOf(HasSubstr("000000000000abcd"), HasSubstr("000000000000abce"),
                    HasSubstr("run prepare again")));
  EXPECT_THAT(open_error({.vocabulary_size = 999}), HasSubstr("expected 999 entries"));
  EXPECT_THAT(error_of([&] { open_samples(file(), {.vocabulary_hash = 1}); }),
              HasSubstr("vocabulary"));
  EXPECT_NO_THROW(open_samples(file(), {.vocabulary_hash = 0xabcd, .vocabulary_size = 1000}));
}

TEST_F(Shard, MoreSegmentsThanTheModelHasAreRefused) {
  write(MaskTime::training);
  EXPECT_THAT(open_error({.segments = 1}), HasSubstr("the model has 1 segment types"));
}

TEST_F(Shard, AnotherFormatVersionIsRefused) {
  write(MaskTime::training);
  Hdf5File newer = Hdf5File::create(directory_ / "newer.h5");
  newer.write_number("format_version", 2);
  newer.close();
  EXPECT_THAT(error_of([&] { open_samples(directory_ / "newer.h5"); }),
              HasSubstr("shard format version 2, this program reads 1"));
}

TEST_F(Shard, EveryFlippedBitIsFound) {
  // Three blocks; flips all over the file and close together at its head.
  write(MaskTime::prepare, 1000, 25000);
  ASSERT_GT(entry_.bytes, 2u << 20);
  PhiloxSequence draws(2, RandomPurpose::initialization, 0, 0);
  for (int i = 0; i < 60; ++i) {
    const std::uint64_t range = i % 2 == 0 ? entry_.bytes : 8192;
    const std::uint64_t at = draws.next_below(static_cast<std::uint32_t>(range));
    std::ifstream in(file(), std::ios::binary);
    in.seekg(static_cast<std::streamoff>(at));
    const auto byte = static_cast<char>(in.get());
    overwrite(file(), at, std::string(1, static_cast<char>(byte ^ (1 << draws.next_below(8)))));

    EXPECT_THAT(open_error(), HasSubstr("the file is damaged: bytes")) << at;

    overwrite(file(), at, std::string(1, byte));
  }
  EXPECT_EQ(open_error(), "no DataError");
}

TEST_F(Shard, ADamagedBlockIsFoundAtItsFirstTouch) {
  write(MaskTime::training, 1000, 40000);
  const std::uint64_t tokens = Hdf5File::open(file()).describe("tokens").offset.value();
  poke<std::uint16_t>("tokens", ((std::uint64_t{3} << 19) - tokens) / 2, 1);  // in the second block
  const auto source = open_samples(directory_.path());
  StoredSample sample;

  EXPECT_NO_THROW(source->read(0, sample));
  bool found = false;
  for (std::uint64_t i = 0; i < source->size() && !found; ++i) {
    found = error_of([&] { source->read(i, sample); }).find("damaged") != std::string::npos;
  }
  EXPECT_TRUE(found);
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

TEST_F(Shard, WhatAShardSaysOfItselfIsChecked) {
  const auto error_after = [&](const std::function<void()>& damage) {
    write(MaskTime::prepare);
    damage();
    return bare_error();
  };
  EXPECT_THAT(error_after([&] { poke<std::uint16_t>("tokens", 7, 1000); }),
              AllOf(HasSubstr("sample 0: token id 1000 is not below the vocabulary size 1000"),
                    HasSubstr("run prepare again")));
  EXPECT_THAT(error_after([&] { poke<std::uint64_t>("sample_offsets", 3, 1 << 20); }),
              HasSubstr("do not rise or exceed"));
  EXPECT_THAT(error_after([&] { poke<std::uint64_t>("sample_offsets", 3, 0); }),
              HasSubstr("sample 2"));
  EXPECT_THAT(error_after([&] { poke<std::uint64_t>("sample_offsets", 200, 5); }),
              HasSubstr("sample_offsets ends at 5"));
  EXPECT_THAT(error_after([&] { poke<std::uint16_t>("a_length", 4, 65); }),
              HasSubstr("sample 4: a_length is 65"));
  EXPECT_THAT(error_after([&] { poke<std::uint16_t>("a_length", 4, 0); }),
              HasSubstr("sample 4: a_length is 0"));
  EXPECT_THAT(error_after([&] { poke<std::uint8_t>("is_random_next", 9, 2); }),
              HasSubstr("sample 9: is_random_next is 2"));
  EXPECT_THAT(error_after([&] { poke<std::uint16_t>("mask_positions", 0, 64); }),
              HasSubstr("mask position 64 does not rise or is not below"));
  EXPECT_THAT(error_after([&] { poke<std::uint16_t>("mask_labels", 0, 1001); }),
              HasSubstr("token id 1001"));
  EXPECT_THAT(error_after([&] { poke<std::uint64_t>("mask_offsets", 1, 1 << 30); }),
              HasSubstr("do not rise or exceed"));
}

TEST_F(Shard, AManifestOfOtherFilesIsRefused) {
  write(MaskTime::training);
  ShardParameters other = parameters_;
  other.seed = 43;
  write_manifest(directory_.path(), manifest_of(other, {entry_}));
  EXPECT_THAT(open_error(), HasSubstr("other parameters than the manifest"));

  ShardEntry miscounted = entry_;
  ++miscounted.samples;
  write_manifest(directory_.path(), manifest_of(parameters_, {miscounted}));
  EXPECT_THAT(open_error(), HasSubstr("the manifest says 201"));

  ShardEntry fewer_blocks = entry_;
  fewer_blocks.block_hashes.push_back(0);
  write_manifest(directory_.path(), manifest_of(parameters_, {fewer_blocks}));
  EXPECT_THAT(open_error(), HasSubstr("blocks of 1 MiB"));

  write_manifest(directory_.path(), manifest_of(parameters_, {}));
  EXPECT_THAT(open_error(), HasSubstr("names no shards"));
}

TEST_F(Shard, ALinkToElsewhereIsRefused) {
  // Written by h5py: tokens is an external link.
  const std::filesystem::path golden = std::filesystem::path(BERTYARD_SOURCE_DIR) / "tests/golden";
  EXPECT_THAT(error_of([&] { Hdf5File::open(golden / "hdf5_links.h5").describe("external"); }),
              HasSubstr("dataset 'external' is a link to elsewhere"));
  EXPECT_THAT(error_of([&] { Hdf5File::open(golden / "hdf5_links.h5").describe("virtual"); }),
              HasSubstr("is virtual"));
  EXPECT_THAT(error_of([&] { Hdf5File::open(golden / "hdf5_links.h5").describe("lzf"); }),
              HasSubstr("uses filter 32000; expected none or gzip"));
  EXPECT_THAT(error_of([&] { Hdf5File::open(golden / "hdf5_links.h5").describe("floats"); }),
              HasSubstr("does not hold integers"));
  EXPECT_THAT(error_of([&] { Hdf5File::open(golden / "hdf5_links.h5").describe("none"); }),
              HasSubstr("dataset 'none' is missing"));
}

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
