// SPDX-License-Identifier: Apache-2.0
// Whatever stands in a shard, a file in NVIDIA's layout, a manifest or a shard's parameters,
// reading and verifying it ends in samples or in an error that says so.
//
// The first byte of the input chooses what is damaged; the rest are the damages. The structures of
// HDF5 itself stay whole: the library's own parser is not ours to fuzz, and in training checksums
// stand before it. Everything that our code interprets is open: all data of all datasets.
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include "core/base/error.h"
#include "data/shards/hdf5_file.h"
#include "data/shards/hdf5_shard_writer.h"
#include "data/shards/manifest.h"
#include "data/shards/open_samples.h"
#include "data/shards/verify_samples.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kVocabulary = 300;

// A file's bytes and where the data of its datasets are.
struct Original {
  std::string bytes;
  std::vector<std::size_t> data;  // offsets of every byte that may be damaged
};

Original original_of(const fs::path& path) {
  Original original;
  std::ifstream file(path, std::ios::binary);
  original.bytes.assign(std::istreambuf_iterator<char>(file), {});
  const Hdf5File hdf5 = Hdf5File::open(path);
  for (const std::string& name : hdf5.names()) {
    const Hdf5Dataset dataset = hdf5.describe(name);
    constexpr std::size_t kBytes[]{1, 1, 2, 2, 4, 4, 8, 8};
    const std::size_t bytes = dataset.elements() * kBytes[static_cast<std::size_t>(dataset.type)];
    for (std::size_t i = 0; i < bytes; ++i) original.data.push_back(dataset.offset.value() + i);
  }
  return original;
}

// Goes with the process.
struct ScratchDirectory {
  ScratchDirectory() {
    std::string pattern = (fs::temp_directory_path() / "bertyard-fuzz-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  fs::path path;
};

const fs::path& scratch_directory() {
  static const ScratchDirectory directory;
  return directory.path;
}

Original make_shard() {
  ShardParameters parameters;
  parameters.vocabulary_size = kVocabulary;
  parameters.max_length = 16;
  parameters.mask.when = MaskTime::prepare;
  ShardWriter writer(parameters);
  for (std::uint32_t i = 0; i < 12; ++i) {
    Sample sample{{1, 10 + i, 11, 2, 12, 13 + i, 2}, 4, i % 2 == 1};
    writer.add(sample, {{1 + i % 2}, {20 + i}});
  }
  const fs::path path = scratch_directory() / "shard.h5";
  writer.write(path);
  return original_of(path);
}

template <typename T>
void add(Hdf5File& file, const char* name, Hdf5Type type, std::vector<std::uint64_t> shape,
         const std::vector<T>& values) {
  file.create_dataset(name, type, shape, Hdf5Storage::contiguous);
  file.write_all(name, std::span<const T>(values));
}

Original make_nvidia_file() {
  const fs::path path = scratch_directory() / "nvidia.h5";
  Hdf5File file = Hdf5File::create(path);
  const std::vector<std::int32_t> ids{1, 10, 11, 2, 12, 2, 0, 0, 1, 13, 2, 14, 15, 16, 2, 0};
  add(file, "input_ids", Hdf5Type::i32, {2, 8}, ids);
  add<std::uint8_t>(file, "input_mask", Hdf5Type::i8, {2, 8},
                    {1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0});
  add<std::uint8_t>(file, "segment_ids", Hdf5Type::i8, {2, 8},
                    {0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0});
  add<std::int32_t>(file, "masked_lm_positions", Hdf5Type::i32, {2, 3}, {1, 0, 0, 3, 5, 0});
  add<std::int32_t>(file, "masked_lm_ids", Hdf5Type::i32, {2, 3}, {10, 0, 0, 14, 16, 0});
  add<std::uint8_t>(file, "next_sentence_labels", Hdf5Type::i8, {2}, {0, 1});
  file.close();
  return original_of(path);
}

// Three bytes a damage: where, as 16 bits modulo the data, and what is flipped.
std::string damaged(const Original& original, std::span<const std::uint8_t> damages) {
  std::string bytes = original.bytes;
  for (std::size_t i = 0; i + 2 < damages.size(); i += 3) {
    const std::size_t at = (damages[i] | damages[i + 1] << 8) % original.data.size();
    bytes[original.data[at]] = static_cast<char>(bytes[original.data[at]] ^ damages[i + 2]);
  }
  return bytes;
}

// Opens, reads and verifies; only errors of ours may come out.
void read_file(const std::string& bytes) {
  const int descriptor = ::memfd_create("shard", 0);
  if (::write(descriptor, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    ::abort();
  const fs::path path = "/proc/self/fd/" + std::to_string(descriptor);
  try {
    verify_samples(path, nullptr);
    const auto source = open_samples(path, {.vocabulary_size = kVocabulary, .max_length = 16});
    StoredSample sample;
    for (std::uint64_t i = 0; i < source->size(); ++i) {
      source->shape(i);
      source->read(i, sample);
    }
  } catch (const Error&) {
  }
  ::close(descriptor);
}

void read_texts(std::span<const std::uint8_t> text) {
  const std::string content(text.begin(), text.end());
  try {
    const ShardParameters parameters = parse_shard_parameters(content, "fuzz");
    if (!(parse_shard_parameters(to_json(parameters), "again") == parameters)) ::abort();
  } catch (const Error&) {
  }
  std::ofstream(scratch_directory() / kManifestName, std::ios::binary) << content;
  try {
    read_manifest(scratch_directory());
  } catch (const Error&) {
  }
}

void run(std::span<const std::uint8_t> input) {
  static const Original shard = make_shard();
  static const Original nvidia = make_nvidia_file();
  if (input.empty()) return;
  const auto rest = input.subspan(1);
  switch (input[0] % 3) {
    case 0:
      return read_file(damaged(shard, rest));
    case 1:
      return read_file(damaged(nvidia, rest));
    default:
      return read_texts(rest);
  }
}

}  // namespace
}  // namespace bertyard

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bertyard::run({data, size});
  return 0;
}
