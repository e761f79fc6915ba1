// SPDX-License-Identifier: Apache-2.0
#include "parallel/host_staged_communicator.h"

#include <atomic>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {

// Pinned memory of one collective: free again when its job has ended, its Pending is gone and what
// was copied back has arrived.
struct HostStagedCommunicator::Staging {
  bool idle() const { return !running && pending.expired() && sent->done() && returned->done(); }

  Buffer in, out;
  std::atomic<bool> running = false;
  std::weak_ptr<Pending> pending;
  std::unique_ptr<Event> sent;      // the copy from the device
  std::unique_ptr<Event> returned;  // the copy back
};

namespace {

// Clears a flag when a job ends, well or by an exception.
class AtEnd {
 public:
  explicit AtEnd(std::atomic<bool>& flag) : flag_(flag) {}
  ~AtEnd() { flag_ = false; }
  AtEnd(const AtEnd&) = delete;
  AtEnd& operator=(const AtEnd&) = delete;

 private:
  std::atomic<bool>& flag_;
};

}  // namespace

HostStagedCommunicator::HostStagedCommunicator(Device& device, Communicator& host)
    : Communicator(host.rank(), host.size()),
      device_(device),
      host_(host),
      name_(fmt::format("host-staged {}", host.name())),
      stream_(device.make_stream()) {}

// The device may still write to pinned memory, or read it.
HostStagedCommunicator::~HostStagedCommunicator() {
  for (const auto& staging : stagings_) {
    staging->sent->synchronize();
    staging->returned->synchronize();
  }
}

std::shared_ptr<HostStagedCommunicator::Staging> HostStagedCommunicator::take_staging(
    std::size_t in_bytes, std::size_t out_bytes) {
  for (const auto& staging : stagings_) {
    const bool fits = staging->in.bytes() >= in_bytes && staging->out.bytes() >= out_bytes;
    if (fits && staging->idle()) return staging;
  }
  auto staging = std::make_shared<Staging>();
  staging->in = device_.allocate_pinned(in_bytes);
  if (out_bytes > 0) staging->out = device_.allocate_pinned(out_bytes);
  staging->sent = device_.make_event();
  staging->returned = device_.make_event();
  stagings_.push_back(staging);
  return staging;
}

void HostStagedCommunicator::bring_back(Staging& staging, ConstTensorView from, TensorView to) {
  device_.copy(to, from, CopyDirection::host_to_device, *stream_);
  staging.returned->record(*stream_);
  staging.returned->make_wait(device_.compute_stream());
}

Pending HostStagedCommunicator::start(Call call) {
  const bool in_place = call.in.data() == call.out.data() && call.in.shape() == call.out.shape();
  auto staging = take_staging(call.in.bytes(), in_place ? 0 : call.out.bytes());
  const TensorView in(staging->in.data(), call.in.dtype(), call.in.shape());
  const TensorView out =
      in_place ? in : TensorView(staging->out.data(), call.out.dtype(), call.out.shape());
  // What the compute stream has been given so far comes first: its event is this call's for now.
  staging->sent->record(device_.compute_stream());
  staging->sent->make_wait(*stream_);
  device_.copy(in, call.in, CopyDirection::device_to_host, *stream_);
  staging->sent->record(*stream_);
  staging->running = true;
  auto operation = std::make_shared<Pending>(
      queue_.submit([staging, in, out, on_host = std::move(call.on_host)] {
        const AtEnd ended(staging->running);
        staging->sent->synchronize();
        on_host(in, out).wait();
      }));
  staging->pending = operation;
  return Pending(
      [this, staging, operation, out, to = call.out] {
        operation->wait();
        bring_back(*staging, out, to);
      },
      [operation] { return operation->complete(); });
}

Pending HostStagedCommunicator::start_all_reduce_sum(TensorView values) {
  return start({values, values, [this](ConstTensorView /*in*/, TensorView out) {
                  return host_.all_reduce_sum(out);
                }});
}

Pending HostStagedCommunicator::start_reduce_scatter_sum(ConstTensorView in, TensorView out) {
  return start({in, out, [this](ConstTensorView from, TensorView to) {
                  return host_.reduce_scatter_sum(from, to);
                }});
}

Pending HostStagedCommunicator::start_all_gather(ConstTensorView in, TensorView out) {
  return start({in, out, [this](ConstTensorView from, TensorView to) {
                  return host_.all_gather(from, to);
                }});
}

Pending HostStagedCommunicator::start_all_to_all(ConstTensorView in, TensorView out) {
  return start({in, out, [this](ConstTensorView from, TensorView to) {
                  return host_.all_to_all(from, to);
                }});
}

Pending HostStagedCommunicator::start_reduce_parts_sum(TensorView values,
                                                       std::span<const std::int64_t> cuts) {
  return start({values, values, [this, cuts](ConstTensorView /*in*/, TensorView out) {
                  return host_.reduce_parts_sum(out, cuts);
                }});
}

Pending HostStagedCommunicator::start_all_gather_parts(TensorView values,
                                                       std::span<const std::int64_t> cuts) {
  return start({values, values, [this, cuts](ConstTensorView /*in*/, TensorView out) {
                  return host_.all_gather_parts(out, cuts);
                }});
}

Pending HostStagedCommunicator::start_broadcast(TensorView values, int root) {
  return start({values, values, [this, root](ConstTensorView /*in*/, TensorView out) {
                  return host_.broadcast(out, root);
                }});
}

// As a barrier between hosts, of work that the device has been given too.
Pending HostStagedCommunicator::start_barrier() {
  std::shared_ptr<Event> reached = device_.make_event();
  reached->record(device_.compute_stream());
  return Pending(queue_.submit([this, reached] {
    reached->synchronize();
    host_.barrier().wait();
  }));
}

}  // namespace bertyard
