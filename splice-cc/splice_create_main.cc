// SPDX-License-Identifier: GPL-2.0-or-later
//
// splice-create: turns patches into an update for one kernel.
#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "matcher/base/command_line.h"
#include "matcher/base/wording.h"
#include "runtime/package/cve.h"
#include "runtime/package/update_name.h"
#include "splice-cc/attempts.h"
#include "splice-cc/create.h"
#include "splice-cc/deb_package.h"
#include "splice-cc/release_command.h"
#include "splice-cc/source/supervised.h"
#include "splice-cc/verify.h"

namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

// What --debug can show.
const std::vector<std::string_view> kTopics = {"atoms", "readers", "twins"};

// All that splice-create does before it writes the update, and why in this order.
constexpr splicer::Pass kPasses[] = {
    // What is missing is listed before any work is done.
    {"find_kernel", splicer::find_kernel},
    // Everything below compiles or looks up paths in the kernel's own source.
    {"prepare_source", splicer::prepare_source},
    // Their paths are told apart (-p0 or -p1) by what the tree has.
    {"read_patches", splicer::read_patches},
    // By the Makefiles alone: an object that cannot be updated is refused before any compile.
    {"find_patched_units", splicer::find_patched_units},
    // Both versions of the source, once; all later passes compile, preprocess and read in them.
    {"make_patched_trees", splicer::make_patched_trees},
    // To look at thousands of readers is worth it only for a patch that compiles.
    {"build_patched_units", splicer::build_patched_units},
    // How many there may be decides whether the next pass is worth its time.
    {"find_possible_readers", splicer::find_possible_readers},
    // A patch that changes a structure or an initial value is refused in any case: do it now, by
    // the few units that are built, before thousands are preprocessed.
    {"refuse_early", splicer::refuse_early},
    // Now that it may succeed, the long search.
    {"find_header_readers", splicer::find_header_readers},
    // From here on, a reader of a header is a changed unit like those that are patched.
    {"build_readers", splicer::build_readers},
    // Every compile has said what it read: what is left over is read by none.
    {"note_unread_files", splicer::note_unread_files},
    // All units at once, for one may need a new function that another defines.
    {"compare_units", splicer::compare_units},
    // What new code is made of is known: is something left that it should have gone on with?
    {"account", splicer::account},
    // Only for units whose code changes, which are known now: Clang takes longer than the compiler.
    {"check_semantics", splicer::check_semantics},
    // All has been looked at: whoever is refused learns every reason in one run.
    {"judge_findings", splicer::judge_findings},
    // Nothing is refused any more but for what cannot be linked.
    {"make_modules", splicer::make_modules},
    // From the patches alone, for whatever kernel.
    {"name_update", splicer::name_update},
    // It matches the finished update, so that one that does not fit is never written.
    {"verify_update", splicer::verify_update},
    // The names that the kernel is to look up are those of addresses that have been proved.
    {"make_livepatch", splicer::make_livepatch},
};
// Last: what is written is complete, with all warnings, and nothing of it will be left out any more.
constexpr splicer::Pass kLastPass = {"write_update", splicer::write_update};

// Beside this program: splice-cc, the core module's sources and splice.h. A build folder has them where an
// installation has, so no path of the checkout is in the program: on another machine somebody else could make it.
void find_companions(splicer::CreateOptions& options) {
  std::error_code code;
  const fs::path folder = fs::read_symlink("/proc/self/exe", code).parent_path();
  options.driver = folder / "splice-cc";
  options.core_source = folder / "../share/splice/kmod";
  options.include_folder = folder / "../share/splice/include";
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
  options.name = text("name");
  options.keep_scratch = command.has("keep-tmp");
  options.verify = command.has("verify");
  if (command.values()["format"].as<std::string>() == "livepatch")
    options.format = splicer::Format::livepatch;
  options.module_key = text("module-key");
  options.module_certificate = text("module-certificate");
  options.package_key = text("sign");
  if (command.has("sign-expires")) options.expires = text("sign-expires");
  options.deb_folder = text("deb");
  options.deb_version = text("deb-version");
  options.leave_out = command.has("leave-out");
  if (command.has("must")) options.must = command.values()["must"].as<std::vector<std::string>>();
  if (command.has("patch"))
    options.patches = command.values()["patch"].as<std::vector<std::string>>();
  if (command.has("accept"))
    options.accepted = command.values()["accept"].as<std::vector<std::string>>();
  if (command.has("on")) options.on = command.values()["on"].as<std::vector<std::string>>();
  find_companions(options);
  return options;
}

