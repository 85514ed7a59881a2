// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/state.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "kmod/splice_abi.h"
#include "matcher/base/file.h"
#include "runtime/package/manifest.h"

namespace splicer {

namespace {

constexpr std::size_t kMaxFile = 64u << 20;
constexpr std::size_t kShortestPrefix = 4;
constexpr std::array<std::string_view, 3> kAwaitedWords{"waiting", "patched", "unpatched"};

std::optional<std::uint64_t> number(std::string_view text, int base) {
  if (base == 16) {
    if (!text.starts_with("0x")) return std::nullopt;
    text.remove_prefix(2);
  }
  std::uint64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_plain_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// "old_entry old_code old_size new_code new_size site hop flags name": eight hex numbers and a name.
std::optional<AppliedFunction> parse_function(std::string_view line) {
  std::array<std::uint64_t, 8> fields{};
  for (std::uint64_t& field : fields) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    const auto value = number(line.substr(0, space), 16);
    if (!value) return std::nullopt;
    field = *value;
    line.remove_prefix(space + 1);
  }
  if (line.empty() || !is_plain_name(line)) return std::nullopt;
  AppliedFunction f;
  f.old_entry = RunAddress(fields[0]);
  f.old_code = RunAddress(fields[1]);
  f.old_size = fields[2];
  f.new_code = RunAddress(fields[3]);
  f.new_size = fields[4];
  f.site = RunAddress(fields[5]);
  f.hop = RunAddress(fields[6]);
  f.at_ftrace_site = (fields[7] & SPLICE_FUNCTION_AT_FTRACE) != 0;
  f.name = line;
  return f;
}

// "address size written|left name".
std::optional<AppliedValue> parse_value(std::string_view line) {
  AppliedValue value;
  std::array<std::string_view, 3> words;
  for (std::string_view& word : words) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    word = line.substr(0, space);
    line.remove_prefix(space + 1);
  }
  const auto address = number(words[0], 16);
  const auto size = number(words[1], 16);
  if (!address || !size || (words[2] != "written" && words[2] != "left") || line.empty() ||
      !is_plain_name(line))
    return std::nullopt;
  value.address = RunAddress(*address);
  value.size = *size;
  value.written = words[2] == "written";
  value.name = line;
  return value;
}

// "module state"
std::optional<AwaitedState> parse_awaited(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  AwaitedState awaited{std::string(line.substr(0, space))};
  const auto* const word = std::ranges::find(kAwaitedWords, line.substr(space + 1));
  if (!is_module_name(awaited.module) || word == kAwaitedWords.end()) return std::nullopt;
  awaited.state = static_cast<AwaitedState::Word>(word - kAwaitedWords.begin());
  return awaited;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  return text;
}

// Threads may still be in its code ("undone"), or what it has stored may lead there ("kept").
bool is_undone(std::string_view state) { return state == "undone" || state == "kept"; }

Failure malformed(const std::string& path) {
  return fail(ExitCode::error, "state-malformed",
              "the core module describes the update in a format that this release does not know")
      .at_file(path)
      .hint("use the commands of the release of Splice whose core module is loaded");
}

Failure unreadable(const std::string& path, int error) {
  return fail(ExitCode::error, "state-unreadable",
              fmt::format("the list of applied updates cannot be read: {}", std::strerror(error)))
      .at_file(path)
      .hint(error == EACCES || error == EPERM ? "run the command as root (sudo)"
                                              : "mount sysfs at /sys, and try again");
}

// An update that is undone while it is read vanishes, one that is being applied is not there yet:
// neither is an error; nothing is returned.
Result<std::optional<AppliedUpdate>> read_update(const std::string& directory,
                                                 const std::string& id) {
  const auto gone = [](int error) { return error == ENOENT || error == ENODEV; };
  AppliedUpdate update;
  update.id = id;
  for (const auto& [name, field] :
       {std::pair{"applied_at", &update.applied_at}, std::pair{"pause_ns", &update.pause_ns},
        std::pair{"sequence", &update.sequence}}) {
    const std::string path = directory + "/" + name;
    const Contents attribute = read_contents(path, kMaxFile);
    if (gone(attribute.error)) return std::nullopt;
    if (attribute.error != 0) return unreadable(path, attribute.error);
    const auto value = number(trimmed(attribute.view()), 10);
    if (!value) return malformed(path);
    *field = *value;
  }
  const Contents state = read_contents(directory + "/state", kMaxFile);
  if (gone(state.error)) return std::nullopt;
  if (state.error != 0) return unreadable(directory + "/state", state.error);
  update.state = trimmed(state.view());
  // Its functions are still the old ones, and it goes away again if the switch fails.
  if (update.state == "applying") return std::nullopt;
  if (update.state != "applied" && update.state != "undoing" && !is_undone(update.state))
    return malformed(directory + "/state");

  const Contents modules = read_contents(directory + "/modules", kMaxFile);
  if (gone(modules.error)) return std::nullopt;
  if (modules.error != 0) return unreadable(directory + "/modules", modules.error);
  for (const std::string& line : split_lines(modules.view())) {
    if (line.empty()) continue;
    if (!is_module_name(line)) return malformed(directory + "/modules");
    update.modules.emplace_back(line);
  }
  const Contents functions = read_contents(directory + "/functions", kMaxFile);
  if (gone(functions.error)) return std::nullopt;
  update.functions_hidden = functions.error == EACCES || functions.error == EPERM;
  if (functions.error != 0 && !update.functions_hidden)
    return unreadable(directory + "/functions", functions.error);
  for (const std::string& line : split_lines(functions.view())) {
    if (line.empty()) continue;
    const auto function = parse_function(line);
    if (!function) return malformed(directory + "/functions");
    update.functions.push_back(*function);
  }
  // Hidden from all but root, as the functions are.
  const Contents values = read_contents(directory + "/values", kMaxFile);
  for (const std::string& line : split_lines(values.view())) {
    if (line.empty()) continue;
    const auto value = parse_value(line);
    if (!value) return malformed(directory + "/values");
    update.values.push_back(*value);
  }
  const Contents awaits = read_contents(directory + "/awaits", kMaxFile);
  for (const std::string& line : split_lines(awaits.view())) {
    if (line.empty()) continue;
    auto awaited = parse_awaited(line);
    if (!awaited) return malformed(directory + "/awaits");
    update.awaits.push_back(std::move(*awaited));
  }
  return update;
}

}  // namespace

