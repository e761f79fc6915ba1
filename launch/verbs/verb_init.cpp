// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_init.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include <fmt/format.h>

#include "core/base/error.h"
#include "launch/config/config_suggestion.h"
#include "launch/config/preset_texts.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

// "# bert-tiny: 2 layers, ..." without the comment sign: the first line of each preset says what
// it is.
std::string_view summary_of(const PresetText& preset) {
  const std::string_view line = preset.text.substr(0, preset.text.find('\n'));
  return line.substr(line.find_first_not_of("# "));
}

const PresetText& find_preset(const std::string& name) {
  const auto& presets = preset_texts();
  const auto found = std::find_if(presets.begin(), presets.end(),
                                  [&name](const auto& preset) { return preset.name == name; });
  if (found != presets.end()) return *found;
  std::vector<std::string> names;
  names.reserve(presets.size());
  for (const PresetText& preset : presets) names.emplace_back(preset.name);
  const auto nearest = nearest_name(name, names);
  throw UsageError(fmt::format("no preset '{}', expected one of: {}{}", name,
                               fmt::join(names, ", "),
                               nearest ? fmt::format("; did you mean '{}'?", *nearest) : ""));
}

void write_new_file(const fs::path& path, std::string_view text) {
  if (fs::exists(path)) {
    throw UsageError(
        fmt::format("'{}' exists already; remove it, or name another directory", path.string()));
  }
  std::error_code failed;
  fs::create_directories(path.parent_path(), failed);
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) {
    throw IoError(fmt::format("cannot write '{}': {}", path.string(),
                              failed ? failed.message() : std::strerror(errno)));
  }
}

}  // namespace

int run_init(const InitVerbOptions& options) {
  if (options.list == ListPresets::yes) {
    for (const PresetText& preset : preset_texts()) fmt::print("{}\n", summary_of(preset));
    return static_cast<int>(ExitCode::ok);
  }
  const PresetText& preset = find_preset(options.preset);
  const fs::path path = fs::path(options.directory) / "run.yaml";
  write_new_file(path, preset.text);
  fmt::print(
      "wrote {}\n"
      "next: set corpus.text in it, then\n"
      "  bertyard prepare {}\n",
      path.lexically_normal().string(), path.lexically_normal().string());
  return static_cast<int>(ExitCode::ok);
}

}  // namespace bertyard
