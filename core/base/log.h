// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace bertyard {

enum class LogLevel { debug, info, warning, error, off };

// Parses "debug", "info", "warning", "error", "off"; throws UsageError on anything else.
LogLevel parse_log_level(std::string_view text);

// "2026-11-23T05:00:00Z", now.
std::string utc_now();

// Lines for people: to stderr from `console_level` up, to an optional file from `file_level` up.
// Thread-safe. Each rank owns one; other ranks than 0 show warnings and errors only.
class Logger {
 public:
  struct Options {
    LogLevel console_level = LogLevel::info;
    LogLevel file_level = LogLevel::debug;
    std::string tag;  // "[r5 gpu-n14]", before every console line; empty on rank 0
  };
  explicit Logger(Options options);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  // Appends to `path`; throws IoError when it cannot be opened.
  void open_file(const std::string& path);
  void write(LogLevel level, std::string_view message);

  template <typename... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) {
    write(LogLevel::debug, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    write(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void warning(fmt::format_string<Args...> format, Args&&... args) {
    write(LogLevel::warning, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) {
    write(LogLevel::error, fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  struct State;
  Options options_;
  std::unique_ptr<State> state_;
};

}  // namespace bertyard