Result<State> State::read(const std::string& root) {
  State state;
  const Listing listing = list_directory(root);
  if (listing.error == ENOENT) return state;
  if (listing.error != 0) return unreadable(root, listing.error);
  for (const auto& entry : listing.entries) {
    const std::string id = entry.path().filename().string();
    if (!is_update_id(id)) continue;  // an attribute of the module itself
    auto update = read_update(entry.path().string(), id);
    if (!update) return propagate(update);
    if (!*update) continue;
    // The old code and the old values are back.
    if (is_undone((*update)->state))
      state.undone_.push_back({id, (*update)->state == "kept", std::move((*update)->modules)});
    else
      state.updates_.push_back(std::move(**update));
  }
  std::sort(state.updates_.begin(), state.updates_.end(),
            [](const AppliedUpdate& a, const AppliedUpdate& b) { return a.sequence < b.sequence; });
  return state;
}

const char* awaited_word(AwaitedState::Word word) {
  return kAwaitedWords[static_cast<std::size_t>(word)].data();
}

bool may_begin_id(std::string_view text) {
  return text.size() >= kShortestPrefix && text.size() < SPLICE_ID_LEN &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

const UndoneUpdate* State::find_undone(std::string_view id) const {
  const auto update = std::find_if(undone_.begin(), undone_.end(),
                                   [&](const UndoneUpdate& u) { return u.id == id; });
  return update == undone_.end() ? nullptr : &*update;
}

const AppliedUpdate* State::find(std::string_view id) const {
  const auto update = std::find_if(updates_.begin(), updates_.end(),
                                   [&](const AppliedUpdate& u) { return u.id == id; });
  return update == updates_.end() ? nullptr : &*update;
}

Result<const AppliedUpdate*> State::find_prefix(std::string_view prefix) const {
  if (const AppliedUpdate* exact = find(prefix); exact != nullptr) return exact;
  std::vector<const AppliedUpdate*> found;
  for (const AppliedUpdate& update : updates_)
    if (may_begin_id(prefix) && update.id.starts_with(prefix)) found.push_back(&update);
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return fail(ExitCode::error, "unknown-update", fmt::format("no update {} is applied", prefix))
        .hint("list the applied updates with splice-view; of an id give at least 4 digits");
  }
  std::string ids;
  for (const AppliedUpdate* update : found) ids += update->id + "\n";
  return fail(ExitCode::error, "update-ambiguous",
              fmt::format("the ids of {} applied updates begin with {}", found.size(), prefix))
      .detail(std::move(ids))
      .hint("give more digits");
}

std::size_t AppliedUpdate::replaced() const {
  return static_cast<std::size_t>(std::count_if(
      functions.begin(), functions.end(), [](const AppliedFunction& f) { return !f.checked(); }));
}

std::vector<std::string> AppliedUpdate::modules_that_are(AwaitedState::Word word) const {
  std::vector<std::string> found;
  for (const AwaitedState& awaited : awaits)
    if (awaited.state == word) found.push_back(awaited.module);
  return found;
}

bool AppliedUpdate::waits_for(std::string_view module) const {
  return std::ranges::any_of(awaits, [&](const AwaitedState& awaited) {
    return awaited.module == module && awaited.state == AwaitedState::waiting;
  });
}

bool AppliedUpdate::lacks(std::string_view module) const {
  return std::ranges::any_of(awaits, [&](const AwaitedState& awaited) {
    return awaited.module == module && awaited.state != AwaitedState::patched;
  });
}

State::Newest State::newest(RunAddress old_entry) const {
  Newest newest;
  for (const AppliedUpdate& update : updates_)
    for (const AppliedFunction& function : update.functions)
      if (function.old_entry == old_entry && !function.checked()) newest = {&update, &function};
  return newest;
}

std::map<std::string, std::size_t> State::redirected() const {
  std::map<std::string, std::size_t> functions;
  std::set<RunAddress> seen;
  for (const AppliedUpdate& update : updates_)
    for (const AppliedFunction& function : update.functions)
      if (function.at_ftrace_site && seen.insert(function.old_entry).second)
        ++functions[function.name];
  return functions;
}

std::set<std::string, std::less<>> State::modules() const {
  std::set<std::string, std::less<>> modules;
  for (const AppliedUpdate& update : updates_)
    modules.insert(update.modules.begin(), update.modules.end());
  for (const UndoneUpdate& update : undone_)
    modules.insert(update.modules.begin(), update.modules.end());
  return modules;
}

std::map<RunAddress, Redirect> State::redirects() const {
  std::map<RunAddress, Redirect> redirects;
  for (const AppliedUpdate& update : updates_)
    for (const AppliedFunction& function : update.functions)
      if (!function.checked())
        redirects[function.old_entry] = {function.new_code, function.site, update.id};
  return redirects;
}

}  // namespace splicer
