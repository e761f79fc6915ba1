// SPDX-License-Identifier: Apache-2.0
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "data/shards/hdf5_file.h"
#include "data/shards/open_samples.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Made by h5py: 5 samples of 12 tokens and 4 predictions, gzip, types as NVIDIA's script has them.
std::filesystem::path golden() {
  return std::filesystem::path(BERTYARD_SOURCE_DIR) / "tests/golden/nvidia_training_0.hdf5";
}

StoredSample read(const SampleSource& source, std::uint64_t index) {
  StoredSample sample;
  source.read(index, sample);
  return sample;
}

TEST(NvidiaFile, PaddingIsLeftOut) {
  const auto source = open_samples(golden(), {.vocabulary_size = 100, .segments = 16});

  const StoredSample sample = read(*source, 0);

  EXPECT_THAT(sample.tokens, ElementsAre(2, 11, 12, 3, 13, 14, 15, 3));
  EXPECT_THAT(sample.segments, ElementsAre(0, 0, 0, 0, 1, 1, 1, 1));
  EXPECT_THAT(sample.key_mask, IsEmpty());
  EXPECT_THAT(sample.mask_positions, ElementsAre(1, 5));
  EXPECT_THAT(sample.mask_labels, ElementsAre(21, 22));
  EXPECT_FALSE(sample.is_random_next);
  EXPECT_EQ(source->shape(0).length, 8);
  EXPECT_EQ(source->shape(0).masked, 2);
}

TEST(NvidiaFile, AFullSampleIsReadWhole) {
  const StoredSample sample = read(*open_samples(golden(), {.segments = 16}), 1);

  EXPECT_EQ(sample.tokens.size(), 12u);
  EXPECT_THAT(sample.mask_positions, ElementsAre(1, 2, 7, 11));
  EXPECT_THAT(sample.mask_labels, ElementsAre(50, 51, 52, 53));
  EXPECT_TRUE(sample.is_random_next);
}

TEST(NvidiaFile, HolesAreMaskedKeysAndSegmentsAreTheFiles) {
  const StoredSample sample = read(*open_samples(golden(), {.segments = 16}), 2);

  EXPECT_THAT(sample.tokens, ElementsAre(2, 16, 17, 18, 19, 3));
  EXPECT_THAT(sample.key_mask, ElementsAre(0, 1, 0, 0, 1, 0));
  EXPECT_THAT(sample.segments, ElementsAre(0, 3, 3, 0, 15, 15));
  EXPECT_THAT(sample.mask_positions, ElementsAre(4));
}

