// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/trampoline_site.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "matcher/base/wording.h"
#include "matcher/elf/nops.h"

namespace splicer {

namespace {

constexpr std::uint8_t kInt3 = 0xcc;
constexpr std::size_t kMaxPadding = 128;  // a short jump does not reach further

using LiveSite = std::pair<std::uint32_t, std::uint32_t>;

// The live site that [begin, end) overlaps; an ftrace site at the entry lies before any window.
const LiveSite* overlapped(const FunctionMatch& function, std::size_t begin, std::size_t end) {
  const auto site =
      std::find_if(function.live_sites.begin(), function.live_sites.end(),
                   [&](const LiveSite& live) { return live.first < end && begin < live.second; });
  return site == function.live_sites.end() ? nullptr : &*site;
}

// Bytes between the function's end and the next symbol that do nothing and belong to nobody.
std::vector<std::uint8_t> padding_behind(const FunctionMatch& function, const Image& image) {
  const RunAddress end = function.address + function.run_bytes.size();
  const std::vector<KernelSymbol>& symbols = image.symbols().all();
  const auto next =
      std::partition_point(symbols.begin(), symbols.end(),
                           [&](const KernelSymbol& symbol) { return symbol.address < end; });
  if (next == symbols.end()) return {};
  std::vector<std::uint8_t> bytes(std::min<std::uint64_t>(next->address - end, kMaxPadding));
  if (!image.read(end, bytes)) return {};
  std::size_t idle = 0;
  while (idle < bytes.size()) {
    if (bytes[idle] == kInt3) {
      ++idle;
      continue;
    }
    const auto nop = nop_at(Bytes(bytes).subspan(idle));
    if (!nop || !nop->padding) break;
    idle += nop->length;
  }
  bytes.resize(idle);
  return bytes;
}

std::optional<TrampolineSite> two_jumps(const FunctionMatch& function, std::size_t begin,
                                        const Image& image) {
  if (begin + kShortJump > function.run_bytes.size() ||
      overlapped(function, begin, begin + kShortJump) != nullptr)
    return std::nullopt;
  const std::size_t distance = function.run_bytes.size() - (begin + kShortJump);
  if (distance > 127) return std::nullopt;  // rel8
  const std::vector<std::uint8_t> padding = padding_behind(function, image);
  if (padding.size() < kLongJump) return std::nullopt;
  TrampolineSite chosen;
  chosen.site = function.address + begin;
  chosen.hop = function.address + function.run_bytes.size();
  std::copy_n(padding.begin(), kLongJump, chosen.expected_hop.begin());
  return chosen;
}

}  // namespace

Result<TrampolineSite> choose_trampoline_site(const FunctionMatch& function,
                                              const AppliedFunction* before, const Image& image) {
  TrampolineSite chosen;
  if (before != nullptr) {
    chosen.site = before->site;
    chosen.hop = before->hop;
    chosen.at_ftrace_site = before->at_ftrace_site;
    if (chosen.hop != RunAddress())
      if (auto read = image.read(chosen.hop, chosen.expected_hop); !read) return propagate(read);
    return chosen;
  }
  const std::size_t begin = function.kept_entry;
  const std::size_t size = function.run_bytes.size();
  const bool fits = begin + kLongJump <= size;
  const LiveSite* live = overlapped(function, begin, begin + kLongJump);
  if (fits && live == nullptr) {
    chosen.site = function.address + begin;
    return chosen;
  }
  if (const auto two = two_jumps(function, begin, image)) return *two;
  if (function.ftrace_site) {
    chosen.site = function.address + *function.ftrace_site;
    chosen.at_ftrace_site = true;
    return chosen;
  }

  const std::string why =
      live != nullptr
          ? fmt::format(
                "the kernel rewrites the bytes at +{:#x} to +{:#x} of the function while it runs, "
                "where the jump to the new code (+{:#x}) would be",
                live->first, live->second, begin)
          : fmt::format("the function has {}, too few for a jump to the new code at +{:#x}",
                        counted(size, "byte"), begin);
  return fail(ExitCode::unsafe, "no-trampoline-site",
              why +
                  ", no free padding behind it is in reach of a short jump, and it has no ftrace "
                  "site")
      .in_function(function.name)
      .at_address(function.address + begin)
      .hint(
          "change the functions that call it instead (the update's maker can), or reboot into a "
          "fixed kernel");
}

}  // namespace splicer