// "CVE-2026-1234,CVE-2026-5678" or "none". Errors: "usage".
splicer::Result<void> read_fixes(const splicer::Command& command, splicer::CreateOptions& options) {
  if (!command.has("fixes")) return {};
  for (std::string_view list : command.values()["fixes"].as<std::vector<std::string>>()) {
    while (!list.empty()) {
      const std::string_view word = list.substr(0, list.find(','));
      list.remove_prefix(std::min(list.size(), word.size() + 1));
      if (word == "none") {
        options.fixes_from_patches = false;
      } else if (splicer::is_cve_id(word)) {
        options.fixes.emplace_back(word);
      } else {
        return splicer::fail(splicer::ExitCode::usage, "usage",
                             fmt::format("--fixes: '{}' is not a CVE id", word))
            .hint("write it as in --fixes CVE-2026-1234,CVE-2026-5678");
      }
    }
  }
  return {};
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
                             {"name", manifest.name},
                             {"fixes", manifest.fixes},
                             {"fix_id", manifest.fix_id},
                             {"file", creation.written.string()},
                             {"kernel", manifest.kernel.release},
                             {"targets", targets},
                             {"accepted", accepted},
                             {"parts_left_out", manifest.parts_left_out},
                             {"warnings", manifest.warnings}};
  if (creation.package_key) document["signature"] = creation.written.string() + ".sig";
  if (!creation.deb.empty()) document["deb"] = creation.deb.string();
  if (creation.verified)
    document["verified"] = {{"functions", creation.verified->functions},
                            {"objects", creation.verified->objects}};
  return document;
}

void add_options(splicer::Command& command) {
  command.options().add_options()("kernel", po::value<std::string>()->value_name("REL"),
                                  "for this release (default: uname -r)")(
      "root", po::value<std::string>()->value_name("DIR"),
      "the kernel's packages are unpacked in this directory")(
      "source", po::value<std::string>()->value_name("PATH"),
      "directory or tarball of the kernel's source (default: the linux-source package)")(
      "config", po::value<std::string>()->value_name("FILE"),
      "the kernel's configuration (default: the headers')")(
      "on", po::value<std::vector<std::string>>()->value_name("PATCH"),
      "the kernel already has this patch, or this update.tar (may be repeated)")(
      "accept", po::value<std::vector<std::string>>()->value_name("FINDING"),
      "make the update in spite of this finding, CODE:NAME (may be repeated)")(
      "leave-out", "leave out what cannot go live or does not compile, and say what")(
      "must", po::value<std::vector<std::string>>()->value_name("NAME"),
      "with --leave-out: the function NAME is not left out (may be repeated)")(
      "name", po::value<std::string>()->value_name("NAME"),
      "what the update is called (default: its CVE, or the patch's title)")(
      "fixes", po::value<std::vector<std::string>>()->value_name("CVE"),
      "it fixes these too, a comma between them (may be repeated); none: only these")(
      "output,o", po::value<std::string>()->value_name("FILE"),
      "write the update here (default: splice-ID.tar)")(
      "deb", po::value<std::string>()->value_name("DIR"),
      "make a Debian package of it in this directory, too")(
      "deb-version", po::value<std::string>()->value_name("VERSION"),
      "of that package (default: that of the kernel's package, +1)")(
      "jobs,j", po::value<unsigned>()->value_name("N"), "run N compilers at a time")(
      "verify", "match it against the kernel's package, without booting that")(
      "format", po::value<std::string>()->default_value("package")->value_name("NAME"),
      "package (for splice-apply), or livepatch: one module for insmod")(
      "sign", po::value<std::string>()->value_name("KEY"),
      "sign the update with this key (PEM file or URI), in a file beside it: UPDATE.tar.sig")(
      "sign-expires", po::value<std::string>()->value_name("DATE"),
      "nobody is to take it in after this day, as 2027-06-30 (default: never)")(
      "module-key", po::value<std::string>()->value_name("KEY"),
      "sign modules with this key (PEM file or URI); --sign-modules KEY CERT gives both")(
      "module-certificate", po::value<std::string>()->value_name("CERT"),
      "the certificate of that key, which the kernel must trust")(
      "keep-tmp", "keep the directory with the objects")(
      "debug", po::value<std::string>()->value_name("TOPICS"),
      "show how it decides: atoms, readers, twins (a comma between them)");
  splicer::add_release_options(command);
  command.positional("patch", -1);
}

