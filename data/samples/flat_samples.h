// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "data/samples/sample_source.h"

namespace bertyard {

// Samples that were read and checked whole when their file was opened, one after the other in
// memory. The readers of other programs' formats fill it.
class FlatSamples : public SampleSource {
 public:
  const SourceProperties& properties() const override { return properties_; }
  SampleShape shape(std::uint64_t index) const override;
  void read(std::uint64_t index, StoredSample& sample) const override;
  void verify() const override {}  // all was checked when the file was opened

 protected:
  // What is the same of all formats that store masks and know neither checksums nor a vocabulary.
  void describe_foreign(const std::filesystem::path& path, const SampleExpectations& expectations);

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

}  // namespace bertyard
