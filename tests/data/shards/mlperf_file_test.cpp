// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "data/shards/open_samples.h"
#include "tests/data/shards/ragged_file.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const fs::path kGolden = fs::path(BERTYARD_SOURCE_DIR) / "tests/golden";

StoredSample read(const SampleSource& source, std::uint64_t index) {
  StoredSample sample;
  source.read(index, sample);
  return sample;
}

// Both goldens were made by h5py with the types of MLPerf's scripts: four sequences, then rows of
// sequences {0, 1}, {2} and {3, 1, 0}.
TEST(MlperfFile, VariableLengthIsReadAsStored) {
  const auto source = open_samples(kGolden / "mlperf_variable.hdf5", {.vocabulary_size = 100});

  ASSERT_EQ(source->size(), 4u);
  const StoredSample sample = read(*source, 2);
  EXPECT_THAT(sample.tokens, ElementsAre(2, 17, 18, 19, 3, 20, 3));
  EXPECT_THAT(sample.segments, ElementsAre(0, 0, 0, 0, 0, 1, 1));
  EXPECT_THAT(sample.mask_positions, ElementsAre(2, 3, 5));
  EXPECT_THAT(sample.mask_labels, ElementsAre(24, 25, 26));
  EXPECT_TRUE(sample.is_random_next);
  EXPECT_TRUE(sample.key_mask.empty());
  EXPECT_EQ(source->properties().layout, "MLPerf variable-length layout");
  EXPECT_EQ(source->properties().max_length, 7);
  EXPECT_EQ(source->properties().max_masked, 3);
  EXPECT_EQ(source->properties().tokens, 25u);
  EXPECT_EQ(source->properties().masks, MaskTime::prepare);
}

TEST(MlperfFile, PackedRowsAreUnpacked) {
  const auto packed = open_samples(kGolden / "mlperf_packed.hdf5", {.vocabulary_size = 100});
  const auto single = open_samples(kGolden / "mlperf_variable.hdf5", {.vocabulary_size = 100});

  EXPECT_EQ(packed->properties().layout, "MLPerf packed layout");
  const std::uint64_t order[] = {0, 1, 2, 3, 1, 0};
  ASSERT_EQ(packed->size(), std::size(order));
  for (std::uint64_t i = 0; i < packed->size(); ++i) {
    const StoredSample found = read(*packed, i), expected = read(*single, order[i]);
    EXPECT_EQ(found.tokens, expected.tokens);
    EXPECT_EQ(found.segments, expected.segments);
    EXPECT_EQ(found.mask_positions, expected.mask_positions);
    EXPECT_EQ(found.mask_labels, expected.mask_labels);
    EXPECT_EQ(found.is_random_next, expected.is_random_next);
    EXPECT_EQ(packed->shape(i).masked, std::ssize(expected.mask_positions));
  }
}

TEST(MlperfFile, ADirectoryOfFilesIsOneSource) {
  testing::TemporaryDirectory directory;
  fs::copy_file(kGolden / "mlperf_variable.hdf5", directory / "part_00000");
  fs::copy_file(kGolden / "mlperf_variable.hdf5", directory / "part_00001");
  std::ofstream(directory / "notes.txt") << "no HDF5";

  const auto source = open_samples(directory.path());

  EXPECT_EQ(source->size(), 8u);
  EXPECT_EQ(source->properties().tokens, 50u);
  EXPECT_EQ(read(*source, 6).tokens, read(*source, 2).tokens);
  fs::copy_file(kGolden / "mlperf_packed.hdf5", directory / "part_00002");
  EXPECT_THROW(open_samples(directory.path()), DataError);
}

// One packed row of two sequences of three tokens, damaged in one place.
class MlperfDamage : public ::testing::Test {
 protected:
  testing::Lists ids_{{2, 5, 3, 2, 6, 3}}, segments_{{0, 0, 0, 0, 0, 0}}, positions_{{1, 4}},
      labels_{{7, 8}}, next_{{0, 1}}, lengths_{{3, 3}}, masked_{{1, 1}};

