// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "data/samples/sample_source.h"

namespace bertyard {

// Several sources of one kind, one behind the other: a directory of another program's files.
class JoinedSamples : public SampleSource {
 public:
  explicit JoinedSamples(const std::filesystem::path& directory) {
    properties_.path = directory.string();
  }
  // Throws DataError where it differs in layout from those before.
  void add(std::unique_ptr<SampleSource> source);

  const SourceProperties& properties() const override { return properties_; }
  SampleShape shape(std::uint64_t index) const override;
  void read(std::uint64_t index, StoredSample& sample) const override;
  void verify() const override;

 private:
  struct Place {
    const SampleSource& source;
    std::uint64_t index;
  };
  Place find(std::uint64_t index) const;

  std::vector<std::unique_ptr<SampleSource>> sources_;
  std::vector<std::uint64_t> first_sample_{0};
  SourceProperties properties_;
};

// The HDF5 files in a directory, known by their first bytes, in order of their names. Where some
// have `training` in their names only those: NVIDIA keeps training and test files side by side, and
// its loader picks them so.
std::vector<std::filesystem::path> hdf5_files_in(const std::filesystem::path& directory);

}  // namespace bertyard
