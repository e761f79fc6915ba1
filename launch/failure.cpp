// SPDX-License-Identifier: Apache-2.0
#include "launch/failure.h"

#include <chrono>
#include <cstdio>
#include <thread>

#include <fmt/format.h>

#include "core/base/error.h"
#include "launch/config_source.h"

namespace bertyard {
namespace {

constexpr std::chrono::seconds kLetRankZeroSpeak{3};

}  // namespace

int exit_code_of(const std::exception& error) {
  const auto* ours = dynamic_cast<const Error*>(&error);
  return static_cast<int>(ours != nullptr ? ours->exit_code() : ExitCode::other);
}

void report_failure(MpiEnvironment* environment, const std::exception& error) {
  const bool leads = environment == nullptr || environment->rank() == 0;
  if (!leads) std::this_thread::sleep_for(kLetRankZeroSpeak);
  const std::string tag =
      leads ? "" : fmt::format("[r{} {}] ", environment->rank(), environment->host());
  // Every line of a configuration error has its own place and "error:".
  const bool is_list = dynamic_cast<const ConfigError*>(&error) != nullptr;
  fmt::print(stderr, "{}{}{}\n", tag, is_list ? "" : "error: ", error.what());
  std::fflush(stderr);
  if (environment != nullptr) environment->abort(exit_code_of(error));
}

}  // namespace bertyard
