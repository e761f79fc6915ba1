// SPDX-License-Identifier: Apache-2.0
#include "launch/signals.h"

#include <csignal>

namespace bertyard {
namespace {

constexpr int kSignals[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
volatile std::sig_atomic_t requeue_requested = 0;
volatile std::sig_atomic_t terminate_requested = 0;
struct sigaction former[std::size(kSignals)];

extern "C" void note_signal(int signal) {
  if (signal == SIGUSR1 || signal == SIGUSR2) {
    requeue_requested = 1;
    return;
  }
  terminate_requested = 1;
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  sigaction(signal, &standard, nullptr);
}

}  // namespace

StopSignals::StopSignals() {
  requeue_requested = 0;
  terminate_requested = 0;
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], &action, &former[i]);
  }
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &former[i], nullptr);
}

StopRequest StopSignals::requested() {
  if (terminate_requested != 0) return StopRequest::terminate;
  return requeue_requested != 0 ? StopRequest::requeue : StopRequest::none;
}

}  // namespace bertyard
