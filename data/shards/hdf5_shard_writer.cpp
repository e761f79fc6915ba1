// SPDX-License-Identifier: Apache-2.0
#include "data/shards/hdf5_shard_writer.h"

#include <cstddef>
#include <span>
#include <string>

#include "core/base/error.h"
#include "data/files/atomic_file.h"
#include "data/files/block_checksums.h"
#include "data/shards/hdf5_file.h"
#include "data/shards/hdf5_shard_format.h"

namespace bertyard {
namespace {

// Room for HDF5's own structures and the parameters.
constexpr std::uint64_t kMetadataBytes = 64 << 10;

// One dataset: its name, type and contents.
struct Column {
  std::string name;
  Hdf5Type type;
  std::size_t elements;
  std::span<const std::byte> bytes;
};

template <typename T>
Column column(const char* name, Hdf5Type type, const std::vector<T>& values) {
  return {name, type, values.size(), std::as_bytes(std::span(values))};
}

PackedIds::Width width_of(const ShardParameters& parameters) {
  return shard_format::ids_fit_u16(parameters.vocabulary_size) ? PackedIds::Width::u16
                                                               : PackedIds::Width::u32;
}

Column ids_column(const char* name, const PackedIds& ids) {
  const bool narrow = ids.width() == PackedIds::Width::u16;
  return {name, narrow ? Hdf5Type::u16 : Hdf5Type::u32, ids.size(), ids.bytes()};
}

// Makes the file with its attributes and datasets, and returns where each dataset's data begin.
std::vector<std::uint64_t> lay_out(const std::filesystem::path& path, const std::string& parameters,
                                   const std::vector<Column>& columns) {
  Hdf5File file = Hdf5File::create(path);
  file.write_number(shard_format::kVersion, kShardFormatVersion);
  file.write_text(shard_format::kParameters, parameters);
  std::vector<std::uint64_t> offsets;
  offsets.reserve(columns.size());
  for (const Column& column : columns) {
    file.create_dataset(column.name, column.type, {column.elements}, Hdf5Storage::contiguous);
  }
  for (const Column& column : columns) {
    offsets.push_back(column.elements == 0 ? 0 : file.describe(column.name).offset.value());
  }
  file.close();
  return offsets;
}

}  // namespace

ShardWriter::ShardWriter(const ShardParameters& parameters)
    : parameters_(parameters), tokens_(width_of(parameters)), mask_labels_(width_of(parameters)) {}

void ShardWriter::reserve(std::uint64_t samples, std::uint64_t tokens, std::uint64_t masked) {
  tokens_.reserve(tokens);
  offsets_.reserve(samples + 1);
  a_lengths_.reserve(samples);
  random_next_.reserve(samples);
  mask_offsets_.reserve(stores_masks() ? samples + 1 : 1);
  mask_positions_.reserve(masked);
  mask_labels_.reserve(masked);
}

void ShardWriter::add(const SampleChunk& chunk, std::size_t index) {
  tokens_.append(chunk.tokens_, chunk.offsets_[index], chunk.offsets_[index + 1]);
  offsets_.push_back(tokens_.size());
  a_lengths_.push_back(chunk.a_lengths_[index]);
  random_next_.push_back(chunk.random_next_[index]);
  if (!stores_masks()) return;
  const std::size_t begin = chunk.mask_offsets_[index];
  const std::size_t end = chunk.mask_offsets_[index + 1];
  mask_positions_.insert(mask_positions_.end(),
                         chunk.mask_positions_.begin() + static_cast<std::ptrdiff_t>(begin),
                         chunk.mask_positions_.begin() + static_cast<std::ptrdiff_t>(end));
  mask_labels_.append(chunk.mask_labels_, begin, end);
  mask_offsets_.push_back(mask_positions_.size());
}

void ShardWriter::add(const Sample& sample) {
  BERTYARD_CHECK(sample.tokens.size() <= static_cast<std::size_t>(parameters_.max_length),
                 "shard: the sample is longer than max_length");
  tokens_.append(sample.tokens);
  offsets_.push_back(tokens_.size());
  a_lengths_.push_back(static_cast<std::uint16_t>(sample.a_length));
  random_next_.push_back(sample.is_random_next ? 1 : 0);
}

void ShardWriter::add(const Sample& sample, const MaskedTokens& masked) {
  BERTYARD_CHECK(stores_masks(), "shard: its parameters say that it holds no masks");
  add(sample);
  mask_positions_.insert(mask_positions_.end(), masked.positions.begin(), masked.positions.end());
  mask_labels_.append(masked.labels);
  mask_offsets_.push_back(mask_positions_.size());
}

std::uint64_t ShardWriter::bytes() const {
  const std::uint64_t id_bytes = shard_format::id_bytes(parameters_.vocabulary_size);
  const std::uint64_t of_samples = samples() * (8 + 2 + 1) + tokens_.size() * id_bytes;
  const std::uint64_t of_masks = samples() * 8 + mask_positions_.size() * (2 + id_bytes);
  return of_samples + (stores_masks() ? of_masks : 0);
}

ShardEntry ShardWriter::write(const std::filesystem::path& path, const FileCalls& calls) const {
  std::vector<Column> columns{ids_column(shard_format::kTokens, tokens_),
                              column(shard_format::kSampleOffsets, Hdf5Type::u64, offsets_),
                              column(shard_format::kALength, Hdf5Type::u16, a_lengths_),
                              column(shard_format::kRandomNext, Hdf5Type::u8, random_next_)};
  if (stores_masks()) {
    columns.push_back(column(shard_format::kMaskOffsets, Hdf5Type::u64, mask_offsets_));
    columns.push_back(column(shard_format::kMaskPositions, Hdf5Type::u16, mask_positions_));
    columns.push_back(ids_column(shard_format::kMaskLabels, mask_labels_));
  }
  AtomicFile file(path, calls);
  FileWriter& writer = file.writer();
  writer.reserve(bytes() + kMetadataBytes);
  const std::vector<std::uint64_t> offsets = lay_out(writer.path(), to_json(parameters_), columns);
  for (std::size_t i = 0; i < columns.size(); ++i) writer.write_at(offsets[i], columns[i].bytes);
  ShardEntry entry{path.filename().string(), samples(), tokens_.size(), 0, {}};
  entry.bytes = std::filesystem::file_size(writer.path());
  entry.block_hashes = block_checksums(writer.path());
  file.commit();
  return entry;
}

}  // namespace bertyard
