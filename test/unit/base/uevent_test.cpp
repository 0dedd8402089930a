#include "daemon/base/uevent.h"

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace base {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;

const std::string kernels = "add@/devices/usb1\0ACTION=add\0DEVPATH=/devices/usb1\0SUBSYSTEM=usb\0SEQNUM=7\0"s;

std::string udevs(const std::string& properties) {
    std::string header("libudev\0\xfe\xed\xca\xfe", 12);
    const uint32_t numbers[] = {40, 40, static_cast<uint32_t>(properties.size()), 0, 0, 0, 0};
    header.append(reinterpret_cast<const char*>(numbers), sizeof numbers);
    return header + properties;
}

TEST(Uevent, OfTheKernelIsProperties) {
    const auto event = parse_uevent(kernels);
    ASSERT_TRUE(event);
    EXPECT_FALSE(event->from_udev);
    EXPECT_EQ(event->property("SUBSYSTEM"), "usb");
    EXPECT_THAT(event->words(),
                ElementsAre("add@/devices/usb1", "ACTION=add", "DEVPATH=/devices/usb1", "SUBSYSTEM=usb"));
}

TEST(Uevent, OfUdevLiesWhereItsHeaderSays) {
    const auto event = parse_uevent(udevs("ACTION=remove\0DEVPATH=/devices/x\0ID_VENDOR_ID=1d6b\0"s));
    ASSERT_TRUE(event);
    EXPECT_TRUE(event->from_udev);
    EXPECT_EQ(event->property("ID_VENDOR_ID"), "1d6b");
    EXPECT_EQ(event->words().front(), "remove@/devices/x");
}

TEST(Uevent, WhatIsCutOffOrMakesNoSenseIsNone) {
    for (const auto& text : {""s, "\0\0"s, "add@/x"s, "=\0==\0"s, "libudev\0"s, udevs(""), "ACTION=add\0"s})
        EXPECT_FALSE(parse_uevent(text)) << text.size();
    auto far = udevs("ACTION=add\0DEVPATH=/x\0"s);
    const uint32_t beyond[] = {0xffffffff, 0xffffffff};
    std::memcpy(far.data() + 16, beyond, sizeof beyond);
    EXPECT_FALSE(parse_uevent(far));
    for (size_t size = 0; size < kernels.size(); ++size) parse_uevent(kernels.substr(0, size));
}

} // namespace
} // namespace base
