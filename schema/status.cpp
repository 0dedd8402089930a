#include "schema/status.h"

#include <array>
#include <utility>

namespace schema {

namespace {

constexpr std::array<std::pair<Status, std::string_view>, 17> names{{
    {Status::operation_created, "Operation created"},
    {Status::started, "Started"},
    {Status::stopped, "Stopped"},
    {Status::running, "Running"},
    {Status::cancelling, "Cancelling"},
    {Status::pending, "Pending"},
    {Status::starting, "Starting"},
    {Status::stopping, "Stopping"},
    {Status::aborting, "Aborting"},
    {Status::freezing, "Freezing"},
    {Status::frozen, "Frozen"},
    {Status::thawed, "Thawed"},
    {Status::error, "Error"},
    {Status::ready, "Ready"},
    {Status::success, "Success"},
    {Status::failure, "Failure"},
    {Status::cancelled, "Cancelled"},
}};

} // namespace

std::string_view status_name(Status status) noexcept {
    for (const auto& [row, name] : names)
        if (row == status) return name;
    return "Error";
}

} // namespace schema