  std::string error(const SampleExpectations& expectations = {.vocabulary_size = 10}) const {
    const auto path = directory_ / "part_00000";
    {
      testing::RaggedFile file(path);
      file.add("input_ids", ids_);
      file.add("segment_ids", segments_);
      file.add("masked_lm_positions", positions_);
      file.add("masked_lm_ids", labels_);
      file.add("next_sentence_labels", next_);
      file.add("packed_input_len", lengths_);
      file.add("packed_masked_lm_len", masked_);
    }
    try {
      open_samples(path, expectations);
    } catch (const DataError& failure) {
      return failure.what();
    }
    return "none";
  }
  testing::TemporaryDirectory directory_;
};

TEST_F(MlperfDamage, IdsAndLabelsOutOfRange) {
  EXPECT_EQ(error(), "none");
  ids_ = {{2, 10, 3, 2, 6, 3}};
  EXPECT_THAT(error(), AllOf(HasSubstr("part_00000: row 0: input_ids holds 10, expected 0 to 9")));
  ids_ = {{2, -1, 3, 2, 6, 3}};
  EXPECT_THAT(error(), HasSubstr("input_ids holds -1"));
  ids_ = {{2, 5, 3, 2, 6, 3}};
  labels_ = {{7, 10}};
  EXPECT_THAT(error(), HasSubstr("masked_lm_ids holds 10"));
  labels_ = {{7, 8}};
  next_ = {{0, 2}};
  EXPECT_THAT(error(), HasSubstr("next_sentence_labels holds 2"));
  next_ = {{0, 1}};
  segments_ = {{0, 0, 2, 0, 0, 0}};
  EXPECT_THAT(error(), HasSubstr("segment_ids holds 2, expected 0 to 1"));
}

TEST_F(MlperfDamage, PositionsOfAnotherSequence) {
  positions_ = {{3, 4}};
  EXPECT_THAT(error(), HasSubstr("masked_lm_positions holds 3, expected 0 to 2"));
  positions_ = {{1, 2}};
  EXPECT_THAT(error(), HasSubstr("masked_lm_positions holds 2, expected 3 to 5"));
}

TEST_F(MlperfDamage, LengthsThatDoNotAddUp) {
  lengths_ = {{3, 2}};
  EXPECT_THAT(error(), HasSubstr("do not add up to 6 tokens and 2 masks"));
  lengths_ = {{-3, 9}};
  EXPECT_THAT(error(), HasSubstr("do not add up"));
  lengths_ = {{6}};
  EXPECT_THAT(error(), HasSubstr("its 1 lengths and 2 counts of masks for 2 labels"));
  lengths_ = {{3, 3}};
  segments_ = {{0, 0}};
  EXPECT_THAT(error(), HasSubstr("row 0: 2 segment_ids for 6 input_ids"));
  segments_ = {{0, 0, 0, 0, 0, 0}};
  labels_ = {{7}};
  EXPECT_THAT(error(), HasSubstr("row 0: 1 masked_lm_ids for 2 masked_lm_positions"));
  labels_ = {{7, 8}, {9}};
  EXPECT_THAT(error(), HasSubstr("masked_lm_ids has 2 rows, input_ids 1"));
}

TEST_F(MlperfDamage, NothingInItAndMoreThanTheModelTakes) {
  EXPECT_THAT(error({.max_length = 2}),
              HasSubstr("a sequence has 3 tokens, the model 2 positions"));
  ids_ = segments_ = positions_ = labels_ = next_ = lengths_ = masked_ = {};
  EXPECT_THAT(error(), HasSubstr("holds no samples"));
}

TEST_F(MlperfDamage, ALabelMissingInVariableLength) {
  const auto path = directory_ / "variable.h5";
  {
    testing::RaggedFile file(path);
    file.add("input_ids", {{2, 5, 3}, {2, 6, 3}});
    file.add("segment_ids", {{0, 0, 0}, {0, 0, 0}});
    file.add("masked_lm_positions", {{1}, {1}});
    file.add("masked_lm_ids", {{1}, {1}});
    file.add_flat("next_sentence_labels", {1});
  }
  try {
    open_samples(path);
    FAIL() << "no error";
  } catch (const DataError& failure) {
    EXPECT_THAT(failure.what(), HasSubstr("next_sentence_labels has another number of rows"));
  }
}

}  // namespace
}  // namespace bertyard
