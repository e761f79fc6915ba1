// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "data/files/file_calls.h"
#include "parallel/pulse.h"
#include "train/objective.h"

namespace bertyard {

// A fault that this process is to suffer, for the tests and scripts of docs/reliability.md; read
// from BERTYARD_FAULT, which no user needs to know:
//   KIND[,rank=R][,step=S][,call=N][,factor=F][,times=T]
// In the step after `step`, on `rank` (0), `times` times: nan (in the gradients of
// `times` steps), flip (a bit of a
// weight), hang (an endless loop), stop (SIGSTOP), kill (SIGKILL), usr1 (SIGUSR1), slow (every step
// from there on takes `factor` times its time). At the file call number `call` of a save, counted
// from the start of the process: kill_call, eio, enospc (for `times` calls).
struct InjectedFault {
  std::string kind;
  int rank = 0;
  std::int64_t step = 0;
  std::int64_t call = 0;
  std::int64_t times = 1;
  double factor = 1.5;
};

// Throws UsageError for a text that is no fault.
InjectedFault parse_fault(const std::string& text);
// What BERTYARD_FAULT asks of this rank; nothing where it is not set, or means another one.
std::optional<InjectedFault> fault_of(int rank);

// Hangs, stops or dies here where that is the fault and `done` steps or units of work have come to
// its step; does nothing else.
void meet_fault(const InjectedFault& fault, std::int64_t done);

// `objective` with the fault in its backward; `objective` itself outlives it.
std::unique_ptr<Objective> with_fault(Objective& objective, Device& device, const Pulse& pulse,
                                      const InjectedFault& fault);
// The calls with which checkpoints are written: the plain ones, or those that meet the fault.
std::unique_ptr<FileCalls> calls_with_fault(const std::optional<InjectedFault>& fault);

}  // namespace bertyard
