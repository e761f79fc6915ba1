// SPDX-License-Identifier: Apache-2.0
#include "parallel/datagram_socket.h"

#include <cerrno>
#include <cstring>
#include <set>
#include <sstream>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

constexpr std::size_t kMostAddresses = 8;

std::string text_of(const in_addr& address) {
  char text[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, &address, text, sizeof text);
  return text;
}

// IPv4 addresses of the interfaces that are up, the loopback's with them.
std::set<std::string> own_addresses() {
  std::set<std::string> found;
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return {"127.0.0.1"};
  for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
    const bool usable = at->ifa_addr != nullptr && at->ifa_addr->sa_family == AF_INET &&
                        (at->ifa_flags & IFF_UP) != 0;
    if (usable && found.size() < kMostAddresses) {
      found.insert(text_of(reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr));
    }
  }
  freeifaddrs(first);
  return found;
}

}  // namespace

DatagramSocket::DatagramSocket()
    : descriptor_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_ANY);
  if (descriptor_ < 0 ||
      ::bind(descriptor_, reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) {
    const int error = errno;
    if (descriptor_ >= 0) ::close(descriptor_);
    throw EnvironmentError(
        fmt::format("watchdog: no UDP socket for heartbeats: {}; allow one, or set "
                    "parallel.watchdog.limit to never",
                    std::strerror(error)));
  }
}

DatagramSocket::~DatagramSocket() {
  ::close(descriptor_);
}

std::string DatagramSocket::addresses() const {
  sockaddr_in own{};
  socklen_t length = sizeof own;
  ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&own), &length);
  std::string text = std::to_string(ntohs(own.sin_port));
  for (const std::string& address : own_addresses()) text += " " + address;
  return text;
}

std::vector<DatagramSocket::Address> DatagramSocket::parse(const std::string& addresses,
                                                           bool same_host) {
  std::istringstream words(addresses);
  unsigned port = 0;
  words >> port;
  std::vector<Address> found;
  for (std::string word; words >> word && found.size() < kMostAddresses;) {
    if (word.starts_with("127.") != same_host) continue;
    in_addr host{};
    if (inet_pton(AF_INET, word.c_str(), &host) != 1) continue;
    found.push_back({host.s_addr, htons(static_cast<std::uint16_t>(port))});
  }
  return found;
}

void DatagramSocket::send(std::span<const std::byte> bytes,
                          std::span<const Address> to) const noexcept {
  for (const Address& at : to) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = at.port;
    address.sin_addr.s_addr = at.host;
    (void)::sendto(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL,
                   reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
}

std::size_t DatagramSocket::receive(std::span<std::byte> bytes,
                                    std::chrono::milliseconds limit) const noexcept {
  pollfd waiting{descriptor_, POLLIN, 0};
  if (::poll(&waiting, 1, static_cast<int>(limit.count())) <= 0) return 0;
  const ssize_t count = ::recv(descriptor_, bytes.data(), bytes.size(), 0);
  return count < 0 ? 0 : static_cast<std::size_t>(count);
}

}  // namespace bertyard
