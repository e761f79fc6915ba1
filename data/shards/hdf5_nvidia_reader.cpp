// SPDX-License-Identifier: Apache-2.0
#include "data/shards/hdf5_nvidia_reader.h"

#include <algorithm>
#include <array>
#include <span>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/shards/hdf5_file.h"

namespace bertyard {
namespace {

constexpr std::array kDatasets{"input_ids",           "input_mask",    "segment_ids",
                               "masked_lm_positions", "masked_lm_ids", "next_sentence_labels"};
// Elements of one dataset in memory at a time.
constexpr std::uint64_t kBlockElements = std::uint64_t{1} << 22;

// Rows of one dataset, 64 bits so that no stored integer is clipped on the way in.
struct Rows {
  std::vector<std::int64_t> values;
  std::uint64_t width = 0;

  std::span<const std::int64_t> row(std::uint64_t index) const {
    return std::span(values).subspan(index * width, width);
  }
};

}  // namespace

bool has_nvidia_layout(const Hdf5File& file) {
  const std::vector<std::string> names = file.names();
  return std::all_of(kDatasets.begin(), kDatasets.end(), [&](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  });
}

class NvidiaFile::Loader {
 public:
  Loader(NvidiaFile& out, const Hdf5File& file, const SampleExpectations& expectations)
      : out_(out), file_(file), expectations_(expectations) {
    ids_ = describe("input_ids", 2);
    mask_ = describe("input_mask", 2);
    segments_ = describe("segment_ids", 2);
    positions_ = describe("masked_lm_positions", 2);
    labels_ = describe("masked_lm_ids", 2);
    next_ = describe("next_sentence_labels", 1);
    check_shapes();
  }

  std::uint64_t samples() const { return ids_.rows(); }
  std::uint64_t predictions() const { return positions_.row_elements(); }

  void load() {
    const std::uint64_t width = std::max(ids_.row_elements(), predictions());
    const std::uint64_t block = std::max<std::uint64_t>(1, kBlockElements / width);
    for (std::uint64_t first = 0; first < samples(); first += block) {
      load_rows(first, std::min(block, samples() - first));
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(fmt::format("{}: {}", out_.properties_.path, what));
  }

  Hdf5Dataset describe(const char* name, std::size_t rank) const {
    Hdf5Dataset dataset = file_.describe(name);
    if (dataset.shape.size() != rank) {
      fail(fmt::format("dataset '{}' has rank {}, expected {}", name, dataset.shape.size(), rank));
    }
    return dataset;
  }

  void check_shapes() const {
    if (samples() == 0 || ids_.row_elements() == 0) fail("holds no samples");
    if (mask_.shape != ids_.shape || segments_.shape != ids_.shape ||
        positions_.rows() != samples() || labels_.shape != positions_.shape ||
        next_.rows() != samples()) {
      fail(
          "its datasets disagree in shape; expected input_ids, input_mask, segment_ids [N, S], "
          "masked_lm_positions, masked_lm_ids [N, P], next_sentence_labels [N]");
    }
  }

  Rows rows(const Hdf5Dataset& dataset, std::uint64_t first, std::uint64_t count) const {
    Rows rows{std::vector<std::int64_t>(count * dataset.row_elements()), dataset.row_elements()};
    file_.read_rows(dataset, first, std::span(rows.values));
    return rows;
  }

  void load_rows(std::uint64_t first, std::uint64_t count) {
    const Rows ids = rows(ids_, first, count);
    const Rows mask = rows(mask_, first, count);
    const Rows segments = rows(segments_, first, count);
    const Rows positions = rows(positions_, first, count);
    const Rows labels = rows(labels_, first, count);
    const Rows next = rows(next_, first, count);
    for (std::uint64_t i = 0; i < count; ++i) {
      sample_ = first + i;
      add_masks(positions.row(i), labels.row(i));
      add_tokens(ids.row(i), mask.row(i), segments.row(i));
      out_.random_next_.push_back(
          static_cast<std::uint8_t>(in_range("next_sentence_labels", next.row(i)[0], 2)));
    }
  }

  std::int64_t in_range(const char* dataset, std::int64_t value, std::int64_t end) const {
    if (value < 0 || value >= end) {
      fail(fmt::format("sample {}: {} holds {}, expected 0 to {}", sample_, dataset, value,
                       end - 1));
    }
    return value;
  }

  std::int64_t vocabulary_end() const {
    return expectations_.vocabulary_size != 0 ? expectations_.vocabulary_size
                                              : std::int64_t{1} << 31;
  }

  std::int64_t segment_end() const { return std::min(expectations_.segments, 256); }

  void add_masks(std::span<const std::int64_t> positions, std::span<const std::int64_t> labels) {
    const auto length = static_cast<std::int64_t>(ids_.row_elements());
    for (std::size_t p = 0; p < positions.size() && positions[p] != 0; ++p) {
      out_.mask_positions_.push_back(
          static_cast<std::uint32_t>(in_range("masked_lm_positions", positions[p], length)));
      out_.mask_labels_.push_back(
          static_cast<std::uint32_t>(in_range("masked_lm_ids", labels[p], vocabulary_end())));
    }
    out_.mask_offsets_.push_back(out_.mask_positions_.size());
  }

  // Tokens up to the last that is a key or masked; all of them where there is no key at all.
  std::size_t used_length(std::span<const std::int64_t> mask) const {
    const auto last_key = std::find_if(mask.rbegin(), mask.rend(), [](auto m) { return m != 0; });
    if (last_key == mask.rend()) return mask.size();
    auto used = static_cast<std::size_t>(mask.rend() - last_key);
    const std::uint64_t masks = out_.mask_offsets_.back();
    for (std::uint64_t m = out_.mask_offsets_[out_.mask_offsets_.size() - 2]; m < masks; ++m) {
      used = std::max<std::size_t>(used, out_.mask_positions_[m] + 1);
    }
    return used;
  }

  void add_tokens(std::span<const std::int64_t> ids, std::span<const std::int64_t> mask,
                  std::span<const std::int64_t> segments) {
    const std::size_t used = used_length(mask);
    for (std::size_t t = 0; t < used; ++t) {
      out_.tokens_.push_back(
          static_cast<std::uint32_t>(in_range("input_ids", ids[t], vocabulary_end())));
      const std::int64_t segment = in_range("segment_ids", segments[t], segment_end());
      out_.segments_.push_back(static_cast<std::uint8_t>(segment));
      out_.key_mask_.push_back(in_range("input_mask", mask[t], 2) == 0 ? 1 : 0);
    }
    out_.offsets_.push_back(out_.tokens_.size());
    auto& longest = out_.properties_.max_length;
    longest = std::max(longest, static_cast<std::int64_t>(used));
    if (expectations_.max_length != 0 && longest > expectations_.max_length) {
      fail(fmt::format("sample {} has {} tokens, the model {} positions", sample_, used,
                       expectations_.max_length));
    }
  }

  NvidiaFile& out_;
  const Hdf5File& file_;
  const SampleExpectations& expectations_;
  Hdf5Dataset ids_, mask_, segments_, positions_, labels_, next_;
  std::uint64_t sample_ = 0;
};

NvidiaFile::NvidiaFile(const std::filesystem::path& path, const SampleExpectations& expectations) {
  describe_foreign(path, expectations);
  properties_.layout = "NVIDIA fixed layout";
  const Hdf5File file = Hdf5File::open(path);
  Loader loader(*this, file, expectations);
  loader.load();
  properties_.samples = loader.samples();
  properties_.tokens = tokens_.size();
  properties_.max_masked = static_cast<std::int64_t>(loader.predictions());
}

}  // namespace bertyard