// What parsing alone cannot tell. Errors: "no-patch", "usage".
splicer::Result<void> check_options(splicer::Command& command) {
  using splicer::ExitCode;
  using splicer::fail;
  if (auto right = splicer::check_release_options(command); !right) return right;
  if (!command.has("patch") && !splicer::is_release(command))
    return fail(ExitCode::usage, "no-patch", "no patch is given").hint("splice-create fix.patch");

  const auto format = command.values()["format"].as<std::string>();
  if (format != "package" && format != "livepatch")
    return fail(ExitCode::usage, "usage", fmt::format("there is no format '{}'", format))
        .hint("--format package or --format livepatch");
  const fs::path output =
      command.has("output") ? command.values()["output"].as<std::string>() : std::string();
  if (format == "livepatch" &&
      (output.extension() != ".ko" || !splicer::is_module_name(output.stem().string())))
    return fail(ExitCode::usage, "usage", "a live patch is a module, and its file names it")
        .hint("-o NAME.ko, with letters, digits and _ in NAME");
  if (command.has("module-key") != command.has("module-certificate"))
    return fail(ExitCode::usage, "usage", "a key that signs modules has a certificate")
        .hint("--sign-modules KEY CERT");

  if (command.has("sign") && format == "livepatch")
    return fail(ExitCode::usage, "usage",
                "--sign is for packages: a live patch is signed as a module")
        .hint("--sign-modules KEY CERT");
  if (command.has("deb") && format == "livepatch")
    return fail(ExitCode::usage, "usage", "--deb is for packages that splice-install takes")
        .hint("leave out --format livepatch");
  if (command.has("deb-version") &&
      (!command.has("deb") ||
       !splicer::is_deb_version(command.values()["deb-version"].as<std::string>())))
    return fail(ExitCode::usage, "usage", "--deb-version is the version of the package of --deb")
        .hint("--deb DIR --deb-version 6.1.192-2+2, without an epoch");
  if (command.has("sign-expires") &&
      (!command.has("sign") ||
       !splicer::is_date(command.values()["sign-expires"].as<std::string>())))
    return fail(ExitCode::usage, "usage", "--sign-expires is a day, until which --sign is good")
        .hint("--sign KEY --sign-expires 2027-06-30");

  // Boost takes -1 for the largest number.
  constexpr unsigned kMostJobs = 1024;
  if (command.has("jobs") && (command.values()["jobs"].as<unsigned>() == 0 ||
                              command.values()["jobs"].as<unsigned>() > kMostJobs))
    return fail(ExitCode::usage, "usage", fmt::format("--jobs is not between 1 and {}", kMostJobs))
        .hint("without --jobs there is one for each processor");

  if (command.has("name") && !splicer::is_update_name(command.values()["name"].as<std::string>()))
    return fail(ExitCode::usage, "usage", "--name is not a name that an update can have")
        .hint("use letters, digits and . _ + -, at most 64, and not only digits of an id");

  if (command.has("verify") && command.has("on"))
    return fail(ExitCode::usage, "usage",
                "--verify compares with the kernel as it was shipped, which lacks what --on names")
        .hint("splice-apply -n compares with the running kernel, updates and all");

  if (command.has("must") && !command.has("leave-out"))
    return fail(ExitCode::usage, "usage", "--must says what --leave-out has to keep")
        .hint("--leave-out --must NAME");

  if (!command.has("debug")) return {};
  return command.console().set_debug_topics(command.values()["debug"].as<std::string>(), kTopics);
}

// All of it; or with --leave-out, where that fails, the largest part. If there is none, what failed.
splicer::Result<splicer::Attempt> create_or_largest(const splicer::CreateOptions& options,
                                                    const splicer::Console& console) {
  splicer::Attempt whole = splicer::attempt(kPasses, options, console);
  if (!whole.error || !options.leave_out) return whole;
  auto largest = splicer::create_largest(kPasses, options, console, whole);
  if (!largest) return propagate(largest);
  if (*largest && (*largest)->found) return std::move((*largest)->attempt);
  console.stage("there is no part of it that can go live by itself");
  return whole;
}

