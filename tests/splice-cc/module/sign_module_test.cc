// SPDX-License-Identifier: GPL-2.0-or-later
//
// A signature as the kernel reads it: mod_verify_sig() in kernel/module/signing.c, and pkcs7_verify().
#include "splice-cc/module/sign_module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <map>
#include <memory>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::HasSubstr;

using Content = std::vector<std::uint8_t>;
using Key = std::shared_ptr<EVP_PKEY>;
using Certificate = std::shared_ptr<X509>;
using Stream = std::shared_ptr<BIO>;
using Message = std::shared_ptr<CMS_ContentInfo>;

constexpr std::string_view kMagic = "~Module signature appended~\n";
constexpr std::size_t kTrailer = 12;

Certificate certificate_of(const Key& key) {
  Certificate made(X509_new(), X509_free);
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 7);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
  X509_set_pubkey(made.get(), key.get());
  X509_NAME* name = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("updates"), -1, -1, 0);
  X509_set_issuer_name(made.get(), name);
  EXPECT_GT(X509_sign(made.get(), key.get(), EVP_sha256()), 0);
  return made;
}

std::string text_of(const Stream& stream) {
  const char* text = nullptr;
  const long size = BIO_get_mem_data(stream.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

class SignModule : public ::testing::Test {
 protected:
  // A key and its certificate, in NAME.key and NAME.crt.
  struct Signer {
    Key key;
    Certificate certificate;
  };
  Signer make(const std::string& name, const Key& pair) const {
    Signer made{pair, certificate_of(pair)};
    const Stream key(BIO_new(BIO_s_mem()), BIO_free);
    const Stream certificate(BIO_new(BIO_s_mem()), BIO_free);
    EXPECT_EQ(
        PEM_write_bio_PrivateKey(key.get(), pair.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
    EXPECT_EQ(PEM_write_bio_X509(certificate.get(), made.certificate.get()), 1);
    folder.write(name + ".key", text_of(key));
    folder.write(name + ".crt", text_of(certificate));
    return made;
  }
  // Two of them, made once: each takes a quarter of a second.
  Signer make_rsa(const std::string& name) const {
    static std::map<std::string, Key> made;
    Key& key = made[name];
    if (!key) key = Key(EVP_RSA_gen(2048), EVP_PKEY_free);
    return make(name, key);
  }

  Result<ModuleKey> load(const std::string& key, const std::string& certificate) const {
    return ModuleKey::load((folder / key).string(), (folder / certificate).string());
  }
  Content sign(const std::string& name, const Content& content) const {
    const auto key = load(name + ".key", name + ".crt");
    EXPECT_TRUE(key) << key.error().message;
    if (!key) return {};
    auto file = key->sign(content);
    EXPECT_TRUE(file) << file.error().message;
    return file ? std::move(*file) : Content();
  }
  // The error's message; all have one code.
  std::string refusal(const std::string& key, const std::string& certificate) const {
    const auto loaded = load(key, certificate);
    if (loaded) return "loaded";
    EXPECT_EQ(loaded.error().code, "signing-key");
    EXPECT_EQ(loaded.error().exit, ExitCode::error);
    EXPECT_FALSE(loaded.error().advice.empty());
    EXPECT_TRUE(loaded.error().file == folder / key || loaded.error().file == folder / certificate);
    return loaded.error().message;
  }

  TemporaryFolder folder;
  Content module = Content(5000, 0x7f);
};

// The parts of a signed file, from its end, as mod_verify_sig() takes them off.
struct Signed {
  explicit Signed(const Content& file) {
    if (file.size() < kMagic.size() + kTrailer) return;
    std::size_t end = file.size() - kMagic.size();
    magic.assign(file.begin() + static_cast<std::ptrdiff_t>(end), file.end());
    end -= kTrailer;
    trailer.assign(file.begin() + static_cast<std::ptrdiff_t>(end),
                   file.begin() + static_cast<std::ptrdiff_t>(end + kTrailer));
    for (std::size_t i = 8; i < kTrailer; ++i) length = length << 8 | trailer[i];
    if (length > end) return;
    const auto begin = file.begin() + static_cast<std::ptrdiff_t>(end - length);
    module.assign(file.begin(), begin);
    signature.assign(begin, file.begin() + static_cast<std::ptrdiff_t>(end));
  }
  Content module;
  Content signature;
  Content trailer;
  std::string magic;
  std::size_t length = 0;
};

Message message_of(const Content& signature) {
  const unsigned char* at = signature.data();
  Message message(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(signature.size())),
                  CMS_ContentInfo_free);
  EXPECT_EQ(at, signature.data() + signature.size()) << "nothing stands behind it";
  return message;
}

// Is it a signature of that content, by the key of that certificate?
bool is_of(const Content& signature, const Certificate& certificate, const Content& content) {
  const Message message = message_of(signature);
  if (!message) return false;
  const std::shared_ptr<STACK_OF(X509)> known(sk_X509_new_null(),
                                              [](STACK_OF(X509) * all) { sk_X509_free(all); });
  sk_X509_push(known.get(), certificate.get());
  const Stream data(BIO_new_mem_buf(content.data(), static_cast<int>(content.size())), BIO_free);
  return CMS_verify(message.get(), known.get(), nullptr, data.get(), nullptr,
                    CMS_BINARY | CMS_DETACHED | CMS_NO_SIGNER_CERT_VERIFY) == 1;
}

TEST_F(SignModule, TheFormOfTheFile) {
  make_rsa("a");
  const Signed file(sign("a", module));
  EXPECT_EQ(file.magic, kMagic);
  EXPECT_EQ(file.module, module) << "unchanged at the beginning";
  ASSERT_EQ(file.trailer.size(), kTrailer);
  // algo, hash, id_type (PKEY_ID_PKCS7), signer_len, key_id_len, three bytes of padding: mod_check_sig() refuses
  // what is not zero.
  EXPECT_EQ(Content(file.trailer.begin(), file.trailer.begin() + 8),
            (Content{0, 0, 2, 0, 0, 0, 0, 0}));
  EXPECT_GT(file.length, 256u) << "an RSA signature and what it says of itself";
  EXPECT_EQ(file.length, file.signature.size());
}

TEST_F(SignModule, ItIsTheKeysSignature) {
  const Signer by = make_rsa("a");
  const Signer other = make_rsa("b");
  const Signed file(sign("a", module));
  EXPECT_TRUE(is_of(file.signature, by.certificate, module));
  EXPECT_FALSE(is_of(file.signature, other.certificate, module));
  Content altered = module;
  altered[4999] ^= 1;
  EXPECT_FALSE(is_of(file.signature, by.certificate, altered));
}

// The kernel finds the certificate by its issuer and number, wants the signature detached, and knows few digests
// (crypto/asymmetric_keys/pkcs7_parser.c).
TEST_F(SignModule, WhatTheKernelWantsOfTheMessage) {
  make_rsa("a");
  const Message message = message_of(Signed(sign("a", module)).signature);
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(CMS_is_detached(message.get()), 1);
  EXPECT_EQ(CMS_get1_certs(message.get()), nullptr) << "it has its own";
  STACK_OF(CMS_SignerInfo)* signers = CMS_get0_SignerInfos(message.get());
  ASSERT_EQ(sk_CMS_SignerInfo_num(signers), 1);
  CMS_SignerInfo* signer = sk_CMS_SignerInfo_value(signers, 0);
  EXPECT_LT(CMS_signed_get_attr_count(signer), 1) << "no attributes, or it would be another form";
  ASN1_OCTET_STRING* key_id = nullptr;
  X509_NAME* issuer = nullptr;
  ASN1_INTEGER* number = nullptr;
  ASSERT_EQ(CMS_SignerInfo_get0_signer_id(signer, &key_id, &issuer, &number), 1);
  EXPECT_EQ(key_id, nullptr);
  ASSERT_NE(number, nullptr);
  EXPECT_EQ(ASN1_INTEGER_get(number), 7);
  X509_ALGOR* digest = nullptr;
  CMS_SignerInfo_get0_algs(signer, nullptr, nullptr, &digest, nullptr);
  EXPECT_EQ(OBJ_obj2nid(digest->algorithm), NID_sha256);
}

TEST_F(SignModule, TheSameBytesTwice) {
  make_rsa("a");
  EXPECT_EQ(sign("a", module), sign("a", module));
  EXPECT_NE(sign("a", module), sign("a", Content(5000, 0)));
}

TEST_F(SignModule, AKeyOfAnotherKind) {
  const Signer by = make("curve", Key(EVP_EC_gen("P-256"), EVP_PKEY_free));
  EXPECT_TRUE(is_of(Signed(sign("curve", module)).signature, by.certificate, module));
}

TEST_F(SignModule, NothingToSign) {
  make_rsa("a");
  const auto key = load("a.key", "a.crt");
  ASSERT_TRUE(key);
  const auto file = key->sign({});
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, "signing-failed");
  EXPECT_EQ(file.error().exit, ExitCode::error);
  EXPECT_TRUE(key->sign(module)) << "the key is as good as before";
}

TEST_F(SignModule, TheCertificateOfAnotherKey) {
  make_rsa("a");
  make_rsa("b");
  EXPECT_EQ(refusal("a.key", "b.crt"), "the certificate is not that of the key");
}

TEST_F(SignModule, FilesThatAreNotThere) {
  make_rsa("a");
  EXPECT_THAT(refusal("none.key", "a.crt"), HasSubstr("the key that signs modules cannot be read"));
  EXPECT_THAT(refusal("a.key", "none.crt"), HasSubstr("the certificate of the key"));
}

TEST_F(SignModule, FilesOfSomethingElse) {
  make_rsa("a");
  folder.write("empty", "");
  folder.write("text", "-----BEGIN NOTHING-----\n");
  for (const char* file : {"empty", "text", "a.crt"})
    EXPECT_THAT(refusal(file, "a.crt"), HasSubstr("the key that signs modules cannot be read"));
  for (const char* file : {"empty", "text", "a.key"})
    EXPECT_THAT(refusal("a.key", file), HasSubstr("the certificate of the key"));
}

// As certs/signing_key.pem of a kernel's build has both.
TEST_F(SignModule, KeyAndCertificateInOneFile) {
  const Signer by = make_rsa("a");
  folder.write("both.pem", folder.read("a.key") + folder.read("a.crt"));
  const auto key = load("both.pem", "both.pem");
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_TRUE(is_of(Signed(*key->sign(module)).signature, by.certificate, module));
}

}  // namespace
}  // namespace splicer
