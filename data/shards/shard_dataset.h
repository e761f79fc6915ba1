// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "data/samples/sample_source.h"
#include "data/shards/hdf5_shard_reader.h"
#include "data/shards/manifest.h"

namespace bertyard {

// The shards of a manifest, or one of them, as one run of samples in the manifest's order.
class ShardDataset : public SampleSource {
 public:
  // All shards of `directory`.
  ShardDataset(const std::filesystem::path& directory, const SampleExpectations& expectations);
  // One file; with the checksums of a manifest beside it that names it, else with a warning.
  static ShardDataset of_file(const std::filesystem::path& file,
                              const SampleExpectations& expectations);

  const SourceProperties& properties() const override { return properties_; }
  SampleShape shape(std::uint64_t index) const override;
  void read(std::uint64_t index, StoredSample& sample) const override;
  void prefetch_shape(std::uint64_t index) const override;
  void prefetch(std::uint64_t index) const override;
  void verify() const override;

  const ShardParameters& parameters() const { return shards_.front().parameters(); }

 private:
  ShardDataset() = default;
  struct Place {
    const ShardReader& shard;
    std::uint64_t index;
  };
  Place find(std::uint64_t index) const;
  void add(const std::filesystem::path& file, const ShardEntry* entry,
           const ShardParameters* expected);
  void describe(const std::filesystem::path& path, const SampleExpectations& expectations);

  std::vector<ShardReader> shards_;
  std::vector<std::uint64_t> first_sample_{0};
  SourceProperties properties_;
};

// Throws DataError when the shards were made with another vocabulary than the one expected.
void check_vocabulary(const std::filesystem::path& path, const ShardParameters& parameters,
                      const SampleExpectations& expectations);

}  // namespace bertyard
