#pragma once
// The tables of device options, one a device type. Read by the devices room; documentation and completion are printed
// from them.

#include <span>
#include <string_view>

#include "schema/checks.h"
#include "schema/config.h"

namespace schema {

struct DeviceOption {
    std::string_view name;
    Check check; // of the value; an option that is not set is checked as an empty value
    std::string_view type;
    std::string_view fallback;
    bool live; // can change on a running instance without the device being removed and added again
    std::string_view extension;
    std::string_view words;
};

struct DeviceType {
    std::string_view type;    // "disk", "nic", "none"
    std::string_view subtype; // of a nic: its nictype; empty otherwise
    std::span<const DeviceOption> options;
};

std::span<const DeviceType> device_types() noexcept;

/// The row for a device. Throws bad_request `Missing device type in config` or `Unsupported device type`; a nic without
/// a nictype is bridged where it names a network.
const DeviceType& device_type_of(const Device& device);

/// Checks each option by the table. Throws bad_request `Invalid value for device option "KEY": REASON` or `Invalid
/// device option "KEY"`. Rules that need more than one option are the device's own.
void check_device_options(const Device& device);

/// The options that differ between two devices, when all of them are live and the type is the same; nothing is changed
/// when the list is empty. False where the device has to be removed and added again.
bool may_change_live(const Device& before, const Device& after);

} // namespace schema
