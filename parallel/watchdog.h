// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "parallel/control_plane.h"
#include "parallel/pulse.h"
#include "parallel/rank_watch.h"

namespace bertyard {

class DatagramSocket;

// Ends a run in which a rank is dead, stopped or hung. Every rank's own thread sends its pulse by
// UDP to two ranks, which judge all; MPI, in which the others may be stuck, has no part in it.
class Watchdog {
 public:
  struct Setting {
    RankWatch::Limits limits;
    std::vector<std::string> hosts;    // by rank
    std::filesystem::path log_folder;  // for stacks; on every rank
  };
  // On the watchdog's thread, once: what was found, for people. Must end the job.
  using EndJob = std::function<void(const std::string& report)>;

  // Every rank makes one at the same time: addresses go round by `control`. Borrows `pulse`.
  Watchdog(const Setting& setting, ControlPlane& control, const Pulse& pulse, EndJob end_job);
  // Tells the others that this rank ends as it should.
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // The ranks to which all send: rank 0, and the first of another host, or rank 1.
  static std::vector<int> judges_of(const std::vector<std::string>& hosts);

 private:
  struct Message;
  struct Peer;

  void exchange_addresses(ControlPlane& control);
  void work();
  void send_pulse();
  void receive_until(RankWatch::Clock::time_point end);
  void take(const Message& message);
  void judge();
  void report(const std::vector<RankWatch::Finding>& findings);
  std::string text_of(const RankWatch::Finding& finding) const;
  void dump_stacks() const;
  bool is_judge() const;
  std::chrono::milliseconds beat() const;

  Setting setting_;
  int rank_;
  const Pulse& pulse_;
  EndJob end_job_;
  std::unique_ptr<DatagramSocket> socket_;
  std::vector<Peer> peers_;  // by rank
  std::vector<int> judges_;
  std::uint64_t run_key_ = 0;  // datagrams of other jobs are not ours
  RankWatch watch_;
  RankWatch::Clock::time_point judged_;
  RankWatch::Clock::time_point started_;
  bool warned_ = false;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> verdict_{false};
  std::thread thread_;
};

}  // namespace bertyard
