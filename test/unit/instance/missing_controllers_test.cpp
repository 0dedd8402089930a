#include "daemon/instance/missing_controllers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/instance/hosts.h"

namespace instance {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(MissingControllers, AreNoneOnAHostThatHasAll) {
    EXPECT_THAT(missing_controllers(test::v1_host().cgroup), IsEmpty());
    EXPECT_THAT(missing_controllers(test::v2_host().cgroup), IsEmpty());
}

TEST(MissingControllers, SayWhatComesToNothing) {
    auto host = test::hybrid_host();
    host.cgroup.swap_accounting = false;
    host.cgroup.controllers.erase("hugetlb");
    EXPECT_THAT(missing_controllers(host.cgroup),
                ElementsAre(" - Couldn't find the CGroup hugetlb controller, hugepage limits will be refused",
                            " - Couldn't find the CGroup memory swap accounting, swap limits will be ignored"));
}

} // namespace
} // namespace instance
