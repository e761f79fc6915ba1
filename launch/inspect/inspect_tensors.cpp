// SPDX-License-Identifier: Apache-2.0
#include "launch/inspect/inspect_tensors.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "core/base/error.h"
#include "launch/config/config_suggestion.h"
#include "launch/console/text_table.h"

namespace bertyard {
namespace {

constexpr std::uint64_t kShownRows = 4;
constexpr std::uint64_t kShownColumns = 8;

bool is_floating(const SafetensorsEntry& entry) {
  return entry.dtype == "F32" || entry.dtype == "F16" || entry.dtype == "BF16" ||
         entry.dtype == "F64";
}

std::vector<float> values_of(const SafetensorsFile& file, const SafetensorsEntry& entry) {
  std::vector<float> values(entry.elements);
  file.read_f32(entry, values);
  return values;
}

std::string number(double value) {
  return fmt::format("{:.4g}", value);
}

std::string head_text(const SafetensorsEntry& entry, const std::vector<float>& values) {
  const auto columns = entry.extents.empty() ? 1 : static_cast<std::uint64_t>(entry.extents.back());
  const std::uint64_t rows = columns == 0 ? 0 : values.size() / columns;
  std::string text;
  for (std::uint64_t row = 0; row < std::min(rows, kShownRows); ++row) {
    text += " ";
    for (std::uint64_t column = 0; column < std::min(columns, kShownColumns); ++column) {
      text += fmt::format(" {:>11.6g}", values[row * columns + column]);
    }
    text += columns > kShownColumns ? "  ...\n" : "\n";
  }
  if (rows > kShownRows) text += fmt::format("  ... {} more rows\n", rows - kShownRows);
  return text;
}

std::string one_tensor(const SafetensorsFile& file, const SafetensorsEntry& entry) {
  const std::vector<float> values = values_of(file, entry);
  const TensorFigures figures = tensor_figures(values);
  std::string text = section_text(
      entry.name,
      {{"file", file.path().string()},
       {"shape", fmt::format("{} {}", entry.dtype, extents_text(entry.extents))},
       {"values", fmt::format("{}, {} of them zero, {} not finite", values.size(), figures.zeros,
                              figures.not_finite)},
       {"norm", number(figures.norm)},
       {"mean",
        fmt::format("{}, standard deviation {}", number(figures.mean), number(figures.deviation))},
       {"range", fmt::format("{} to {}", number(figures.least), number(figures.greatest))}});
  return text + head_text(entry, values);
}

}  // namespace

TensorFigures tensor_figures(const std::vector<float>& values) {
  TensorFigures figures;
  double sum = 0;
  double squares = 0;
  std::uint64_t count = 0;
  for (const float value : values) {
    if (!std::isfinite(value)) {
      ++figures.not_finite;
      continue;
    }
    if (count++ == 0) figures.least = figures.greatest = value;
    figures.least = std::min(figures.least, value);
    figures.greatest = std::max(figures.greatest, value);
    figures.zeros += value == 0 ? 1 : 0;
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  if (count == 0) return figures;
  figures.norm = std::sqrt(squares);
  figures.mean = sum / static_cast<double>(count);
  const double variance = squares / static_cast<double>(count) - figures.mean * figures.mean;
  figures.deviation = std::sqrt(std::max(variance, 0.0));
  return figures;
}

std::string tensors_text(const SafetensorsFile& file) {
  TextTable table({{"tensor"},
                   {"shape"},
                   {"type"},
                   {"norm", Align::right},
                   {"min", Align::right},
                   {"max", Align::right},
                   {""}});
  for (const SafetensorsEntry& entry : file.entries()) {
    std::vector<std::string> cells = {
        entry.name, extents_text(entry.extents), entry.dtype, "", "", "", ""};
    if (is_floating(entry)) {
      const TensorFigures figures = tensor_figures(values_of(file, entry));
      cells[3] = number(figures.norm);
      cells[4] = number(figures.least);
      cells[5] = number(figures.greatest);
      if (figures.not_finite > 0) cells[6] = fmt::format("{} not finite", figures.not_finite);
    }
    table.add(std::move(cells));
  }
  return table.text();
}

std::string tensor_text(const std::vector<const SafetensorsFile*>& files, const std::string& name) {
  std::vector<std::string> names;
  for (const SafetensorsFile* file : files) {
    if (const SafetensorsEntry* entry = file->find(name)) return one_tensor(*file, *entry);
    for (const SafetensorsEntry& entry : file->entries()) names.push_back(entry.name);
  }
  const auto nearest = nearest_name(name, names);
  throw UsageError(fmt::format(
      "{}: no tensor '{}'; {}", files.front()->path().string(), name,
      nearest ? fmt::format("did you mean '{}'?", *nearest)
              : fmt::format("without --tensor, inspect lists all {} of them", names.size())));
}

}  // namespace bertyard
