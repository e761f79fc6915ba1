// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "launch/config/config.h"
#include "launch/config/config_layers.h"

namespace bertyard {

// What checks across the fields of a configuration are made of: which fields have been read without
// a mistake, what each says and where, and how a mistake is reported. Borrows everything.
class FieldChecks {
 protected:
  FieldChecks(const LoadedConfig& loaded, const ConfigLayers& layers, ConfigErrors& errors)
      : loaded_(loaded), layers_(layers), errors_(errors) {}

  bool all_read(const std::vector<std::string>& keys) const;
  std::string value(const std::string& key) const;
  // "'model.heads' 11 (run.yaml:12:28)"
  std::string seen(const std::string& key, const std::string& value) const;
  std::string shown(const std::string& key) const { return seen(key, value(key)); }
  // Reports at the first of the keys that stands in some text; all of them are named in `message`.
  void mistake(const std::vector<std::string>& keys, const std::string& message) const;

  const LoadedConfig& loaded_;

 private:
  const ConfigLayers& layers_;
  ConfigErrors& errors_;
};

}  // namespace bertyard
