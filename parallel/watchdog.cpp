// SPDX-License-Identifier: Apache-2.0
#include "parallel/watchdog.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/standard_error.h"
#include "parallel/datagram_socket.h"
#include "parallel/stack_dump.h"

namespace bertyard {
namespace {

using std::chrono::milliseconds;
using Clock = RankWatch::Clock;

enum class MessageKind : std::uint32_t { pulse = 1, verdict = 2, wake = 3 };

constexpr int kFarewells = 3;            // datagrams may be lost
constexpr milliseconds kForOthers{700};  // the second judge's delay; time for stacks
constexpr std::chrono::seconds kEndForce{5};

// "(stopped)" and the like, where the process is on this host.
std::string process_state(std::int64_t process) {
  std::ifstream file(fmt::format("/proc/{}/status", process));
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("State:")) return line.substr(line.find_first_not_of(" \t", 6));
  }
  return file.is_open() ? "" : "gone";
}

std::string place_of(const Pulse::Reading& reading) {
  if (has_units(reading.phase)) {
    return fmt::format("in {}, after {} units of its work", name_of(reading.phase), reading.units);
  }
  return fmt::format("after step {}, in {}, after collective {}", reading.step,
                     name_of(reading.phase), reading.collective);
}

}  // namespace

struct Watchdog::Message {
  std::uint64_t run_key = 0;
  MessageKind kind = MessageKind::pulse;
  std::int32_t rank = 0;
  Pulse::Reading reading;
};

struct Watchdog::Peer {
  std::int64_t process = 0;
  std::vector<DatagramSocket::Address> addresses;
};

Watchdog::Watchdog(const Setting& setting, ControlPlane& control, const Pulse& pulse,
                   EndJob end_job)
    : setting_(setting),
      rank_(control.rank()),
      pulse_(pulse),
      end_job_(std::move(end_job)),
      socket_(std::make_unique<DatagramSocket>()),
      watch_(control.size(), setting.limits),
      judged_(Clock::now()),
      started_(judged_) {
  StackDump::prepare();
  exchange_addresses(control);
  thread_ = std::thread([this] { work(); });
}

Watchdog::~Watchdog() {
  stopping_ = true;
  const Message wake{run_key_, MessageKind::wake, rank_, {}};
  socket_->send(std::as_bytes(std::span(&wake, 1)),
                peers_[static_cast<std::size_t>(rank_)].addresses);
  thread_.join();
  for (int i = 0; i < kFarewells; ++i) send_pulse();
}

void Watchdog::exchange_addresses(ControlPlane& control) {
  std::string key;
  if (rank_ == 0) {
    std::random_device device;
    key = std::to_string((static_cast<std::uint64_t>(device()) << 32) | device());
  }
  run_key_ = std::stoull(control.broadcast_string("watchdog's key", key));
  const std::vector<std::string> all = control.all_gather_strings(
      "watchdog's addresses", fmt::format("{} {}", ::getpid(), socket_->addresses()));
  const std::string& own_host = setting_.hosts[static_cast<std::size_t>(rank_)];
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    const std::size_t space = all[rank].find(' ');
    peers_.push_back(
        {std::stoll(all[rank].substr(0, space)),
         DatagramSocket::parse(all[rank].substr(space + 1), setting_.hosts[rank] == own_host)});
  }
  judges_ = judges_of(setting_.hosts);
}

std::vector<int> Watchdog::judges_of(const std::vector<std::string>& hosts) {
  std::vector<int> judges{0};
  const auto other = std::find_if(hosts.begin(), hosts.end(),
                                  [&](const std::string& host) { return host != hosts[0]; });
  if (other != hosts.end()) {
    judges.push_back(static_cast<int>(other - hosts.begin()));
  } else if (hosts.size() > 1) {
    judges.push_back(1);
  }
  return judges;
}

bool Watchdog::is_judge() const {
  return std::find(judges_.begin(), judges_.end(), rank_) != judges_.end();
}

// Often enough that a finding comes within a second of the limit.
milliseconds Watchdog::beat() const {
  const auto part = std::chrono::duration_cast<milliseconds>(setting_.limits.limit / 40);
  return std::clamp(part, milliseconds(50), milliseconds(1000));
}

void Watchdog::work() {
  pthread_setname_np(pthread_self(), "watchdog");
  while (!stopping_ && !verdict_) {
    send_pulse();
    receive_until(Clock::now() + beat());
    if (is_judge() && !stopping_ && !verdict_) judge();
  }
}

void Watchdog::send_pulse() {
  Message message{run_key_, MessageKind::pulse, rank_, pulse_.read()};
  if (stopping_) message.reading.phase = RankPhase::end;
  for (const int judge : judges_) {
    if (judge == rank_) {
      watch_.heard(rank_, message.reading, Clock::now());
    } else {
      socket_->send(std::as_bytes(std::span(&message, 1)),
                    peers_[static_cast<std::size_t>(judge)].addresses);
    }
  }
}

