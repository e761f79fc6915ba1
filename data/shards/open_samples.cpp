// SPDX-License-Identifier: Apache-2.0
#include "data/shards/open_samples.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/samples/joined_samples.h"
#include "data/shards/hdf5_file.h"
#include "data/shards/hdf5_mlperf_reader.h"
#include "data/shards/hdf5_nvidia_reader.h"
#include "data/shards/hdf5_shard_format.h"
#include "data/shards/manifest.h"
#include "data/shards/shard_dataset.h"

namespace bertyard {
namespace {

constexpr std::string_view kHdf5Signature = "\x89HDF\r\n\x1a\n";

enum class Layout { shard, nvidia, mlperf };

void check_signature(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw DataError(fmt::format("{}: cannot be opened: {}", path.string(), std::strerror(errno)));
  }
  std::array<char, kHdf5Signature.size()> head{};
  file.read(head.data(), head.size());
  if (file.gcount() == 0) throw DataError(fmt::format("{}: the file is empty", path.string()));
  if (std::string_view(head.data(), head.size()) == kHdf5Signature) return;
  throw DataError(
      fmt::format("{}: is no HDF5 file; expected a shard that 'bertyard prepare' made "
                  "or a file in NVIDIA's or MLPerf's layout",
                  path.string()));
}

Layout layout_of(const std::filesystem::path& path) {
  const Hdf5File file = Hdf5File::open(path);
  if (file.has_attribute(shard_format::kVersion)) return Layout::shard;
  if (has_mlperf_layout(file)) return Layout::mlperf;
  if (has_nvidia_layout(file)) return Layout::nvidia;
  throw DataError(
      fmt::format("{}: is neither a bertyard shard nor a file in NVIDIA's fixed or MLPerf's "
                  "variable-length or packed layout; its datasets are: {}",
                  path.string(), fmt::join(file.names(), ", ")));
}

std::unique_ptr<SampleSource> open_directory(const std::filesystem::path& directory,
                                             const SampleExpectations& expectations) {
  if (!std::filesystem::exists(directory / kManifestName)) {
    const std::vector<std::filesystem::path> files = hdf5_files_in(directory);
    // Shards want their manifest; a directory of other programs' files has none.
    if (!files.empty() && is_foreign_layout(files.front())) {
      auto joined = std::make_unique<JoinedSamples>(directory);
      for (const std::filesystem::path& file : files) joined->add(open_samples(file, expectations));
      return joined;
    }
  }
  return std::make_unique<ShardDataset>(directory, expectations);
}

}  // namespace

bool is_named_by_manifest(const std::filesystem::path& path) {
  const std::filesystem::path directory = path.has_parent_path() ? path.parent_path() : ".";
  if (!std::filesystem::exists(directory / kManifestName)) return false;
  for (const ShardEntry& shard : read_manifest(directory).shards) {
    if (shard.file == path.filename().string()) return true;
  }
  return false;
}

bool is_foreign_layout(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) {
    if (std::filesystem::exists(path / kManifestName)) return false;
    const std::vector<std::filesystem::path> files = hdf5_files_in(path);
    return !files.empty() && is_foreign_layout(files.front());
  }
  if (path.filename() == kManifestName || is_named_by_manifest(path)) return false;
  check_signature(path);
  return layout_of(path) != Layout::shard;
}

std::unique_ptr<SampleSource> open_samples(const std::filesystem::path& path,
                                           const SampleExpectations& expectations) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    throw DataError(fmt::format("{}: does not exist; run: bertyard prepare", path.string()));
  }
  if (std::filesystem::is_directory(path)) {
    return open_directory(path, expectations);
  }
  if (path.filename() == kManifestName) {
    return std::make_unique<ShardDataset>(path.has_parent_path() ? path.parent_path() : ".",
                                          expectations);
  }
  // A file with checksums is checked against them before HDF5 sees its structures.
  if (!is_named_by_manifest(path)) {
    check_signature(path);
    const Layout layout = layout_of(path);
    if (layout == Layout::nvidia) return std::make_unique<NvidiaFile>(path, expectations);
    if (layout == Layout::mlperf) return std::make_unique<MlperfFile>(path, expectations);
  }
  return std::make_unique<ShardDataset>(ShardDataset::of_file(path, expectations));
}

}  // namespace bertyard
