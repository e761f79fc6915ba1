// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "launch/config/config.h"
#include "launch/config/config_field.h"

namespace bertyard {
namespace {

constexpr std::size_t kCommentColumn = 46;

// One key of a resolved configuration.
struct Line {
  std::string key;
  std::string value;
  std::string comment;
};

std::vector<std::string> split_key(const std::string& key) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', start)) {
    parts.push_back(key.substr(start, dot - start));
    start = dot + 1;
  }
  parts.push_back(key.substr(start));
  return parts;
}

// The keys of the phases stand together phase by phase, all else in the order of the table.
std::vector<Line> lines_of(const RunConfig& config) {
  std::vector<Line> lines;
  bool has_phases = false;
  for (const ConfigField& field : config_fields()) {
    if (!is_phase_field(field)) {
      lines.push_back({field.key, field.write(config, 0), {}});
      continue;
    }
    if (has_phases) continue;
    has_phases = true;
    for (std::size_t phase = 0; phase < config.schedule.size(); ++phase) {
      for (const ConfigField& part : config_fields()) {
        if (!is_phase_field(part)) continue;
        lines.push_back({key_of_phase(part, phase), part.write(config, phase), {}});
      }
    }
  }
  return lines;
}

// Writes lines as nested YAML: a header for each section that opens, list items for the phases.
class YamlWriter {
 public:
  void add(const Line& line) {
    std::vector<std::string> parts = split_key(line.key);
    const std::string name = parts.back();
    parts.pop_back();
    std::string dash_indent;
    bool starts_item = false;
    const auto shared = std::mismatch(parts.begin(), parts.end(), open_.begin(), open_.end());
    for (auto part = shared.first; part != parts.end(); ++part) {
      const auto level = static_cast<std::size_t>(part - parts.begin());
      if (is_item(parts, level)) {
        starts_item = true;
      } else {
        text_ += fmt::format("{:{}}{}:\n", "", 2 * level, *part);
      }
    }
    open_ = parts;
    std::string indent(2 * parts.size(), ' ');
    if (starts_item) indent.replace(indent.size() - 2, 2, "- ");
    std::string row = fmt::format("{}{}: {}", indent, name, line.value);
    if (!line.comment.empty()) row = fmt::format("{:<{}} # {}", row, kCommentColumn, line.comment);
    text_ += row + '\n';
  }
  std::string take_text() { return std::move(text_); }

 private:
  static bool is_item(const std::vector<std::string>& parts, std::size_t level) {
    return level == 1 && parts[0] == "schedule";
  }

  std::vector<std::string> open_;
  std::string text_;
};

std::string write_lines(const std::vector<Line>& lines) {
  YamlWriter writer;
  for (const Line& line : lines) writer.add(line);
  return writer.take_text();
}

std::string cell(std::string text) {
  for (std::size_t bar = text.find('|'); bar != std::string::npos; bar = text.find('|', bar + 2)) {
    text.insert(bar, "\\");
  }
  return text;
}

bool is_shape(const std::string& key) {
  return key.starts_with("model.") && key != "model.preset" && key != "model.from";
}

}  // namespace

std::string print_resolved(const LoadedConfig& loaded) {
  std::vector<Line> lines = lines_of(loaded.config);
  for (Line& line : lines) line.comment = loaded.origin_of(line.key).text();
  return write_lines(lines);
}

std::string resolved_yaml(const RunConfig& config) {
  return write_lines(lines_of(config));
}

std::string minimal_yaml(const LoadedConfig& loaded) {
  RunConfig defaults;
  defaults.model.architecture = model_preset(loaded.config.model.preset).value();
  const bool same_schedule = loaded.config.schedule == defaults.schedule;
  std::vector<Line> lines = lines_of(loaded.config);
  std::erase_if(lines, [&](const Line& line) {
    const bool is_phase = line.key.starts_with("schedule.");
    if (is_phase) return same_schedule;
    if (loaded.origin_of(line.key).kind == ConfigOrigin::Kind::derived) return true;
    return find_field(line.key)->write(defaults, 0) == line.value;
  });
  return write_lines(lines);
}

std::string config_documentation() {
  std::string text =
      "Relative paths are relative to the directory the program is started in; only that of "
      "`extends` is relative to its file.\n\n"
      "| key | values | default | meaning |\n|---|---|---|---|\n"
      "| `extends` | path |  | another configuration to start from; later keys win |\n";
  const RunConfig defaults;
  for (const ConfigField& field : config_fields()) {
    const std::string value = is_shape(field.key)
                                  ? fmt::format("`{}` (bert-base)", field.write(defaults, 0))
                                  : fmt::format("`{}`", field.write(defaults, 0));
    text += fmt::format("| `{}` | {} | {} | {} |\n", field.key, cell(field.form), value,
                        cell(field.meaning));
  }
  return text;
}

}  // namespace bertyard
