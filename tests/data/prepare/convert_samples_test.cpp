// SPDX-License-Identifier: Apache-2.0
// Samples between our shards and the layouts of other programs.
#include "data/prepare/convert_samples.h"

#include <algorithm>

#include "data/shards/hdf5_nvidia_writer.h"
#include "data/shards/open_samples.h"
#include "data/shards/shard_dataset.h"
#include "tests/data/made_shards.h"
#include "tests/data/shards/ragged_file.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const fs::path kGolden = fs::path(BERTYARD_SOURCE_DIR) / "tests/golden";
constexpr ConvertOptions kOptions{.vocabulary_hash = 0xabcd, .vocabulary_size = 1000};

void expect_same(const SampleSource& found, const SampleSource& expected) {
  ASSERT_EQ(found.size(), expected.size());
  StoredSample a, b;
  for (std::uint64_t i = 0; i < found.size(); ++i) {
    found.read(i, a);
    expected.read(i, b);
    EXPECT_EQ(a.tokens, b.tokens);
    EXPECT_EQ(a.segments, b.segments);
    EXPECT_EQ(a.mask_positions, b.mask_positions);
    EXPECT_EQ(a.mask_labels, b.mask_labels);
    EXPECT_EQ(a.is_random_next, b.is_random_next);
  }
}

class Conversion : public Shard {
 protected:
  // Samples of which no first token is masked, which NVIDIA's layout cannot say.
  void write_samples(std::size_t count) {
    parameters_ = some_parameters(MaskTime::prepare);
    samples_ = random_samples(count, 1000);
    for (MaskedSample& made : samples_) {
      auto& masked = made.masked;
      if (masked.positions.empty() || masked.positions[0] != 0) continue;
      masked.positions.erase(masked.positions.begin());
      masked.labels.erase(masked.labels.begin());
    }
    parameters_.mask.rate = 1;  // the made samples have as many masks as they like
    entry_ = write_shard(file(), parameters_, samples_);
    write_manifest(directory_.path(), manifest_of(parameters_, {entry_}));
  }
  NvidiaWriteOptions nvidia_options() const {
    return {.out = directory_.path(), .max_length = 64, .max_predictions = 64};
  }
};

TEST_F(Conversion, ToNvidiasLayoutAndBackIsTheSame) {
  write_samples(500);
  const auto shards = open_samples(directory_.path());
  NvidiaWriteOptions options = nvidia_options();
  options.out = directory_ / "nvidia";
  fs::create_directory(options.out);
  options.samples_per_file = 200;

  const auto files = write_nvidia_files(*shards, options);

  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(files[2].filename(), "bertyard_training_2.hdf5");
  expect_same(*open_samples(options.out), *shards);
  const Manifest manifest = convert_to_shards(options.out, directory_ / "cache", kOptions);
  EXPECT_EQ(manifest.counts.samples, 500u);
  EXPECT_EQ(manifest.parameters.converted_from, "NVIDIA fixed layout");
  const auto cache = open_samples(directory_ / "cache", {.vocabulary_hash = 0xabcd});
  expect_same(*cache, *shards);
  for (std::uint64_t i = 0; i < 500; ++i) {
    EXPECT_EQ(cache->shape(i).a_length, shards->shape(i).a_length);
  }
}

TEST_F(Conversion, WritesNvidiasTypesShapesAndPadding) {
  write_samples(10);
  NvidiaWriteOptions options = nvidia_options();
  options.part = CorpusPart::valid;
  options.prefix = "books";
  options.max_length = 70;

  const auto files = write_nvidia_files(*open_samples(file()), options);

  ASSERT_EQ(files.at(0).filename(), "books_test_0.hdf5");
  const Hdf5File written = Hdf5File::open(files[0]);
  EXPECT_THAT(written.names(),
              ElementsAre("input_ids", "input_mask", "masked_lm_ids", "masked_lm_positions",
                          "next_sentence_labels", "segment_ids"));
  const auto expect = [&](const char* name, Hdf5Type type, std::vector<std::uint64_t> shape) {
    EXPECT_EQ(written.describe(name).type, type) << name;
    EXPECT_EQ(written.describe(name).shape, shape) << name;
  };
  expect("input_ids", Hdf5Type::i32, {10, 70});
  expect("input_mask", Hdf5Type::i8, {10, 70});
  expect("segment_ids", Hdf5Type::i8, {10, 70});
  expect("masked_lm_positions", Hdf5Type::i32, {10, 64});
  expect("masked_lm_ids", Hdf5Type::i32, {10, 64});
  expect("next_sentence_labels", Hdf5Type::i8, {10});
  const auto mask = written.read_all<std::int32_t>(written.describe("input_mask"));
  const auto length = static_cast<std::ptrdiff_t>(samples_[0].sample.tokens.size());
  EXPECT_EQ(std::count(mask.begin(), mask.begin() + length, 1), length);
  EXPECT_EQ(std::count(mask.begin() + length, mask.begin() + 70, 0), 70 - length);
}

