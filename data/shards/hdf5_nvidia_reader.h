// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "data/samples/flat_samples.h"

namespace bertyard {

class Hdf5File;

// A file in the fixed layout of NVIDIA's DeepLearningExamples, N samples of S tokens and P masked
// ones: input_ids, input_mask, segment_ids [N, S], masked_lm_positions, masked_lm_ids [N, P],
// next_sentence_labels [N], of any integer types. Read as stored: input_mask may have holes
// (tokens that are no keys), segment ids are the file's, and the list of masked positions ends at
// its first 0. Tokens behind the last one that is a key or masked are left out: nothing attends to
// them and they carry no loss. Reads and checks the whole file when it is opened; owns its samples.
class NvidiaFile : public FlatSamples {
 public:
  NvidiaFile(const std::filesystem::path& path, const SampleExpectations& expectations);

 private:
  class Loader;
};

// Whether the file has the datasets of that layout.
bool has_nvidia_layout(const Hdf5File& file);

}  // namespace bertyard
