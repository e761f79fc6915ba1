// SPDX-License-Identifier: Apache-2.0
#include "data/samples/joined_samples.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {

void JoinedSamples::add(std::unique_ptr<SampleSource> source) {
  const SourceProperties& added = source->properties();
  if (sources_.empty()) {
    const std::string path = properties_.path;
    properties_ = added;
    properties_.path = path;
  } else {
    if (added.layout != properties_.layout) {
      throw DataError(fmt::format("{}: in {}, but the files before it are in {}", added.path,
                                  added.layout, properties_.layout));
    }
    properties_.samples += added.samples;
    properties_.tokens += added.tokens;
    properties_.max_length = std::max(properties_.max_length, added.max_length);
    properties_.max_masked = std::max(properties_.max_masked, added.max_masked);
  }
  first_sample_.push_back(first_sample_.back() + added.samples);
  sources_.push_back(std::move(source));
}

JoinedSamples::Place JoinedSamples::find(std::uint64_t index) const {
  BERTYARD_CHECK(index < properties_.samples,
                 fmt::format("{}: sample {} of {}", properties_.path, index, properties_.samples));
  const auto after = std::upper_bound(first_sample_.begin(), first_sample_.end(), index);
  const auto source = static_cast<std::size_t>(after - first_sample_.begin()) - 1;
  return {*sources_[source], index - first_sample_[source]};
}

SampleShape JoinedSamples::shape(std::uint64_t index) const {
  const Place place = find(index);
  return place.source.shape(place.index);
}

void JoinedSamples::read(std::uint64_t index, StoredSample& sample) const {
  const Place place = find(index);
  place.source.read(place.index, sample);
}

void JoinedSamples::verify() const {
  for (const auto& source : sources_) source->verify();
}

namespace {

bool is_hdf5(const std::filesystem::path& path) {
  constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
  std::array<char, kSignature.size()> head{};
  std::ifstream(path, std::ios::binary).read(head.data(), head.size());
  return std::string_view(head.data(), head.size()) == kSignature;
}

bool is_called_hdf5(const std::filesystem::path& path) {
  return path.extension() == ".hdf5" || path.extension() == ".h5";
}

}  // namespace

std::vector<std::filesystem::path> hdf5_files_in(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::filesystem::path& path = entry.path();
    if (!entry.is_regular_file() || path.filename().string().starts_with('.')) continue;
    if (is_called_hdf5(path) || is_hdf5(path)) files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  const auto is_training = [](const std::filesystem::path& file) {
    return file.filename().string().find("training") != std::string::npos;
  };
  if (std::any_of(files.begin(), files.end(), is_training)) {
    std::erase_if(files, [&](const auto& file) { return !is_training(file); });
  }
  for (const std::filesystem::path& file : files) {
    if (is_hdf5(file)) continue;
    throw DataError(fmt::format(
        "{}: {} bytes that do not begin as HDF5 does, or cannot be read; was a copy cut? Copy it "
        "again, or take it out of the directory",
        file.string(), std::filesystem::file_size(file)));
  }
  return files;
}

}  // namespace bertyard