TEST_F(Conversion, DynamicMasksAreDrawnOnce) {
  write(MaskTime::training);
  const Masker masker(MaskOptions{.max_predictions = 10},
                      {.size = 1000,
                       .mask = 4,
                       .cls = 2,
                       .sep = 3,
                       .continues = std::vector<std::uint8_t>(1000, 0)});
  NvidiaWriteOptions options = nvidia_options();
  options.out = directory_ / "nvidia";
  fs::create_directory(options.out);
  options.max_predictions = 10;
  options.masker = &masker;
  options.seed = 7;
  // Only samples whose first token would not be masked have a place in the layout.
  for (MaskedSample& made : samples_) made.sample.tokens[0] = 2;
  entry_ = write_shard(file(), parameters_, samples_);
  write_manifest(directory_.path(), manifest_of(parameters_, {entry_}));

  const auto files = write_nvidia_files(*open_samples(directory_.path()), options);

  const auto nvidia = open_samples(files.at(0));
  StoredSample sample;
  for (std::uint64_t i = 0; i < nvidia->size(); ++i) {
    std::vector<std::uint32_t> tokens = samples_[i].sample.tokens;
    MaskedTokens masked;
    masker.mask(tokens, {7, kFixedMaskEpoch, i}, masked);
    nvidia->read(i, sample);
    EXPECT_EQ(sample.tokens, tokens);
    EXPECT_EQ(sample.mask_positions, masked.positions);
    EXPECT_EQ(sample.mask_labels, masked.labels);
  }
}

TEST_F(Conversion, WhatNvidiasLayoutCannotHoldIsRefused) {
  write_samples(50);
  const auto shards = open_samples(directory_.path());
  NvidiaWriteOptions options = nvidia_options();
  options.max_length = 10;
  EXPECT_THAT(error_of([&] { write_nvidia_files(*shards, options); }),
              HasSubstr("tokens, the files have room for 10"));
  options = nvidia_options();
  options.max_predictions = 1;
  EXPECT_THAT(error_of([&] { write_nvidia_files(*shards, options); }),
              HasSubstr("masks, the files have room for 1"));
  samples_[3].masked = {{0}, {7}};
  entry_ = write_shard(directory_ / "other.h5", parameters_, samples_);
  EXPECT_THAT(error_of([&] {
                write_nvidia_files(*open_samples(directory_ / "other.h5"), nvidia_options());
              }),
              HasSubstr("sample 3: position 0 is masked"));
}

TEST_F(Conversion, TestFilesBesideTrainingFilesAreLeftOut) {
  for (const char* name : {"a_training_0.hdf5", "a_training_1.hdf5", "a_test_0.hdf5"}) {
    fs::copy_file(kGolden / "mlperf_variable.hdf5", directory_ / name);
  }

  EXPECT_EQ(open_samples(directory_.path())->size(), 8u);
  EXPECT_EQ(convert_to_shards(directory_.path(), directory_ / "cache", kOptions).counts.samples,
            8u);
  EXPECT_EQ(open_samples(directory_ / "a_test_0.hdf5")->size(), 4u);
}

TEST_F(Conversion, PackedSamplesOfMlperfBecomeShards) {
  convert_to_shards(kGolden / "mlperf_packed.hdf5", directory_ / "cache", kOptions);

  expect_same(*open_samples(directory_ / "cache"), *open_samples(kGolden / "mlperf_packed.hdf5"));
  const Manifest manifest = read_manifest(directory_ / "cache");
  EXPECT_EQ(manifest.counts.masked_tokens, 10u);
  EXPECT_EQ(manifest.counts.random_next, 3u);
  EXPECT_EQ(manifest.unigram->total, 37u - 6 * 3);  // [CLS] and both [SEP] left out
}

TEST_F(Conversion, ACacheIsGoodWhileItsFilesAreTheSame) {
  const fs::path source = directory_ / "part_00000", cache = directory_ / "cache";
  fs::copy_file(kGolden / "mlperf_packed.hdf5", source);
  EXPECT_FALSE(finished_conversion(source, cache, kOptions));
  convert_to_shards(source, cache, kOptions);

  EXPECT_TRUE(finished_conversion(source, cache, kOptions));
  ConvertOptions other = kOptions;
  other.vocabulary_hash = 1;
  EXPECT_FALSE(finished_conversion(source, cache, other));
  fs::last_write_time(source, fs::last_write_time(source) + std::chrono::seconds(1));
  EXPECT_FALSE(finished_conversion(source, cache, kOptions));
  convert_to_shards(source, cache, kOptions);
  EXPECT_TRUE(finished_conversion(source, cache, kOptions));
  fs::resize_file(cache / "shard-00000.h5", 100);
  EXPECT_FALSE(finished_conversion(source, cache, kOptions));
}

