#include "client/remotes.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "test/fakes/temporary_folder.h"

using client::Remotes;

namespace {

constexpr std::string_view file = R"(default-remote: far
remotes:
  far:
    addr: https://far.example:8443
    auth_type: candid
    domain: example
    public: false
aliases:
  names: list -c n
)";

} // namespace

TEST(Remotes, WhatIsReadIsWrittenBack) {
    const fakes::TemporaryFolder folder;
    const auto path = folder / "config.yml";
    fakes::write(path, file);
    Remotes::load(path).save(path);
    const auto again = Remotes::load(path);
    EXPECT_EQ(again.default_name(), "far");
    EXPECT_EQ(again.get("far").auth_type, "candid");
    EXPECT_EQ(again.get("far").domain, "example");
    EXPECT_EQ(again.aliases().at("names"), "list -c n");
}

TEST(Remotes, ARemoteOfTheEnvironmentIsForThisRunAlone) {
    const fakes::TemporaryFolder folder;
    const auto path = folder / "config.yml";
    fakes::write(path, file);
    ::setenv("LXC_REMOTE", "local", 1);
    const auto chosen = Remotes::load(path);
    ::unsetenv("LXC_REMOTE");
    EXPECT_EQ(chosen.default_name(), "local");
    chosen.save(path);
    EXPECT_EQ(Remotes::load(path).default_name(), "far");
}
