// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "data/samples/sample_source.h"
#include "data/shards/manifest.h"

namespace bertyard {

// One open shard. Maps the file and reads samples without a call into HDF5; thread-safe.
// Each read checks what it touches: checksums of its blocks, offsets that rise, lengths, ids and
// positions in range. Errors: DataError naming file and sample.
class ShardReader {
 public:
  // `entry` brings size and checksums; null where there is no manifest.
  ShardReader(const std::filesystem::path& path, const ShardEntry* entry);
  ~ShardReader();
  ShardReader(ShardReader&&) noexcept;

  const ShardParameters& parameters() const;
  std::uint64_t samples() const;
  std::uint64_t tokens() const;

  SampleShape shape(std::uint64_t index) const;
  void read(std::uint64_t index, StoredSample& sample) const;
  void prefetch_shape(std::uint64_t index) const;
  void prefetch(std::uint64_t index) const;
  void verify() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace bertyard
