// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/sample_source.h"

namespace bertyard {

class Hdf5File;

// A file in the fixed layout of NVIDIA's DeepLearningExamples, N samples of S tokens and P masked
// ones: input_ids, input_mask, segment_ids [N, S], masked_lm_positions, masked_lm_ids [N, P],
// next_sentence_labels [N], of any integer types. Read as stored: input_mask may have holes
// (tokens that are no keys), segment ids are the file's, and the list of masked positions ends at
// its first 0. Tokens behind the last one that is a key or masked are left out: nothing attends to
// them and they carry no loss. Reads and checks the whole file when it is opened; owns its samples.
class NvidiaFile : public SampleSource {
 public:
  NvidiaFile(const std::filesystem::path& path, const SampleExpectations& expectations);

  const SourceProperties& properties() const override { return properties_; }
  SampleShape shape(std::uint64_t index) const override;
  void read(std::uint64_t index, StoredSample& sample) const override;
  void verify() const override {}  // all was checked when the file was opened

 private:
  class Loader;

  SourceProperties properties_;
  std::vector<std::uint64_t> offsets_{0};
  std::vector<std::uint32_t> tokens_;
  std::vector<std::uint8_t> segments_;
  std::vector<std::uint8_t> key_mask_;  // as tokens, 1: not a key
  std::vector<std::uint64_t> mask_offsets_{0};
  std::vector<std::uint32_t> mask_positions_;
  std::vector<std::uint32_t> mask_labels_;
  std::vector<std::uint8_t> random_next_;
};

// Whether the file has the datasets of that layout.
bool has_nvidia_layout(const Hdf5File& file);

}  // namespace bertyard
