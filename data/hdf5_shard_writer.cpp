// SPDX-License-Identifier: Apache-2.0
#include "data/hdf5_shard_writer.h"

#include <cstddef>
#include <span>
#include <string>

#include "core/base/error.h"
#include "data/block_checksums.h"
#include "data/files/atomic_file.h"
#include "data/files/mapped_file.h"
#include "data/hdf5_file.h"
#include "data/hdf5_shard_format.h"

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

// Ids in the type of the file; `narrow` keeps the memory of 16-bit ones.
Column ids_column(const char* name, const std::vector<std::uint32_t>& ids, bool fit_u16,
                  std::vector<std::uint16_t>& narrow) {
  if (!fit_u16) return column(name, Hdf5Type::u32, ids);
  narrow.assign(ids.begin(), ids.end());
  return column(name, Hdf5Type::u16, narrow);
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

ShardWriter::ShardWriter(const ShardParameters& parameters) : parameters_(parameters) {}

void ShardWriter::add(const Sample& sample) {
  BERTYARD_CHECK(sample.tokens.size() <= static_cast<std::size_t>(parameters_.max_length),
                 "shard: the sample is longer than max_length");
  tokens_.insert(tokens_.end(), sample.tokens.begin(), sample.tokens.end());
  offsets_.push_back(tokens_.size());
  a_lengths_.push_back(static_cast<std::uint16_t>(sample.a_length));
  random_next_.push_back(sample.is_random_next ? 1 : 0);
}

void ShardWriter::add(const Sample& sample, const MaskedTokens& masked) {
  BERTYARD_CHECK(stores_masks(), "shard: its parameters say that it holds no masks");
  add(sample);
  mask_positions_.insert(mask_positions_.end(), masked.positions.begin(), masked.positions.end());
  mask_labels_.insert(mask_labels_.end(), masked.labels.begin(), masked.labels.end());
  mask_offsets_.push_back(mask_positions_.size());
}

std::uint64_t ShardWriter::bytes() const {
  const std::uint64_t id_bytes = shard_format::ids_fit_u16(parameters_.vocabulary_size) ? 2 : 4;
  const std::uint64_t of_samples = samples() * (8 + 2 + 1) + tokens_.size() * id_bytes;
  const std::uint64_t of_masks = samples() * 8 + mask_positions_.size() * (2 + id_bytes);
  return of_samples + (stores_masks() ? of_masks : 0);
}

ShardEntry ShardWriter::write(const std::filesystem::path& path, const FileCalls& calls) const {
  const bool fit_u16 = shard_format::ids_fit_u16(parameters_.vocabulary_size);
  std::vector<std::uint16_t> narrow_tokens;
  std::vector<std::uint16_t> narrow_labels;
  std::vector<Column> columns{ids_column(shard_format::kTokens, tokens_, fit_u16, narrow_tokens),
                              column(shard_format::kSampleOffsets, Hdf5Type::u64, offsets_),
                              column(shard_format::kALength, Hdf5Type::u16, a_lengths_),
                              column(shard_format::kRandomNext, Hdf5Type::u8, random_next_)};
  if (stores_masks()) {
    columns.push_back(column(shard_format::kMaskOffsets, Hdf5Type::u64, mask_offsets_));
    columns.push_back(column(shard_format::kMaskPositions, Hdf5Type::u16, mask_positions_));
    columns.push_back(ids_column(shard_format::kMaskLabels, mask_labels_, fit_u16, narrow_labels));
  }
  AtomicFile file(path, calls);
  FileWriter& writer = file.writer();
  writer.reserve(bytes() + kMetadataBytes);
  const std::vector<std::uint64_t> offsets = lay_out(writer.path(), to_json(parameters_), columns);
  for (std::size_t i = 0; i < columns.size(); ++i) writer.write_at(offsets[i], columns[i].bytes);
  ShardEntry entry{path.filename().string(), samples(), tokens_.size(), 0, {}};
  {
    const MappedFile written(writer.path());
    entry.bytes = written.bytes().size();
    entry.block_hashes = block_checksums(written.bytes());
  }
  file.commit();
  return entry;
}

}  // namespace bertyard
