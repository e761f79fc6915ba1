// SPDX-License-Identifier: Apache-2.0
// Shards that are missing, damaged, or not what the run or the manifest expects.
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/shards/open_samples.h"
#include "tests/data/made_shards.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

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

}  // namespace
}  // namespace bertyard
