// SPDX-License-Identifier: Apache-2.0
#include "core/nn/parameters.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

std::int64_t aligned(std::int64_t elements) {
  constexpr std::int64_t step = ParameterStore::kAlignment;
  return (elements + step - 1) / step * step;
}

TensorView part(const TensorView& flat, std::int64_t offset, const Shape& shape) {
  BERTYARD_CHECK(flat.present(), "parameters: no memory is bound");
  return flat.slice(offset, shape.elements()).reshaped(shape);
}

}  // namespace

ParameterId ParameterStore::add(std::string name, const Shape& shape, WeightDecay decay) {
  BERTYARD_CHECK(!find(name), fmt::format("parameters: '{}' is there already", name));
  cursor_ = aligned(cursor_);
  infos_.push_back({std::move(name), shape, decay, cursor_});
  cursor_ = aligned(cursor_ + shape.elements());
  return {size() - 1};
}

FusedParameter ParameterStore::add_fused(const std::vector<ParameterInfo>& parts) {
  BERTYARD_CHECK(!parts.empty(), "parameters: a fused group needs a member");
  cursor_ = aligned(cursor_);
  FusedParameter fused{{size()}, parts.front().shape};
  std::int64_t rows = 0;
  for (const ParameterInfo& info : parts) {
    BERTYARD_CHECK(!find(info.name), fmt::format("parameters: '{}' is there already", info.name));
    infos_.push_back({info.name, info.shape, info.decay, cursor_});
    cursor_ += info.shape.elements();
    rows += info.shape[0];
  }
  fused.shape = fused.shape.with_rows(rows);
  cursor_ = aligned(cursor_);
  return fused;
}

const ParameterInfo& ParameterStore::info(ParameterId id) const {
  BERTYARD_CHECK(id.index >= 0 && id.index < size(),
                 fmt::format("parameters: no parameter {}", id.index));
  return infos_[static_cast<std::size_t>(id.index)];
}

std::optional<ParameterId> ParameterStore::find(std::string_view name) const {
  for (int i = 0; i < size(); ++i) {
    if (infos_[static_cast<std::size_t>(i)].name == name) return ParameterId{i};
  }
  return std::nullopt;
}

std::int64_t ParameterStore::parameter_count() const {
  std::int64_t count = 0;
  for (const ParameterInfo& info : infos_) count += info.shape.elements();
  return count;
}

void ParameterStore::bind(TensorView values, TensorView gradients) {
  BERTYARD_CHECK(values.elements() == flat_elements() &&
                     (!gradients.present() || gradients.elements() == flat_elements()),
                 fmt::format("parameters: {} elements wanted, {} values and {} gradients bound",
                             flat_elements(), values.elements(), gradients.elements()));
  values_ = values;
  gradients_ = gradients;
}

TensorView ParameterStore::value(ParameterId id) const {
  return part(values_, info(id).offset, info(id).shape);
}
TensorView ParameterStore::gradient(ParameterId id) const {
  return part(gradients_, info(id).offset, info(id).shape);
}
TensorView ParameterStore::value(const FusedParameter& fused) const {
  return part(values_, info(fused.first).offset, fused.shape);
}
TensorView ParameterStore::gradient(const FusedParameter& fused) const {
  return part(gradients_, info(fused.first).offset, fused.shape);
}

}  // namespace bertyard