TEST(NvidiaFile, AMaskedTokenBehindTheKeysIsKept) {
  const StoredSample sample = read(*open_samples(golden(), {.segments = 16}), 3);

  EXPECT_THAT(sample.tokens, ElementsAre(2, 5, 6, 3, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(sample.key_mask, ElementsAre(0, 0, 0, 0, 1, 1, 1, 1, 1, 1));
  EXPECT_THAT(sample.mask_positions, ElementsAre(9, 1));  // as stored
  EXPECT_THAT(sample.mask_labels, ElementsAre(60, 61));
}

TEST(NvidiaFile, WithoutAnyKeyAllTokensStayAndTheListEndsAtItsFirstZero) {
  const StoredSample sample = read(*open_samples(golden(), {.segments = 16}), 4);

  EXPECT_EQ(sample.tokens.size(), 12u);
  EXPECT_THAT(sample.key_mask, ::testing::Each(1));
  EXPECT_THAT(sample.mask_positions, IsEmpty());
}

TEST(NvidiaFile, SaysWhatItIs) {
  const auto source = open_samples(golden(), {.segments = 16});

  EXPECT_EQ(source->size(), 5u);
  EXPECT_EQ(source->properties().masks, MaskTime::prepare);
  EXPECT_EQ(source->properties().cutting, Cutting::refused);
  EXPECT_EQ(source->properties().max_length, 12);
  EXPECT_EQ(source->properties().max_masked, 4);
  EXPECT_EQ(source->properties().tokens, 8u + 12 + 6 + 10 + 12);
  EXPECT_THAT(source->properties().warnings[0], HasSubstr("no checksums"));
}

// A file of two samples of four tokens that a test damages in one place.
class NvidiaDamage : public ::testing::Test {
 protected:
  std::vector<std::int64_t> ids_{2, 5, 6, 3, 2, 7, 8, 3};
  std::vector<std::int64_t> mask_ = std::vector<std::int64_t>(8, 1);
  std::vector<std::int64_t> segments_ = std::vector<std::int64_t>(8, 0);
  std::vector<std::int64_t> positions_{1, 2, 1, 0};
  std::vector<std::int64_t> labels_{5, 6, 7, 0};
  std::vector<std::int64_t> next_{0, 1};

  std::string error(const SampleExpectations& expectations = {.vocabulary_size = 10}) const {
    const auto path = directory_ / "data.h5";
    {
      Hdf5File file = Hdf5File::create(path);
      add(file, "input_ids", {2, 4}, ids_);
      add(file, "input_mask", {2, 4}, mask_);
      add(file, "segment_ids", {2, 4}, segments_);
      add(file, "masked_lm_positions", {2, 2}, positions_);
      add(file, "masked_lm_ids", {2, labels_.size() / 2}, labels_);
      add(file, "next_sentence_labels", {next_.size()}, next_);
      file.close();
    }
    try {
      open_samples(path, expectations);
    } catch (const DataError& failure) {
      return failure.what();
    }
    return "no error";
  }
  static void add(Hdf5File& file, const char* name, const std::vector<std::uint64_t>& shape,
                  const std::vector<std::int64_t>& values) {
    file.create_dataset(name, Hdf5Type::i64, shape, Hdf5Storage::gzip);
    file.write_all<std::int64_t>(name, values);
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(NvidiaDamage, AWholeFileIsFine) {
  EXPECT_EQ(error(), "no error");
}

TEST_F(NvidiaDamage, IdsOutOfTheVocabulary) {
  ids_[5] = 10;
  EXPECT_THAT(error(), AllOf(HasSubstr("sample 1: input_ids holds 10, expected 0 to 9")));
  ids_[5] = -1;
  EXPECT_THAT(error(), HasSubstr("input_ids holds -1"));
  ids_[5] = std::int64_t{1} << 40;
  EXPECT_THAT(error({}), HasSubstr("input_ids holds 1099511627776"));
}

TEST_F(NvidiaDamage, LabelsAndPositionsOutOfRange) {
  labels_[0] = 10;
  EXPECT_THAT(error(), HasSubstr("sample 0: masked_lm_ids holds 10"));
  labels_[0] = 5;
  positions_[1] = 4;
  EXPECT_THAT(error(), HasSubstr("masked_lm_positions holds 4, expected 0 to 3"));
  positions_[1] = -1;
  EXPECT_THAT(error(), HasSubstr("masked_lm_positions holds -1"));
}

TEST_F(NvidiaDamage, SegmentsMasksAndNextSentenceOutOfRange) {
  segments_[3] = 2;
  EXPECT_THAT(error(), HasSubstr("segment_ids holds 2, expected 0 to 1"));
  EXPECT_EQ(error({.vocabulary_size = 10, .segments = 3}), "no error");
  segments_[3] = 0;
  mask_[0] = 2;
  EXPECT_THAT(error(), HasSubstr("input_mask holds 2"));
  mask_[0] = 1;
  next_[1] = -1;
  EXPECT_THAT(error(), HasSubstr("next_sentence_labels holds -1"));
}

TEST_F(NvidiaDamage, ShapesThatDisagree) {
  labels_ = {1, 2};
  EXPECT_THAT(error(), HasSubstr("disagree in shape"));
  labels_ = {5, 6, 7, 0};
  next_ = {0, 1, 0};
  EXPECT_THAT(error(), HasSubstr("disagree in shape"));
}

TEST_F(NvidiaDamage, SamplesLongerThanTheModelsPositions) {
  EXPECT_THAT(error({.vocabulary_size = 10, .max_length = 3}),
              HasSubstr("sample 0 has 4 tokens, the model 3 positions"));
}

}  // namespace
}  // namespace bertyard
