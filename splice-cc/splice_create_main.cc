// SPDX-License-Identifier: GPL-2.0-or-later
//
// splice-create: turns patches into an update for one kernel.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "matcher/base/command_line.h"
#include "splice-cc/create.h"
#include "splice-cc/semantics/check.h"
#include "splice-cc/verify.h"

namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

// Beside this program: splice-cc, and where it was installed from, the core module's sources and
// splice.h.
void find_companions(splicer::CreateOptions& options) {
  std::error_code code;
  const fs::path folder = fs::read_symlink("/proc/self/exe", code).parent_path();
  options.driver = folder / "splice-cc";
  options.core_source = folder / "../share/splice/kmod";
  if (!fs::exists(options.core_source, code)) options.core_source = SPLICE_KMOD_SOURCE;
  options.include_folder = folder / "../share/splice/include";
  if (!fs::exists(options.include_folder, code)) options.include_folder = SPLICE_INCLUDE_SOURCE;
}

splicer::CreateOptions read_options(const splicer::Command& command) {
  splicer::CreateOptions options;
  const auto text = [&command](const char* name) {
    return command.has(name) ? command.values()[name].as<std::string>() : std::string();
  };
  options.host.release = text("kernel");
  options.host.root = text("root");
  options.host.source = text("source");
  options.host.config = text("config");
  options.output = text("output");
  options.jobs = command.has("jobs") ? command.values()["jobs"].as<unsigned>()
                                     : std::max(1U, std::thread::hardware_concurrency());
  options.keep_scratch = command.has("keep-tmp");
  options.verify = command.has("verify");
  options.patches = command.values()["patch"].as<std::vector<std::string>>();
  if (command.has("accept"))
    options.accepted = command.values()["accept"].as<std::vector<std::string>>();
  if (command.has("on")) options.on = command.values()["on"].as<std::vector<std::string>>();
  find_companions(options);
  return options;
}

nlohmann::json describe(const splicer::Creation& creation) {
  const splicer::Manifest& manifest = creation.package.manifest;
  nlohmann::json targets = nlohmann::json::array();
  for (const splicer::PackageTarget& target : manifest.targets) {
    nlohmann::json functions = nlohmann::json::array();
    for (const splicer::PackageFunction& function : target.functions)
      functions.push_back({{"name", function.name},
                           {"unit", function.unit},
                           {"kind", function.kind},
                           {"size", function.size},
                           {"why", function.why}});
    targets.push_back({{"name", target.name}, {"functions", functions}});
  }
  nlohmann::json accepted = nlohmann::json::array();
  for (const splicer::PackageAccepted& one : manifest.accepted) accepted.push_back(one.finding);
  nlohmann::json document = {{"id", manifest.id},
                             {"file", creation.written.string()},
                             {"kernel", manifest.kernel.release},
                             {"targets", targets},
                             {"accepted", accepted},
                             {"warnings", manifest.warnings}};
  if (creation.verified)
    document["verified"] = {{"functions", creation.verified->functions},
                            {"objects", creation.verified->objects}};
  return document;
}

}  // namespace

int main(int argc, char** argv) {
  splicer::Command command(
      "splice-create", "[OPTION]... PATCH...",
      "Make an update for a running kernel from patches to its source. With only a patch, for the\n"
      "kernel that runs here; what is missing is named.");
  command.options().add_options()("kernel", po::value<std::string>()->value_name("REL"),
                                  "for this release (default: uname -r)")(
      "root", po::value<std::string>()->value_name("DIR"),
      "the kernel's packages are unpacked in this folder")(
      "source", po::value<std::string>()->value_name("PATH"),
      "folder or tarball of the kernel's source (default: the linux-source package)")(
      "config", po::value<std::string>()->value_name("FILE"),
      "the kernel's configuration (default: the headers')")(
      "on", po::value<std::vector<std::string>>()->value_name("PATCH"),
      "the kernel already has this patch, or this update.tar (may be repeated)")(
      "accept", po::value<std::vector<std::string>>()->value_name("FINDING"),
      "make the update in spite of this finding, CODE:NAME (may be repeated)")(
      "output,o", po::value<std::string>()->value_name("FILE"),
      "write the update here (default: splice-ID.tar)")(
      "jobs,j", po::value<unsigned>()->value_name("N"), "run N compilers at a time")(
      "verify", "match it against the kernel's package, without booting that")(
      "keep-tmp", "keep the folder with the objects");
  command.positional("patch", -1);
  if (auto status = command.parse(argc, argv)) return *status;
  splicer::Console& console = command.console();
  if (!command.has("patch"))
    return console.finish(splicer::fail(splicer::ExitCode::usage, "no-patch", "no patch is given")
                              .hint("splice-create fix.patch")
                              .take());

  // Boost takes -1 for the largest number.
  constexpr unsigned kMostJobs = 1024;
  if (command.has("jobs") && (command.values()["jobs"].as<unsigned>() == 0 ||
                              command.values()["jobs"].as<unsigned>() > kMostJobs))
    return console.finish(splicer::fail(splicer::ExitCode::usage, "usage",
                                        fmt::format("--jobs is not between 1 and {}", kMostJobs))
                              .hint("without --jobs there is one for each processor")
                              .take());

  if (command.has("verify") && command.has("on"))
    return console.finish(
        splicer::fail(
            splicer::ExitCode::usage, "usage",
            "--verify compares with the kernel as it was shipped, which lacks what --on names")
            .hint("splice-apply -n compares with the running kernel, updates and all")
            .take());

  splicer::Creation creation(read_options(command), console);
  for (const auto pass :
       {splicer::find_kernel, splicer::prepare_source, splicer::read_patches, splicer::find_units,
        splicer::build_units, splicer::compare_units, splicer::check_meaning, splicer::make_modules,
        splicer::verify_update, splicer::write_update}) {
    if (auto done = pass(creation); !done) return console.finish(done.error());
  }
  for (const std::string& warning : creation.warnings) console.warning(warning);
  if (creation.verified)
    console.stage("verified: {} function{} of {} object{} match the shipped kernel",
                  creation.verified->functions, creation.verified->functions == 1 ? "" : "s",
                  creation.verified->objects, creation.verified->objects == 1 ? "" : "s");
  console.stage("wrote {}", creation.written.string());
  console.document(describe(creation));
  return 0;
}
