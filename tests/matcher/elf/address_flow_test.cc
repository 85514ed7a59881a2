// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/elf/address_flow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/object_builder.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kTake = "48 8d 05 00 00 00 00";  // lea x(%rip),%rax

// Of an address that the first instruction takes, whose field is at 3.
AddressFate fate(const std::string& code, std::uint64_t field = 3) {
  return fate_of_address(hex(code), 0, field);
}
AddressFate taken(const std::string& rest) { return fate(std::string(kTake) + " " + rest); }

TEST(AddressFlow, StoredThroughARegister) {
  EXPECT_TRUE(taken("48 89 43 18 c3").stored);           // mov %rax,24(%rbx)
  EXPECT_TRUE(taken("48 89 c1 48 89 0b c3").stored);     // by way of %rcx
  EXPECT_TRUE(taken("48 83 c0 08 48 89 03 c3").stored);  // 8 bytes into it
  EXPECT_TRUE(taken("48 8d 48 08 48 89 0b c3").stored);  // lea 8(%rax),%rcx
  EXPECT_TRUE(taken("48 0f 44 c8 48 89 0b c3").stored);  // cmove %rax,%rcx
  EXPECT_TRUE(taken("48 87 03 c3").stored);              // xchg %rax,(%rbx)
  EXPECT_TRUE(taken("f0 48 0f b1 03 c3").stored);        // lock cmpxchg
  EXPECT_FALSE(taken("c3").stored);
  EXPECT_FALSE(taken("31 c0 48 89 03 c3").stored) << "it was overwritten";
  EXPECT_FALSE(taken("48 39 03 c3").stored) << "only compared";
  EXPECT_FALSE(taken("48 8b 18 48 89 1f c3").stored) << "what is there is stored";
}

TEST(AddressFlow, StoredAtOnce) {
  EXPECT_TRUE(fate("48 c7 43 18 00 00 00 00 c3", 4).stored);  // movq $x,24(%rbx)
  EXPECT_FALSE(fate("48 c7 44 24 18 00 00 00 00 c3", 5).stored) << "on the stack";
  EXPECT_FALSE(fate("48 81 7b 18 00 00 00 00 c3", 4).stored) << "cmpq";
}

TEST(AddressFlow, StoredInAVariable) {
  const AddressFate moved = taken("48 89 05 00 00 00 00 c3");  // mov %rax,y(%rip)
  EXPECT_FALSE(moved.stored);
  EXPECT_THAT(moved.statics, ElementsAre(10));
  EXPECT_THAT(fate("48 c7 05 00 00 00 00 00 00 00 00 c3", 7).statics, ElementsAre(3));
}

TEST(AddressFlow, OnTheStack) {
  EXPECT_FALSE(taken("48 89 44 24 08 c3").stored);  // mov %rax,8(%rsp)
  EXPECT_FALSE(taken("50 c3").stored);              // push
}

TEST(AddressFlow, HandedToACall) {
  const AddressFate given = fate("48 c7 c7 00 00 00 00 e8 00 00 00 00 c3");  // mov $x,%rdi; call
  EXPECT_THAT(given.calls, ElementsAre(8));
  EXPECT_FALSE(given.stored);
  EXPECT_FALSE(given.indirect);
  EXPECT_THAT(taken("e8 00 00 00 00 c3").calls, IsEmpty()) << "%rax is no argument";
  EXPECT_THAT(fate("48 c7 c7 00 00 00 00 e9 00 00 00 00").calls, ElementsAre(8)) << "a tail call";
  EXPECT_TRUE(fate("48 c7 c7 00 00 00 00 ff d0 c3").indirect);  // call *%rax
}

TEST(AddressFlow, AfterACall) {
  // mov $x,%rbx; call; mov %rbx,(%rax)
  EXPECT_TRUE(fate("48 c7 c3 00 00 00 00 e8 00 00 00 00 48 89 18 c3").stored);
  // mov $x,%rdi; call; mov %rdi,(%rax): the call may have overwritten it
  EXPECT_FALSE(fate("48 c7 c7 00 00 00 00 e8 00 00 00 00 48 89 38 c3").stored);
}

TEST(AddressFlow, EveryWay) {
  EXPECT_TRUE(taken("74 01 c3 48 89 03 c3").stored) << "the branch is followed";
  EXPECT_TRUE(taken("74 01 90 48 89 03 c3").stored);
  EXPECT_FALSE(taken("eb 03 48 89 03 c3").stored) << "jumped over";
  EXPECT_TRUE(taken("eb 00 48 89 03 c3").stored);
  EXPECT_FALSE(taken("eb fe").stored) << "a loop ends";
}

TEST(AddressFlow, Returned) {
  EXPECT_TRUE(taken("c3").returned);
  EXPECT_FALSE(taken("31 c0 c3").returned);
}

TEST(AddressFlow, WhatIsNotKnown) {
  EXPECT_TRUE(taken("06").lost);
  EXPECT_TRUE(fate("06", 1).lost);
  EXPECT_FALSE(fate("8b 05 00 00 00 00 89 03 c3", 2).stored) << "it reads what is there";
}

}  // namespace
}  // namespace splicer
