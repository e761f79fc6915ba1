// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "data/files/file_calls.h"
#include "data/samples/masking.h"
#include "data/samples/sample_builder.h"
#include "data/samples/sample_chunk.h"
#include "data/shards/manifest.h"
#include "data/tokenizer/packed_ids.h"

namespace bertyard {

// Collects the samples of one shard in memory and writes it at once: HDF5 lays out contiguous
// datasets, their contents are then written at their offsets, so that a full disk is a clean error.
class ShardWriter {
 public:
  // `parameters` go into the file's attributes; the size of the vocabulary decides between 16 and
  // 32 bits for a token.
  explicit ShardWriter(const ShardParameters& parameters);

  // For parameters.mask.when == training.
  void add(const Sample& sample);
  // For parameters.mask.when == prepare; `sample` holds the masked ids already.
  void add(const Sample& sample, const MaskedTokens& masked);

  // A sample of a chunk, masked there when parameters.mask.when == prepare.
  void add(const SampleChunk& chunk, std::size_t index);
  // Room for this many, so that memory is taken once.
  void reserve(std::uint64_t samples, std::uint64_t tokens, std::uint64_t masked);

  std::uint64_t samples() const { return offsets_.size() - 1; }
  // Of the datasets, so about the size of the file.
  std::uint64_t bytes() const;

  // Writes the shard atomically and says what the manifest needs. Throws IoError.
  ShardEntry write(const std::filesystem::path& path, const FileCalls& calls = FileCalls()) const;

 private:
  bool stores_masks() const { return parameters_.mask.when == MaskTime::prepare; }

  ShardParameters parameters_;
  PackedIds tokens_;
  std::vector<std::uint64_t> offsets_{0};
  std::vector<std::uint16_t> a_lengths_;
  std::vector<std::uint8_t> random_next_;
  std::vector<std::uint64_t> mask_offsets_{0};
  std::vector<std::uint16_t> mask_positions_;
  PackedIds mask_labels_;
};

}  // namespace bertyard
