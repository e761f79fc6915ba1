// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace bertyard {

enum class SampleFormat { nvidia, bertyard };

struct ConvertVerbOptions {
  std::string samples;  // anything that open_samples() takes, or a directory of train and valid
  std::string to;       // directory
  SampleFormat format = SampleFormat::nvidia;
  std::string vocab;  // empty: a vocab.txt beside or above that they were made with
  std::uint64_t samples_per_file = 32768;  // of NVIDIA's
};

// `bertyard convert`: samples in NVIDIA's fixed layout, from any other; or shards of ours, from
// another program's. Masks that are drawn in training are drawn once.
int run_convert(const ConvertVerbOptions& options);

}  // namespace bertyard
