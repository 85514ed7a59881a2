// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as a package: they are refused or are a whole package, and nothing else happens.
//
// The bytes are tried twice: as the archive, and as the manifest of an otherwise right archive, as
// a mutation rarely gets past the checksums of tar.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

#include "runtime/package/package.h"
#include "runtime/package/tarball.h"
#include "runtime/view.h"

namespace {

void try_package(std::vector<std::uint8_t> tar) {
  const auto package = splicer::parse_package(std::move(tar), "fuzz.tar");
  if (!package) {
    if (package.error().exit != splicer::ExitCode::bad_package) std::abort();
    return;
  }
  (void)splicer::package_text(*package, {});
  (void)splicer::package_json(*package, {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> bytes(data, data + size);
  try_package(bytes);
  if (auto tar = splicer::pack_tar({{"manifest.json", bytes}, {"new/vmlinux.ko", {1, 2, 3}}}))
    try_package(std::move(*tar));
  return 0;
}
