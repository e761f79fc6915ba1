// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/options.h"

namespace bertyard {

// What planning a step needs to know of a sample without reading its tokens.
struct SampleShape {
  std::int64_t length = 0;    // tokens with [CLS] and [SEP]
  std::int64_t a_length = 0;  // tokens of "[CLS] A [SEP]"; length where there is one segment
  std::int64_t masked = 0;    // stored masks; 0 where masks are drawn when loading
};

// One sample as stored, ids widened. Reused from read to read.
struct StoredSample {
  std::vector<std::uint32_t> tokens;          // masked already where masks are stored
  std::vector<std::uint8_t> segments;         // [tokens]
  std::vector<std::uint8_t> key_mask;         // [tokens], 1: not a key for anyone; empty: none
  std::vector<std::uint32_t> mask_positions;  // ascending
  std::vector<std::uint32_t> mask_labels;     // the original ids there
  std::int64_t a_length = 0;                  // tokens of "[CLS] A [SEP]"
  bool is_random_next = false;                // NSP: B is from elsewhere; SOP: swapped
  std::vector<std::int32_t> task_labels;      // of the whole sample: a class, or start and end
  std::vector<float> task_values;             // of a regression
};

// Whether a sample may be shortened to a phase's length.
enum class Cutting { by_segments, refused };

struct SourceProperties {
  std::string path;
  std::string layout;  // for people: "bertyard shards", "NVIDIA fixed layout"
  std::uint64_t samples = 0;
  std::uint64_t tokens = 0;
  std::int64_t max_length = 0;  // no sample is longer
  std::int64_t max_masked = 0;  // stored masks of a sample, at most; 0 where none are stored
  int segments = 2;             // segment ids are below this
  MaskTime masks = MaskTime::training;  // prepare: the masks are stored
  NextSentence next_sentence = NextSentence::nsp;
  Cutting cutting = Cutting::by_segments;  // refused: what is [SEP] and what text is not known
  std::optional<std::uint64_t> vocabulary_hash;  // absent where the format does not know it
  std::uint32_t vocabulary_size = 0;             // 0: not known
  std::optional<TokenizerOptions> tokenizer;     // absent where another program wrote them
  std::uint64_t identity = 0;         // hash of what the samples were made from; 0: not known
  std::vector<std::string> warnings;  // what could not be checked
};

// Samples by index, whatever file they stand in. All of it is thread-safe.
// Errors: DataError naming the file, the sample and what was expected.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual const SourceProperties& properties() const = 0;
  virtual SampleShape shape(std::uint64_t index) const = 0;
  virtual void read(std::uint64_t index, StoredSample& sample) const = 0;
  // Hints that shape() or read() of this sample comes soon.
  virtual void prefetch_shape(std::uint64_t /*index*/) const {}
  virtual void prefetch(std::uint64_t /*index*/) const {}
  // Reads and checks everything there is: checksums, offsets, ids, positions.
  virtual void verify() const = 0;

  std::uint64_t size() const { return properties().samples; }
};

// What the run that opens the samples knows; 0 or absent means any.
struct SampleExpectations {
  std::optional<std::uint64_t> vocabulary_hash = std::nullopt;
  std::uint32_t vocabulary_size = 0;
  int segments = 2;             // segment ids must be below this
  std::int64_t max_length = 0;  // of a source that cannot be cut (NVIDIA's): the model's positions
};

}  // namespace bertyard
