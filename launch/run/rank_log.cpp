// SPDX-License-Identifier: Apache-2.0
#include "launch/run/rank_log.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

namespace bertyard {

Logger rank_logger(const LogOptions& options, int rank, const std::string& host) {
  const char* wanted = std::getenv("BERTYARD_LOG");
  Logger::Options logger;
  logger.console_level = parse_log_level(wanted != nullptr ? wanted : options.level);
  if (rank != 0) {
    logger.console_level = std::max(logger.console_level, LogLevel::warning);
    logger.tag = fmt::format("[r{} {}]", rank, host);
  }
  return Logger(logger);
}

}  // namespace bertyard
