// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/put_back.h"

#include <gtest/gtest.h>

#include "runtime/apply.h"
#include "runtime/install.h"
#include "runtime/package/package.h"
#include "tests/support/sample_package.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_key.h"

namespace splicer {
namespace {

// Compiled only: it would change this machine.
[[maybe_unused]] std::string example(Store& store, const Attempts& attempts,
                                     const Console& console) {
  // [example runtime/put_back.h]
  if (const auto why = switched_off()) return *why;
  const auto rows = put_back(store, attempts, console);  // rows[0].outcome == Outcome::in_force
  // [end]
  return outcome_word(rows[0].outcome);
}

TEST(PutBackTest, SwitchedOffByAWordOrAFile) {
  const TemporaryFolder folder;
  const auto off = [&](const std::string& words) {
    folder.write("cmdline", words);
    return switched_off(folder / "cmdline", folder / "disable");
  };
  EXPECT_EQ(off("quiet splice.enable=0\n"), "splice.enable=0 is on the kernel's command line");
  for (const char* words :
       {"", "quiet", "splice.enable=1", "xsplice.enable=0", "splice.enable=00", "splice.enable=0x"})
    EXPECT_FALSE(off(words)) << words;
  folder.write("disable", "");
  EXPECT_EQ(off(""), "the file " + (folder / "disable").string() + " is there");
}

// For a kernel that does not run here, in stores of it: nothing below loads anything.
class PutBackStore : public testing::Test {
 protected:
  PutBackStore() { console_.quiet = true; }
  Store open() const { return Store::open(above_ / "store", "6.1.0-50-cloud-amd64").value(); }
  InstalledUpdate install(const std::string& tool) const {
    Package package = sample_package();
    package.manifest.tool_version = tool;
    const auto tar = write_package(package).value();
    Store store = open();
    const InstalledUpdate entry = installed_entry(package, {}, "");
    EXPECT_TRUE(store.stage(entry.id, tar));
    EXPECT_TRUE(store.keep(entry));
    return entry;
  }
  // Of a machine that trusts nobody and requires nothing, unless a test writes there.
  std::string etc() const { return above_ / "etc"; }
  TemporaryFolder above_;
  Console console_;
};

TEST_F(PutBackStore, EachHasItsAnswer) {
  const InstalledUpdate other = install("0.1.0");
  InstalledUpdate guilty = install("0.1.1");
  const InstalledUpdate damaged = install("0.1.2");
  const InstalledUpdate gone = install("0.1.3");
  Store store = open();
  guilty.left_out = "the machine went down while it was being applied";
  ASSERT_TRUE(store.note(guilty));
  above_.write("store/6.1.0-50-cloud-amd64/" + damaged.id + ".tar", "x");
  ASSERT_EQ(std::remove(store.package_path(gone.id).c_str()), 0);

  const auto rows = put_back(store, {}, console_, etc());
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].outcome, Outcome::for_another_build);
  EXPECT_EQ(rows[0].id, other.id);
  EXPECT_EQ(rows[0].name, "fork-check-the-limit");
  EXPECT_EQ(rows[1].outcome, Outcome::left_out);
  EXPECT_EQ(rows[1].why, guilty.left_out);
  EXPECT_EQ(rows[2].outcome, Outcome::failed);
  EXPECT_EQ(rows[2].error->code, "package-truncated");
  EXPECT_EQ(rows[3].error->code, "store-unreadable");
  EXPECT_EQ(std::string(outcome_word(rows[3].outcome)), "failed");
  // Noted for splice-status.
  EXPECT_EQ(store.installed().find(other.id)->failure_code, "wrong-kernel");
  EXPECT_EQ(store.installed().find(damaged.id)->failure_code, "package-truncated");
  EXPECT_EQ(store.installed().find(guilty.id)->failure_code, "");
}

// A package that lies in the place of another one's is not applied under its name.
TEST_F(PutBackStore, ASwappedPackage) {
  const InstalledUpdate one = install("0.1.0");
  Package package = sample_package();
  package.manifest.tool_version = "0.1.1";
  const auto tar = write_package(package).value();
  Store store = open();
  ASSERT_TRUE(store.stage(one.id, tar));
  const auto rows = put_back(store, {}, console_, etc());
  EXPECT_EQ(rows[0].error->code, "package-id");
}

