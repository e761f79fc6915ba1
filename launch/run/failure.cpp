// SPDX-License-Identifier: Apache-2.0
#include "launch/run/failure.h"

#include <chrono>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/standard_error.h"
#include "launch/config/config_source.h"

namespace bertyard {
namespace {

constexpr std::chrono::seconds kLetRankZeroSpeak{3};

}  // namespace

int exit_code_of(const std::exception& error) {
  if (const auto* ours = dynamic_cast<const Error*>(&error)) {
    return static_cast<int>(ours->exit_code());
  }
  const bool of_system = dynamic_cast<const std::system_error*>(&error) != nullptr;
  return static_cast<int>(of_system ? ExitCode::input_output : ExitCode::other);
}

void let_rank_zero_speak(int rank) {
  if (rank != 0) std::this_thread::sleep_for(kLetRankZeroSpeak);
}

void note_failed_run(const RunDirectory* directory, const RunOptions& run, int rank,
                     const std::string& reason, Logger& log) {
  try {
    if (directory != nullptr) return directory->set_status(RunStatus::failed, reason);
    let_rank_zero_speak(rank);
    RunDirectory::note_status(run, RunStatus::failed, fmt::format("rank {}: {}", rank, reason));
  } catch (const Error& error) {
    log.warning("STATUS was not brought up to date: {}", error.what());
  }
}

void report_failure(MpiEnvironment* environment, const std::exception& error) {
  const int rank = environment != nullptr ? environment->rank() : own_launcher().rank;
  let_rank_zero_speak(rank);
  const std::string host = environment != nullptr ? " " + environment->host() : std::string();
  const std::string tag = rank == 0 ? std::string() : fmt::format("[r{}{}] ", rank, host);
  // Every line of a configuration error has its own place and "error:".
  const bool is_list = dynamic_cast<const ConfigError*>(&error) != nullptr;
  write_standard_error(fmt::format("{}{}{}\n", tag, is_list ? "" : "error: ", error.what()));
  if (environment != nullptr) environment->abort(exit_code_of(error));
}

}  // namespace bertyard
