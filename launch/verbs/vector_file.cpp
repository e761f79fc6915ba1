// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/vector_file.h"

#include <array>
#include <iterator>
#include <limits>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/files/npy_file.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

class NpyVectors : public VectorFile {
 public:
  NpyVectors(const fs::path& path, VectorRows rows, std::int64_t width)
      : path_(path),
        offsets_path_(fs::path(path).replace_extension(".offsets.npy")),
        width_(static_cast<std::size_t>(width)),
        vectors_(path, "<f4", width, calls_) {
    if (rows == VectorRows::texts) return;
    offsets_.emplace(offsets_path_, "<i8", std::nullopt, calls_);
    write_offset();
  }

  void write(const EncodedText& text) override {
    if (text.tokens.empty() && !offsets_) {
      const std::vector<float> none(width_, std::numeric_limits<float>::quiet_NaN());
      return vectors_.append(std::span<const float>(none));
    }
    vectors_.append(text.vectors);
    row_ += static_cast<std::int64_t>(text.vectors.size() / width_);
    if (offsets_) write_offset();
  }
  void commit() override {
    if (offsets_) offsets_->commit();
    vectors_.commit();
  }
  std::vector<fs::path> paths() const override {
    return offsets_ ? std::vector<fs::path>{path_, offsets_path_} : std::vector<fs::path>{path_};
  }

 private:
  void write_offset() {
    const std::array<std::int64_t, 1> offset{row_};
    offsets_->append(std::span<const std::int64_t>(offset));
  }

  FileCalls calls_;
  fs::path path_, offsets_path_;
  std::size_t width_;
  std::int64_t row_ = 0;
  NpyFile vectors_;
  std::optional<NpyFile> offsets_;
};

class JsonVectors : public VectorFile {
 public:
  JsonVectors(const fs::path& path, VectorRows rows, std::int64_t width,
              const Vocabulary& vocabulary)
      : path_(path),
        rows_(rows),
        width_(static_cast<std::size_t>(width)),
        vocabulary_(vocabulary),
        file_(path, calls_) {}

  void write(const EncodedText& text) override {
    line_.clear();
    if (text.tokens.empty()) {
      line_ += "null\n";
    } else if (rows_ == VectorRows::texts) {
      line_ += "{\"vector\":";
      add(text.vectors);
      line_ += "}\n";
    } else {
      add_tokens(text);
    }
    file_.writer().write(line_);
  }
  void commit() override { file_.commit(); }
  std::vector<fs::path> paths() const override { return {path_}; }

 private:
  // The shortest decimals that read back as the same float.
  void add(std::span<const float> values) {
    line_ += '[';
    for (const float value : values) fmt::format_to(std::back_inserter(line_), "{},", value);
    line_.back() = ']';
  }
  void add_tokens(const EncodedText& text) {
    line_ += "{\"tokens\":[";
    for (const std::uint32_t id : text.tokens) {
      line_ += nlohmann::json(vocabulary_.token(id)).dump() + ',';
    }
    line_.back() = ']';
    line_ += ",\"vectors\":[";
    for (std::size_t t = 0; t < text.tokens.size(); ++t) {
      add(text.vectors.subspan(t * width_, width_));
      line_ += ',';
    }
    line_.back() = ']';
    line_ += "}\n";
  }

  FileCalls calls_;
  fs::path path_;
  VectorRows rows_;
  std::size_t width_;
  const Vocabulary& vocabulary_;
  std::string line_;
  AtomicFile file_;
};

}  // namespace

std::unique_ptr<VectorFile> make_vector_file(const fs::path& path, VectorRows rows,
                                             std::int64_t width, const Vocabulary& vocabulary) {
  if (path.extension() == ".npy") return std::make_unique<NpyVectors>(path, rows, width);
  if (path.extension() == ".jsonl") {
    return std::make_unique<JsonVectors>(path, rows, width, vocabulary);
  }
  throw UsageError(
      fmt::format("--out: '{}' ends in '{}'; expected a name that ends in .npy (NumPy) or .jsonl",
                  path.string(), path.extension().string()));
}

}  // namespace bertyard
