// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/samples/masking.h"
#include "data/samples/sample_source.h"
#include "data/samples/shard_parameters.h"

namespace bertyard {

struct NvidiaWriteOptions {
  std::filesystem::path out;               // directory
  std::string prefix = "bertyard";         // files are PREFIX_training_0.hdf5 and on
  CorpusPart part = CorpusPart::train;     // valid: PREFIX_test_0.hdf5
  std::int64_t max_length = 0;             // S; no sample may be longer
  std::int64_t max_predictions = 0;        // P; no sample may have more masks
  const Masker* masker = nullptr;          // draws where the source stores no masks
  std::uint64_t seed = 0;                  // of these draws, with kFixedMaskEpoch
  std::uint64_t samples_per_file = 32768;  // are in memory at a time
};

// Samples in the fixed layout of NVIDIA's DeepLearningExamples: input_ids i4, input_mask i1,
// segment_ids i1 [N, S], masked_lm_positions i4, masked_lm_ids i4 [N, P], next_sentence_labels i1
// [N], gzip level 4, padded with 0. Each file appears when it is complete. Returns the files.
// Throws DataError for samples that the layout cannot hold, IoError.
std::vector<std::filesystem::path> write_nvidia_files(const SampleSource& source,
                                                      const NvidiaWriteOptions& options);

}  // namespace bertyard
