// SPDX-License-Identifier: Apache-2.0
#include "core/base/log.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <mutex>

#include "core/base/error.h"
#include "core/base/standard_error.h"

namespace bertyard {
namespace {

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
    case LogLevel::off:
      break;
  }
  return "off";
}

struct FileCloser {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

}  // namespace

struct Logger::State {
  std::mutex mutex;
  std::unique_ptr<std::FILE, FileCloser> file;
};

LogLevel parse_log_level(std::string_view text) {
  for (const LogLevel level :
       {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error, LogLevel::off}) {
    if (text == level_name(level)) return level;
  }
  throw UsageError(
      fmt::format("log level is '{}', expected one of: debug, info, warning, error, off", text));
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Logger::Logger(Options options) : options_(std::move(options)), state_(new State) {}
Logger::~Logger() = default;

void Logger::open_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "ae");
  if (file == nullptr) {
    throw IoError(fmt::format("cannot open log file {}: {}", path, std::strerror(errno)));
  }
  const std::lock_guard lock(state_->mutex);
  state_->file.reset(file);
}

void Logger::write(LogLevel level, std::string_view message) {
  const std::lock_guard lock(state_->mutex);
  if (level >= options_.console_level) {
    const bool prefixed = level >= LogLevel::warning;
    write_standard_error(fmt::format("{}{}{}{}{}\n", options_.tag, options_.tag.empty() ? "" : " ",
                                     prefixed ? level_name(level) : "", prefixed ? ": " : "",
                                     message));
  }
  if (state_->file && level >= options_.file_level) {  // on a full disk its lines are lost
    const std::string line = fmt::format("{} {} {}\n", utc_now(), level_name(level), message);
    std::fwrite(line.data(), 1, line.size(), state_->file.get());
    std::fflush(state_->file.get());
  }
}

}  // namespace bertyard