// Writes the update and says what it is. `document`: what --json has besides.
int finish(const splicer::Console& console, splicer::Creation& creation, nlohmann::json document,
           bool each_part) {
  if (auto written = run_pass(kLastPass, creation); !written)
    return console.finish(written.error());
  for (const std::string& part : creation.package.manifest.parts_left_out)
    if (each_part) console.warning("left out: " + part);
  for (const std::string& warning : creation.warnings) console.warning(warning);
  if (creation.verified)
    console.stage("verified: {} of {} match the shipped kernel",
                  splicer::counted(creation.verified->functions, "function"),
                  splicer::counted(creation.verified->objects, "object"));
  console.stage("wrote {}", creation.written.string());
  if (!creation.deb.empty()) console.stage("wrote {}", creation.deb.string());
  if (creation.package_key) console.stage("wrote {}.sig, its signature", creation.written.string());
  document.update(describe(creation));
  console.document(document);
  return 0;
}

int create_of_patches(splicer::Command& command, const splicer::CreateOptions& options) {
  splicer::Result<splicer::Attempt> run = create_or_largest(options, command.console());
  if (!run) return command.console().finish(run.error());
  if (run->error) return command.console().finish(*run->error);
  return finish(command.console(), *run->creation, nlohmann::json::object(), true);
}

// What a release leaves out is hundreds of lines, which the update has, and -v shows.
int create_of_release(splicer::Command& command, const splicer::CreateOptions& options) {
  const splicer::Console& console = command.console();
  auto made =
      splicer::create_release(kPasses, options, splicer::read_release_options(command), console);
  if (!made) return console.finish(made.error());
  nlohmann::json document = nlohmann::json::object();
  if (auto said = splicer::report_release(command, *made, &document); !said)
    return console.finish(said.error());
  return finish(console, *made->update.creation, std::move(document), console.verbose);
}

int create(splicer::Command& command) {
  const splicer::Console& console = command.console();
  if (auto right = check_options(command); !right) return console.finish(right.error());

  splicer::CreateOptions options = read_options(command);
  if (auto right = read_fixes(command, options); !right) return console.finish(right.error());
  return splicer::is_release(command) ? create_of_release(command, options)
                                      : create_of_patches(command, options);
}

// Ctrl-C leaves no folder and no compiler.
int create_supervised(splicer::Command& command) {
  const auto ended = splicer::run_supervised([&command] { return create(command); });
  if (!ended) return command.console().finish(ended.error());
  if (ended->interrupted)
    return command.console().finish(
        splicer::fail(splicer::ExitCode::error, "interrupted",
                      "a signal interrupted the command; no update was written")
            .hint("run the command again: what it has compiled is kept")
            .take());
  if (ended->killed != 0)
    return command.console().finish(
        splicer::fail(splicer::ExitCode::error, "splice-create-died",
                      fmt::format("splice-create ended by signal {}: {}", ended->killed,
                                  strsignal(ended->killed)))
            .hint("report it with the patch; no update was written")
            .take());
  return ended->status;
}

// --sign-modules KEY CERT, of which Boost knows no kind: an option takes one value, or all that follow.
std::vector<const char*> with_key_and_certificate(const std::vector<const char*>& given) {
  std::vector<const char*> arguments;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (std::string_view(given[i]) != "--sign-modules" || i + 2 >= given.size()) {
      arguments.push_back(given[i]);
      continue;
    }
    arguments.insert(arguments.end(),
                     {"--module-key", given[i + 1], "--module-certificate", given[i + 2]});
    i += 2;
  }
  return arguments;
}

}  // namespace

int main(int argc, char** argv) {
  splicer::Command command(
      "splice-create", "[OPTION]... PATCH...",
      "Make an update for a running kernel from patches to its source. With only a patch, for the\n"
      "kernel that runs here; what is missing is named.");
  add_options(command);
  return command.run([&] {
    const std::vector<const char*> arguments = with_key_and_certificate({argv, argv + argc});
    const auto status = command.parse(static_cast<int>(arguments.size()), arguments.data());
    return status ? *status : create_supervised(command);
  });
}