// At each boot it is asked again whether the signature counts.
TEST_F(PutBackStore, TheSignatureIsCheckedAgain) {
  const TestKey key = TestKey::ed25519();
  above_.write("etc/splice.conf", "require-signature = yes\n");
  above_.write("etc/trusted.d/vendor.pem", key.public_pem());
  InstalledUpdate entry = install("0.1.0");
  Store store = open();
  const auto code = [&] { return put_back(store, {}, console_, etc())[0].error->code; };
  EXPECT_EQ(code(), "not-signed");
  entry.signed_by = key.id();
  ASSERT_TRUE(store.keep(entry));
  EXPECT_EQ(code(), "signature-stripped");
  const auto tar = store.package(entry.id).value();
  // It would be put back, if it were for this kernel: a date that has passed does not matter here.
  ASSERT_TRUE(store.stage(entry.id, tar, key.signature_of(tar, "2020-01-01")));
  EXPECT_EQ(code(), "wrong-kernel");
  ASSERT_TRUE(store.stage(entry.id, tar, TestKey::ed25519().signature_of(tar)));
  EXPECT_EQ(code(), "key-unknown");
  ASSERT_TRUE(store.stage(entry.id, bytes_of("damaged"), key.signature_of(tar)));
  EXPECT_EQ(code(), "signature-mismatch");
  ASSERT_TRUE(store.stage(entry.id, tar, key.signature_of(tar)));
  above_.write("etc/revoked.d/vendor.pem", key.public_pem());
  EXPECT_EQ(code(), "key-revoked");
  EXPECT_EQ(store.installed().find(entry.id)->failure_code, "key-revoked");
  above_.write("etc/splice.conf", "require-signature\n");
  EXPECT_EQ(code(), "config-malformed");
}

// Nothing of a package that does not count is kept.
TEST_F(PutBackStore, WhatIsNotSignedIsNotInstalled) {
  above_.write("etc/splice.conf", "require-signature = yes\n");
  above_.write("x.tar", "not even an archive");
  Store store = open();
  const auto installed =
      install_update({.path = above_ / "x.tar", .trust = etc()}, store, console_);
  ASSERT_FALSE(installed);
  EXPECT_EQ(installed.error().code, "not-signed");
  EXPECT_FALSE(std::filesystem::exists(above_ / "store/6.1.0-50-cloud-amd64/x.tar"));
}

TEST_F(PutBackStore, WhatTheStoreListsOfAPackage) {
  InstallOptions options;
  options.require_types = true;
  const InstalledUpdate entry = installed_entry(sample_package(), options, std::string(64, 'a'));
  EXPECT_EQ(entry.name, "fork-check-the-limit");
  EXPECT_EQ(entry.fixes.size(), 2u);
  EXPECT_EQ(entry.kernel_version, sample_package().manifest.kernel.version);
  EXPECT_TRUE(entry.require_types);
  EXPECT_EQ(entry.signed_by, std::string(64, 'a'));
  EXPECT_TRUE(entry.left_out.empty());
}

TEST_F(PutBackStore, TheEngineAndWhatThePackageSays) {
  InstallOptions options;
  options.engine = EngineChoice::automatic;
  Package package = sample_package();
  InstalledUpdate entry = installed_entry(package, options, "");
  EXPECT_EQ(entry.engine, EngineChoice::automatic);
  EXPECT_EQ(entry.parts_left_out, package.manifest.parts_left_out);
  EXPECT_EQ(entry.livepatch, "");
  package.manifest.frame = "livepatch/frame.o";
  note_package(entry, package);
  EXPECT_EQ(entry.livepatch.substr(0, 10), "livepatch_");
}

// It is one module for all of them, so nothing is loaded before they are there; what an older release did not note
// is noted.
TEST_F(PutBackStore, ALivePatchWaitsForAllOfItsModules) {
  Package package = sample_package();
  package.manifest.kernel = running_kernel();
  package.manifest.kernel.compiler = "gcc-12";
  package.manifest.targets[1].name = "splice_no_such_module";
  const auto tar = write_package(package);
  ASSERT_TRUE(tar) << tar.error().message;
  InstallOptions options;
  options.engine = EngineChoice::livepatch;
  InstalledUpdate entry = installed_entry(package, options, "");
  entry.parts_left_out.clear();
  Store store = open();
  ASSERT_TRUE(store.stage(entry.id, *tar));
  ASSERT_TRUE(store.keep(entry));
  const auto rows = put_back(store, {}, console_);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].outcome, Outcome::waiting) << rows[0].why;
  EXPECT_NE(rows[0].why.find("splice_no_such_module"), std::string::npos);
  EXPECT_EQ(store.installed().updates[0].parts_left_out, package.manifest.parts_left_out);
  EXPECT_EQ(store.installed().updates[0].engine, EngineChoice::livepatch);
}

TEST_F(PutBackStore, APackageForAnotherKernelIsNotKept) {
  Package package = sample_package();
  const auto tar = write_package(package).value();
  above_.write("x.tar", std::string(tar.begin(), tar.end()));
  Store store = open();
  const auto installed =
      install_update({.path = above_ / "x.tar", .trust = etc()}, store, console_);
  ASSERT_FALSE(installed);
  EXPECT_EQ(installed.error().code, "wrong-kernel");
  EXPECT_EQ(installed.error().exit, ExitCode::wrong_machine);
  EXPECT_FALSE(std::filesystem::exists(store.package_path(package.manifest.id)));
}

}  // namespace
}  // namespace splicer
