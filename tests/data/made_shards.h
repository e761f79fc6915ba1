// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/philox.h"
#include "data/samples/sample_source.h"
#include "data/shards/hdf5_file.h"
#include "data/shards/hdf5_shard_writer.h"
#include "data/shards/manifest.h"
#include "data/shards/open_samples.h"
#include "tests/support/test_data.h"

// Shards of random samples, for the tests that read, damage and refuse them.
namespace bertyard {

inline ShardParameters some_parameters(MaskTime masks, std::uint32_t vocabulary_size = 1000) {
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

inline std::vector<MaskedSample> random_samples(std::size_t count, std::uint32_t vocabulary_size) {
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

inline ShardEntry write_shard(const std::filesystem::path& path, const ShardParameters& parameters,
                              const std::vector<MaskedSample>& samples,
                              const FileCalls& calls = FileCalls()) {
  ShardWriter writer(parameters);
  for (const MaskedSample& made : samples) {
    if (parameters.mask.when == MaskTime::prepare) {
      writer.add(made.sample, made.masked);
    } else {
      writer.add(made.sample);
    }
  }
  return writer.write(path, calls);
}

inline Manifest manifest_of(const ShardParameters& parameters,
                            const std::vector<ShardEntry>& shards) {
  Manifest manifest;
  manifest.parameters = parameters;
  manifest.shards = shards;
  for (const ShardEntry& shard : shards) {
    manifest.counts.samples += shard.samples;
    manifest.counts.sample_tokens += shard.tokens;
  }
  return manifest;
}

inline void expect_samples(const SampleSource& source, const std::vector<MaskedSample>& samples,
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

inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

inline void overwrite(const std::filesystem::path& path, std::uint64_t offset,
                      const std::string& bytes) {
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

}  // namespace bertyard
