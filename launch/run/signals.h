// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parallel/pulse.h"
#include "train/trainer.h"

namespace bertyard {

// USR1 and USR2 ask for a checkpoint and exit code 75 (requeue me), TERM, INT and HUP for a
// checkpoint and 143; a HUP that was ignored (nohup) stays so. The handlers set a flag only; a
// second TERM or INT ends the process at once. PIPE is ignored: who read a run's lines and went
// away is no reason to end it. Owns the handlers: the former ones are back when it goes. Of
// several, one within another, the outermost counts. `train` has it from its start on, for a signal
// that nobody listens to ends a rank.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  // What this process was asked so far; terminate outweighs requeue.
  static StopRequest requested();
  // Signals are noted there too, from the handler; null: nowhere.
  static void note_in(Pulse* pulse);
};

}  // namespace bertyard
