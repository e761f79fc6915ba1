// SPDX-License-Identifier: Apache-2.0
#include "parallel/thread_communicator.h"

#include <cstddef>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "parallel/rank_ordered_sum.h"

namespace bertyard {
namespace {

std::string describe(std::string_view call, const ConstTensorView& view) {
  return fmt::format("{} {} {}", call, name_of(view.dtype()), to_string(view.shape()));
}

void* advanced(void* address, std::size_t bytes) {
  return static_cast<std::byte*>(address) + bytes;
}

void copy(void* to, const void* from, std::size_t bytes) {
  if (to != from) std::memcpy(to, from, bytes);
}

// Empty when all ranks make the same call.
std::string mismatch(const std::vector<ThreadExchange::Post>& posts) {
  for (std::size_t rank = 1; rank < posts.size(); ++rank) {
    if (posts[rank].call != posts[0].call) {
      return fmt::format("communicator: rank 0 calls '{}' but rank {} calls '{}'", posts[0].call,
                         rank, posts[rank].call);
    }
  }
  return {};
}

}  // namespace

Pending ThreadCommunicator::start(ThreadExchange::Post post, std::function<void()> work) {
  return Pending(queue_.submit([this, post = std::move(post), work = std::move(work)] {
    exchange_.posts[static_cast<std::size_t>(rank())] = post;
    exchange_.rendezvous.meet(rank());
    const std::string wrong = mismatch(exchange_.posts);
    if (wrong.empty()) work();
    exchange_.rendezvous.meet(rank());
    BERTYARD_CHECK(wrong.empty(), wrong);
  }));
}

std::vector<const void*> ThreadCommunicator::inputs(std::size_t offset_bytes) const {
  std::vector<const void*> addresses;
  for (const auto& post : exchange_.posts) {
    addresses.push_back(static_cast<const std::byte*>(post.in) + offset_bytes);
  }
  return addresses;
}

Pending ThreadCommunicator::start_all_reduce_sum(TensorView values) {
  return start({describe("all_reduce_sum", values), values.data(), values.data()}, [=, this] {
    // Each rank sums one part and writes it to everyone.
    const std::int64_t first = values.elements() * rank() / size();
    const std::int64_t count = values.elements() * (rank() + 1) / size() - first;
    const std::size_t offset = static_cast<std::size_t>(first) * size_of(values.dtype());
    void* own = advanced(values.data(), offset);
    rank_ordered_sum(own, inputs(offset), values.dtype(), count);
    for (const auto& post : exchange_.posts) {
      copy(advanced(post.out, offset), own,
           static_cast<std::size_t>(count) * size_of(values.dtype()));
    }
  });
}

Pending ThreadCommunicator::start_reduce_scatter_sum(ConstTensorView in, TensorView out) {
  return start({describe("reduce_scatter_sum", in), in.data(), out.data()}, [=, this] {
    rank_ordered_sum(out.data(), inputs(static_cast<std::size_t>(rank()) * out.bytes()),
                     out.dtype(), out.elements());
  });
}

Pending ThreadCommunicator::start_all_gather(ConstTensorView in, TensorView out) {
  return start({describe("all_gather", in), in.data(), out.data()}, [=, this] {
    for (std::size_t from = 0; from < exchange_.posts.size(); ++from) {
      copy(advanced(out.data(), from * in.bytes()), exchange_.posts[from].in, in.bytes());
    }
  });
}

Pending ThreadCommunicator::start_all_to_all(ConstTensorView in, TensorView out) {
  return start({describe("all_to_all", in), in.data(), out.data()}, [=, this] {
    const std::size_t part = in.bytes() / exchange_.posts.size();
    const std::vector<const void*> parts = inputs(static_cast<std::size_t>(rank()) * part);
    for (std::size_t from = 0; from < parts.size(); ++from) {
      copy(advanced(out.data(), from * part), parts[from], part);
    }
  });
}

// A rank writes its own part only, and no other rank reads that one.
Pending ThreadCommunicator::start_reduce_parts_sum(TensorView values,
                                                   std::span<const std::int64_t> cuts) {
  return start({describe("reduce_parts_sum", values), values.data(), nullptr}, [=, this] {
    const auto own = static_cast<std::size_t>(rank());
    const std::size_t offset = static_cast<std::size_t>(cuts[own]) * size_of(values.dtype());
    rank_ordered_sum(advanced(values.data(), offset), inputs(offset), values.dtype(),
                     cuts[own + 1] - cuts[own]);
  });
}

Pending ThreadCommunicator::start_all_gather_parts(TensorView values,
                                                   std::span<const std::int64_t> cuts) {
  return start({describe("all_gather_parts", values), values.data(), nullptr}, [=, this] {
    const std::size_t width = size_of(values.dtype());
    for (std::size_t from = 0; from < exchange_.posts.size(); ++from) {
      const std::size_t offset = static_cast<std::size_t>(cuts[from]) * width;
      copy(advanced(values.data(), offset), inputs(offset)[from],
           static_cast<std::size_t>(cuts[from + 1] - cuts[from]) * width);
    }
  });
}

Pending ThreadCommunicator::start_broadcast(TensorView values, int root) {
  return start({describe(fmt::format("broadcast from rank {}", root), values), values.data(), {}},
               [=, this] {
                 copy(values.data(), exchange_.posts[static_cast<std::size_t>(root)].in,
                      values.bytes());
               });
}

Pending ThreadCommunicator::start_barrier() {
  return start({"barrier", nullptr, nullptr}, [] {});
}

}  // namespace bertyard