TEST_F(Conversion, SamplesWithoutTheFormAreRefusedAndNothingIsLeft) {
  // Sample 2 of the golden has holes, sample 3 a mask behind the last key.
  EXPECT_THAT(error_of([&] {
                convert_to_shards(kGolden / "nvidia_training_0.hdf5", directory_ / "cache",
                                  {.vocabulary_size = 0});
              }),
              HasSubstr("nvidia_training_0.hdf5"));
  EXPECT_TRUE(fs::is_empty(directory_.path()));
  const fs::path file = directory_ / "part_00000";
  const auto error = [&](const testing::Lists& segments, const testing::Lists& positions) {
    {
      testing::RaggedFile ragged(file);
      ragged.add("input_ids", {{2, 5, 6, 3, 7, 3}});
      ragged.add("segment_ids", segments);
      ragged.add("masked_lm_positions", positions);
      ragged.add("masked_lm_ids", {{7, 8}});
      ragged.add_flat("next_sentence_labels", {1});
    }
    return error_of([&] { convert_to_shards(file, directory_ / "cache", kOptions); });
  };
  EXPECT_THAT(error({{0, 0, 1, 1, 0, 0}}, {{1, 2}}),
              AllOf(HasSubstr("sample 0: its segment_ids are not zeros and then ones"),
                    HasSubstr("not be converted for training")));
  EXPECT_THAT(error({{0, 1, 1, 1, 1, 1}}, {{1, 2}}),
              HasSubstr("its first segment has fewer than two tokens"));
  EXPECT_THAT(error({{0, 0, 0, 0, 1, 1}}, {{2, 2}}), HasSubstr("a position is masked twice"));
  EXPECT_EQ(error({{0, 0, 0, 0, 1, 1}}, {{4, 1}}), "no DataError");
}

TEST_F(Conversion, ASlashBehindTheNameChangesNothing) {
  const fs::path cache = directory_ / "cache";
  for (const fs::path& out : {cache, fs::path(cache.string() + "/")}) {
    convert_to_shards(kGolden / "mlperf_packed.hdf5", out, kOptions);
    EXPECT_TRUE(finished_conversion(kGolden / "mlperf_packed.hdf5", cache, kOptions));
  }
}

TEST_F(Conversion, WhatKilledOnesHaveLeftGoes) {
  const fs::path cache = directory_ / "cache";
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  const pid_t child = fork();
  if (child == 0) std::_Exit(0);
  waitpid(child, nullptr, 0);
  const auto left = [&](const std::string& process) {
    return directory_ / ("cache.tmp-" + std::string(host.data()) + "-" + process);
  };
  const fs::path dead = left(std::to_string(child)), alive = left(std::to_string(getppid()));
  const fs::path elsewhere = left(std::to_string(child) + "-1");
  fs::create_directories(elsewhere);
  fs::create_directories(dead / "inside");
  fs::create_directories(alive);

  convert_to_shards(kGolden / "mlperf_packed.hdf5", cache, kOptions);

  EXPECT_FALSE(fs::exists(dead));
  EXPECT_TRUE(fs::exists(alive));
  EXPECT_TRUE(fs::exists(elsewhere)) << "of the host NAME-" << child;
}

TEST_F(Conversion, ACutFileInADirectoryIsNotPassedOver) {
  for (const char* name : {"a_0.hdf5", ".tmp-b_1.hdf5"}) {
    fs::copy_file(kGolden / "mlperf_variable.hdf5", directory_ / name);
  }
  std::ofstream(directory_ / "README") << "no samples";
  EXPECT_EQ(open_samples(directory_.path())->size(), 4u);
  std::ofstream(directory_ / "a_1.hdf5") << "\x89HDF";

  EXPECT_THAT(error_of([&] { open_samples(directory_.path()); }),
              HasSubstr("a_1.hdf5: 4 bytes that do not begin as HDF5 does, or cannot be read"));
}

TEST_F(Conversion, NvidiasFilesOfAnEarlierConversionAreNotMixedIn) {
  write_samples(50);
  const auto shards = open_samples(directory_.path());
  NvidiaWriteOptions options = nvidia_options();
  options.out = directory_ / "nvidia";
  fs::create_directory(options.out);
  options.samples_per_file = 20;
  EXPECT_EQ(write_nvidia_files(*shards, options).size(), 3u);
  EXPECT_EQ(write_nvidia_files(*shards, options).size(), 3u);
  options.samples_per_file = 50;

  EXPECT_THROW(write_nvidia_files(*shards, options), UsageError);
  EXPECT_EQ(open_samples(options.out)->size(), 50u);
}

TEST_F(Conversion, ADirectoryWithOtherFilesIsNotReplaced) {
  fs::create_directory(directory_ / "cache");
  std::ofstream(directory_ / "cache" / "thesis.tex") << "x";
  EXPECT_THROW(convert_to_shards(kGolden / "mlperf_packed.hdf5", directory_ / "cache", kOptions),
               UsageError);
}

}  // namespace
}  // namespace bertyard
