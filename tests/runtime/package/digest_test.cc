// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/package/digest.h"

#include <gtest/gtest.h>

#include <array>

namespace splicer {
namespace {

TEST(Digest, OfText) {  // FIPS 180-2, appendix B.1
  // [values runtime/package/digest.h]
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  // [end]
}

TEST(Digest, OfAWholePackage) {  // FIPS 180-2, appendix C.1
  const std::array<std::uint8_t, 3> bytes = {'a', 'b', 'c'};
  EXPECT_EQ(sha512_hex(bytes),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(Digest, OfBytes) {
  const std::array<std::uint8_t, 3> bytes = {'a', 'b', 'c'};
  EXPECT_EQ(sha256_hex(bytes), sha256_hex("abc"));
}

}  // namespace
}  // namespace splicer
