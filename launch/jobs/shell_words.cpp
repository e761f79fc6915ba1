// SPDX-License-Identifier: Apache-2.0
#include "launch/jobs/shell_words.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

bool is_plain(char c) {
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return is_letter || (c >= '0' && c <= '9') ||
         std::string_view("_-+=./:,@%").find(c) != std::string_view::npos;
}

}  // namespace

std::string shell_word(std::string_view text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) return std::string(text);
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') {
      word += "'\\''";
    } else {
      word += c;
    }
  }
  return word + "'";
}

std::string shell_words(const std::vector<std::string>& texts) {
  std::string words;
  for (const std::string& text : texts) words += (words.empty() ? "" : " ") + shell_word(text);
  return words;
}

std::string sbatch_word(std::string_view text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) return std::string(text);
  std::string word = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') word += '\\';
    word += c;
  }
  return word + "\"";
}

std::string sbatch_path(std::string_view directory, std::string_view pattern) {
  if (directory.find('\\') != std::string_view::npos) {
    throw UsageError(fmt::format(
        "launch: the path '{}' has a backslash, which sbatch takes for 'replace nothing here'; use "
        "a run directory without one",
        directory));
  }
  std::string path;
  for (const char c : directory) path += c == '%' ? "%%" : std::string(1, c);
  return sbatch_word(path.append(pattern));
}

void require_one_line(std::string_view what, std::string_view text) {
  const auto is_control = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7F;
  };
  const auto found = std::find_if(text.begin(), text.end(), is_control);
  if (found == text.end()) return;
  throw UsageError(fmt::format(
      "launch: {} has a line break or control character (0x{:02x} after '{}'), which would change "
      "the job script; take it out",
      what, static_cast<unsigned char>(*found), std::string_view(text.begin(), found)));
}

}  // namespace bertyard