void Watchdog::receive_until(Clock::time_point end) {
  while (!stopping_ && !verdict_) {
    const auto left =
        std::max(std::chrono::duration_cast<milliseconds>(end - Clock::now()), milliseconds(0));
    Message message;
    const std::size_t bytes =
        socket_->receive(std::as_writable_bytes(std::span(&message, 1)), left);
    if (bytes == sizeof message && message.run_key == run_key_) take(message);
    if (bytes == 0 && left.count() == 0) return;  // all that came is read
  }
}

void Watchdog::take(const Message& message) {
  if (message.kind == MessageKind::pulse) {
    return watch_.heard(message.rank, message.reading, Clock::now());
  }
  if (message.kind != MessageKind::verdict) return;
  verdict_ = true;
  dump_stacks();
  // The judge ends the job through MPI; where that does not work, everyone goes by himself.
  for (auto end = Clock::now() + kEndForce; Clock::now() < end && !stopping_;) {
    std::this_thread::sleep_for(milliseconds(50));
  }
  if (!stopping_) std::_Exit(static_cast<int>(ExitCode::watchdog));
}

void Watchdog::judge() {
  const Clock::time_point now = Clock::now();
  const bool held_up = now - judged_ > 4 * beat() + std::chrono::seconds(1);
  judged_ = now;
  if (held_up) return watch_.forgive(now);
  const std::vector<RankWatch::Finding> findings = watch_.judge(now);
  if (!findings.empty()) return report(findings);
  if (!warned_ && now - started_ > std::max<RankWatch::Seconds>(setting_.limits.limit / 2,
                                                                std::chrono::seconds(5))) {
    warned_ = true;
    const std::vector<int> unheard = watch_.unheard();
    if (unheard.empty()) return;
    write_standard_error(fmt::format(
        "warning: watchdog: no heartbeat of rank(s) {} has come yet; is UDP between the hosts "
        "blocked? Their silence will not be noticed\n",
        fmt::join(unheard, ", ")));
  }
}

std::string Watchdog::text_of(const RankWatch::Finding& finding) const {
  const auto rank = static_cast<std::size_t>(finding.rank);
  const std::string& host = setting_.hosts[rank];
  const bool local = host == setting_.hosts[static_cast<std::size_t>(rank_)];
  const std::string state = local ? process_state(peers_[rank].process) : std::string();
  const char* what = finding.kind == RankWatch::Finding::Kind::silent
                         ? "sent no heartbeat (dead, stopped or cut off)"
                         : "makes no progress";
  return fmt::format("rank {} on {} (process {}{}) {} for {:.1f} s: {}", finding.rank, host,
                     peers_[rank].process, state.empty() ? "" : ", state " + state, what,
                     finding.seconds, place_of(finding.last));
}

void Watchdog::report(const std::vector<RankWatch::Finding>& findings) {
  const bool first_judge_found = std::any_of(findings.begin(), findings.end(), [&](const auto& f) {
    return f.rank == judges_.front() && f.kind == RankWatch::Finding::Kind::silent;
  });
  if (rank_ != judges_.front() && !first_judge_found) {
    receive_until(Clock::now() + kForOthers);  // the first judge has the word
    if (verdict_ || stopping_ || watch_.judge(Clock::now()).empty()) return;
  }
  verdict_ = true;
  std::vector<std::string> lines;
  for (const RankWatch::Finding& finding : findings) lines.push_back(text_of(finding));
  const Message message{run_key_, MessageKind::verdict, rank_, {}};
  for (std::size_t rank = 0; rank < peers_.size(); ++rank) {
    if (static_cast<int>(rank) == rank_) continue;
    for (int i = 0; i < kFarewells; ++i) {
      socket_->send(std::as_bytes(std::span(&message, 1)), peers_[rank].addresses);
    }
  }
  std::thread([] {  // whatever the end hangs in
    std::this_thread::sleep_for(kEndForce);
    std::_Exit(static_cast<int>(ExitCode::watchdog));
  })
      .detach();
  std::string text = fmt::format("watchdog: {}\n  stacks: {}/stacks-rank-*.txt",
                                 fmt::join(lines, "; "), setting_.log_folder.string());
  const std::filesystem::path flight = setting_.log_folder / "flight";
  std::error_code none;
  if (std::filesystem::exists(flight, none)) {
    text += fmt::format("; what came before: bertyard inspect {}", flight.string());
  }
  write_standard_error(fmt::format("error: {}\n", text));
  dump_stacks();
  std::this_thread::sleep_for(kForOthers);  // for the others' stacks
  end_job_(text);
}

void Watchdog::dump_stacks() const {
  std::error_code none;
  std::filesystem::create_directories(setting_.log_folder, none);
  StackDump::write(setting_.log_folder / fmt::format("stacks-rank-{:04}.txt", rank_));
}

}  // namespace bertyard
