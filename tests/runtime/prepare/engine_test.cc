// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/engine.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "matcher/base/command_line.h"

namespace splicer {
namespace {

Result<EngineChoice> parsed(std::vector<const char*> arguments) {
  Command command("splice-apply", "UPDATE.tar", "");
  add_engine_option(command);
  command.options().add_options()("skip-unloaded", "");
  arguments.insert(arguments.begin(), "splice-apply");
  EXPECT_FALSE(command.parse(static_cast<int>(arguments.size()), arguments.data()));
  return engine_option(command);
}

TEST(Engine, Words) {
  // [values runtime/prepare/engine.h]
  EXPECT_EQ(engine_word(EngineChoice::livepatch), "livepatch");
  EXPECT_EQ(engine_choice("livepatch"), EngineChoice::livepatch);
  EXPECT_EQ(engine_choice("kexec"), std::nullopt);
  // [end]
  for (const EngineChoice choice :
       {EngineChoice::stop, EngineChoice::livepatch, EngineChoice::automatic})
    EXPECT_EQ(engine_choice(engine_word(choice)), choice);
  EXPECT_EQ(engine_word(EngineChoice::automatic), "auto");
  EXPECT_EQ(engine_word(Engine::stop), "stop");
  EXPECT_EQ(engine_word(Engine::livepatch), "livepatch");
  for (const char* word : {"", "kexec", "Stop", "stop ", "automatic", "stopp"})
    EXPECT_FALSE(engine_choice(word)) << word;
}

TEST(Engine, Option) {
  EXPECT_EQ(parsed({}).value(), EngineChoice::stop);
  EXPECT_EQ(parsed({"--engine", "livepatch"}).value(), EngineChoice::livepatch);
  EXPECT_EQ(parsed({"--engine=auto", "--skip-unloaded"}).value(), EngineChoice::automatic);
  EXPECT_EQ(parsed({"--skip-unloaded"}).value(), EngineChoice::stop);
  EXPECT_EQ(parsed({"--engine", "kexec"}).error().code, "usage");
  EXPECT_EQ(parsed({"--engine", ""}).error().code, "usage");
  EXPECT_EQ(parsed({"--engine", "livepatch", "--skip-unloaded"}).error().code, "usage");
}

}  // namespace
}  // namespace splicer
