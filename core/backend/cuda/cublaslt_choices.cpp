// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/cublaslt_choices.h"

#include <charconv>
#include <sstream>

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include "core/backend/cuda/cublaslt_plan.h"
#include "core/backend/cuda/cuda_error.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

std::string header() {
  int device = 0;
  BERTYARD_CHECK_CUDA(cudaGetDevice(&device));
  cudaDeviceProp properties;
  BERTYARD_CHECK_CUDA(cudaGetDeviceProperties(&properties, device));
  return fmt::format("{}, {}, {} multiprocessors", cublaslt_name(), properties.name,
                     properties.multiProcessorCount);
}

MatrixChoice parse(std::istringstream& words, const std::string& line) {
  MatrixChoice choice;
  for (std::uint64_t& word : choice.words) {
    std::string text;
    words >> text;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), word, 16);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
      throw DataError(
          fmt::format("choices of matrix products: expected a key and 8 hexadecimal "
                      "words, found '{}'; delete the file and they are searched for "
                      "again",
                      line));
    }
  }
  return choice;
}

}  // namespace

std::string write_choices(const std::map<std::string, MatrixChoice>& choices) {
  std::string text = header() + "\n";
  for (const auto& [key, choice] : choices) {
    text += key;
    for (const std::uint64_t word : choice.words) text += fmt::format(" {:016x}", word);
    text += "\n";
  }
  return text;
}

std::map<std::string, MatrixChoice> read_choices(const std::string& text) {
  std::map<std::string, MatrixChoice> choices;
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || line != header()) return choices;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    choices.emplace(key, parse(words, line));
  }
  return choices;
}

}  // namespace bertyard
