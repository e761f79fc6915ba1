// SPDX-License-Identifier: Apache-2.0
#include "launch/failure.h"

#include <chrono>
#include <cstdio>
#include <thread>

#include <fmt/format.h>

#include "core/base/error.h"

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
  // Configuration errors are lists of places that say "error:" themselves.
  const std::string text = error.what();
  const bool says_so = text.find(": error: ") != std::string::npos;
  fmt::print(stderr, "{}{}{}\n", tag, says_so ? "" : "error: ", text);
  std::fflush(stderr);
  if (environment != nullptr) environment->abort(exit_code_of(error));
}

}  // namespace bertyard
