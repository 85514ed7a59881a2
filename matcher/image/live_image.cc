// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/image/live_image.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "matcher/base/file.h"

namespace splicer {

namespace {

constexpr std::uint64_t kPiece = 64 * 1024;
constexpr std::size_t kMaxSegments = 4096;

struct Segment {
  RunAddress begin;    // first address
  std::uint64_t size;  // bytes
  FileOffset offset;   // in /proc/kcore
};

// Reads exactly `size` bytes at `offset`, or says which errno stopped it.
int read_fully(int fd, FileOffset offset, void* out, std::size_t size) {
  auto* bytes = static_cast<std::uint8_t*>(out);
  while (size > 0) {
    const ssize_t got = pread(fd, bytes, size, static_cast<off_t>(offset.value()));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got < 0 ? errno : ENODATA;
    bytes += got;
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
  return 0;
}

class LiveImage final : public Image {
 public:
  LiveImage(UniqueFd kcore, std::vector<Segment> segments, SymbolTable symbols, std::string sys)
      : kcore_(std::move(kcore)),
        segments_(std::move(segments)),
        symbols_(std::move(symbols)),
        sys_(std::move(sys)) {}

  const SymbolTable& symbols() const override { return symbols_; }
  bool live() const override { return true; }

  // kernel/bpf/sysfs_btf.c for vmlinux, btf_module_notify() in kernel/bpf/btf.c for modules.
  std::vector<std::uint8_t> types(const std::string& target) const override {
    return read_contents(sys_ + "/kernel/btf/" + target).bytes;
  }

  // add_sect_attrs() in kernel/module/sysfs.c: a file with the address in hex for each section.
  std::map<std::string, AddressRange> sections(const std::string& module) const override {
    std::map<RunAddress, std::string> starts;
    // None where the module is built in, or not loaded.
    for (const auto& entry : list_directory(sys_ + "/module/" + module + "/sections").entries)
      if (const auto address = read_section_address(entry.path()))
        starts.emplace(RunAddress(*address), entry.path().filename().string());
    std::map<std::string, AddressRange> found;
    for (auto start = starts.begin(); start != starts.end(); ++start) {
      const auto next = std::next(start);
      found[start->second] = {start->first,
                              next == starts.end() ? RunAddress(UINT64_MAX) : next->first};
    }
    return found;
  }

  Result<void> read(RunAddress address, std::span<std::uint8_t> out) const override {
    while (!out.empty()) {
      const auto there = rest_of_piece(address);
      if (!there) return propagate(there);
      const std::size_t count = std::min(out.size(), there->size());
      std::copy_n(there->begin(), count, out.begin());
      out = out.subspan(count);
      address += count;
    }
    return {};
  }

  std::span<const std::uint8_t> view(RunAddress address, std::size_t size) const override {
    const auto there = rest_of_piece(address);
    if (!there || there->size() < size) return {};
    return there->first(size);
  }

 private:
  static Failure unmapped(RunAddress address) {
    return fail(ExitCode::error, "image-read", "no kernel memory is mapped there")
        .at_file("/proc/kcore")
        .at_address(address)
        .hint("try again: a module may have been unloaded meanwhile");
  }

  // From `address` to the end of the piece that it is in.
  Result<std::span<const std::uint8_t>> rest_of_piece(RunAddress address) const {
    const auto segment = std::find_if(segments_.begin(), segments_.end(), [&](const Segment& s) {
      return address >= s.begin && address - s.begin < s.size;
    });
    if (segment == segments_.end()) return unmapped(address);
    // Two segments may share an aligned piece of the address space, so a piece is known by its
    // first byte in its segment.
    const RunAddress first =
        std::max(RunAddress(address.value() / kPiece * kPiece), segment->begin);
    auto piece = pieces_.find(first);
    if (piece == pieces_.end()) {
      auto read_now = read_piece(*segment, first);
      if (!read_now) return propagate(read_now);
      piece = pieces_.emplace(first, std::move(*read_now)).first;
    }
    return std::span<const std::uint8_t>(piece->second).subspan(address - first);
  }

  // From `first` to the end of its aligned piece or of its segment.
  Result<std::vector<std::uint8_t>> read_piece(const Segment& segment, RunAddress first) const {
    const RunAddress last =  // the last byte: a segment may end at the top of the address space
        std::min(RunAddress(first.value() / kPiece * kPiece + (kPiece - 1)),
                 segment.begin + (segment.size - 1));
    std::vector<std::uint8_t> bytes(last - first + 1);
    const int error = read_fully(kcore_.get(), segment.offset + (first - segment.begin),
                                 bytes.data(), bytes.size());
    if (error != 0) {
      return fail(ExitCode::error, "image-read",
                  fmt::format("cannot read kernel memory: {}", std::strerror(error)))
          .at_file("/proc/kcore")
          .at_address(first)
          .hint(
              "the kernel may be locked down (kernel_lockdown(7)): confidentiality mode hides it");
    }
    return bytes;
  }

  UniqueFd kcore_;
  std::vector<Segment> segments_;
  SymbolTable symbols_;
  std::string sys_;
  mutable std::map<RunAddress, std::vector<std::uint8_t>> pieces_;  // by first address
};

// By hand and not through libelf, which takes the size of a file from fstat(2) and reads as it thinks
// fit: /proc/kcore has the size of the address space, and each read of it is a copy of kernel memory
// that must be asked for by its exact place. Two records are needed, each checked here.
Result<std::vector<Segment>> read_segments(int fd, const std::string& path) {
  const auto bad = [&](const char* what) {
    return fail(ExitCode::error, "kcore-malformed", what)
        .at_file(path)
        .hint("the kernel needs CONFIG_PROC_KCORE");
  };
  Elf64_Ehdr header;
  if (read_fully(fd, FileOffset(0), &header, sizeof header) != 0)
    return bad("cannot read its ELF header");
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine != EM_X86_64 ||
      header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > kMaxSegments)
    return bad("it is not an x86-64 core file");
  std::vector<Elf64_Phdr> headers(header.e_phnum);
  if (read_fully(fd, FileOffset(header.e_phoff), headers.data(),
                 headers.size() * sizeof(Elf64_Phdr)) != 0)
    return bad("cannot read its program headers");
  std::vector<Segment> segments;
  for (const Elf64_Phdr& ph : headers)
    if (ph.p_type == PT_LOAD && ph.p_memsz > 0)
      segments.push_back({RunAddress(ph.p_vaddr), ph.p_memsz, FileOffset(ph.p_offset)});
  return segments;
}

}  // namespace

Result<std::unique_ptr<Image>> open_live_image(const std::string& proc, const std::string& sys) {
  const std::string kcore_path = proc + "/kcore";
  const std::string kallsyms_path = proc + "/kallsyms";
  UniqueFd kcore(open(kcore_path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!kcore) {
    return fail(ExitCode::error, "kcore-unreadable",
                fmt::format("cannot open the kernel's memory: {}", std::strerror(errno)))
        .at_file(kcore_path)
        .hint(errno == ENOENT ? "the kernel needs CONFIG_PROC_KCORE"
                              : "run as root; a locked down kernel refuses even root");
  }
  auto segments = read_segments(kcore.get(), kcore_path);
  if (!segments) return propagate(segments);

  const Contents text = read_contents(kallsyms_path);
  if (text.error != 0)
    return fail(ExitCode::error, "kallsyms-unreadable",
                fmt::format("cannot read the kernel's symbols: {}", std::strerror(text.error)))
        .at_file(kallsyms_path)
        .hint("the kernel needs CONFIG_KALLSYMS");
  auto symbols = SymbolTable::parse_kallsyms(text.view());
  if (!symbols) return propagate(symbols);
  return std::unique_ptr<Image>(std::make_unique<LiveImage>(std::move(kcore), std::move(*segments),
                                                            std::move(*symbols), sys));
}

std::optional<std::uint64_t> read_section_address(const std::filesystem::path& file) {
  const Contents contents = read_contents(file);
  std::string_view digits = contents.view();
  if (digits.starts_with("0x")) digits.remove_prefix(2);
  if (digits.ends_with('\n')) digits.remove_suffix(1);
  std::uint64_t address = 0;
  const auto [rest, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), address, 16);
  if (error != std::errc() || rest != digits.data() + digits.size() || address == 0)
    return std::nullopt;
  return address;
}

}  // namespace splicer
