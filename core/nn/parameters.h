// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor/tensor_view.h"

namespace bertyard {

// Index of a tensor in a ParameterStore.
struct ParameterId {
  int index = -1;
};

// Whether weight decay applies: everything but biases and LayerNorm parameters decays.
enum class WeightDecay { yes, no };

struct ParameterInfo {
  std::string name;  // Hugging Face's: "bert.encoder.layer.0.attention.self.query.weight"
  Shape shape;       // [out, in] for linear weights
  WeightDecay decay = WeightDecay::yes;
  std::int64_t offset = 0;  // elements from the start of the flat buffer
};

// A run of parameters laid out without gaps and seen as one tensor: query, key and value weights as
// one [3H, H] matrix.
struct FusedParameter {
  ParameterId first;
  Shape shape;
};

// The names, shapes and places of a model's parameters in one flat buffer, in the order in which
// backward finishes their gradients (the tied embedding last). Owns no memory: values and gradients
// are bound from outside, both flat f32 buffers of flat_elements().
class ParameterStore {
 public:
  // Tensors start at multiples of this many elements, except inside a fused group; the gaps hold
  // zeros for ever.
  static constexpr std::int64_t kAlignment = 16;

  // Throws Error when the name is taken.
  ParameterId add(std::string name, const Shape& shape, WeightDecay decay);
  // Adds tensors of equal trailing shape one right after another.
  FusedParameter add_fused(const std::vector<ParameterInfo>& parts);

  int size() const { return static_cast<int>(infos_.size()); }
  const ParameterInfo& info(ParameterId id) const;
  const std::vector<ParameterInfo>& infos() const { return infos_; }
  std::optional<ParameterId> find(std::string_view name) const;
  // Elements of the flat buffers, gaps included; and of the tensors alone.
  std::int64_t flat_elements() const { return cursor_; }
  std::int64_t parameter_count() const;

  void bind(TensorView values, TensorView gradients);
  TensorView values() const { return values_; }        // [flat_elements()]
  TensorView gradients() const { return gradients_; }  // [flat_elements()]; absent in evaluation
  TensorView value(ParameterId id) const;
  TensorView gradient(ParameterId id) const;
  TensorView value(const FusedParameter& fused) const;
  TensorView gradient(const FusedParameter& fused) const;

 private:
  std::vector<ParameterInfo> infos_;
  std::int64_t cursor_ = 0;
  TensorView values_;
  TensorView gradients_;
};

}  // namespace bertyard
