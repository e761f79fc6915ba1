// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "data/samples/flat_samples.h"

namespace bertyard {

class Hdf5File;

// A file in one of MLPerf's layouts. Variable length, N sequences: input_ids, segment_ids,
// masked_lm_positions, masked_lm_ids as lists, next_sentence_labels [N]. Packed, N rows of up to
// three sequences: the same with lists of labels, and packed_input_len and packed_masked_lm_len
// that say where one sequence ends; positions count from the start of the row. Each sequence
// becomes a sample of its own: attention never crossed them, and we pack by ourselves. Reads and
// checks the whole file when it is opened; owns its samples.
class MlperfFile : public FlatSamples {
 public:
  MlperfFile(const std::filesystem::path& path, const SampleExpectations& expectations);

 private:
  class Loader;
};

// Whether the file has the datasets of either layout.
bool has_mlperf_layout(const Hdf5File& file);

}  // namespace bertyard
