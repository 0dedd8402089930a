#pragma once
// Calls on instances that several commands share.

#include <string>
#include <string_view>

#include "client/server.h"
#include "client/session.h"
#include "schema/error.h"

namespace client {

std::string instance_url(std::string_view name);
/// Of the instance itself, or of its snapshot ("c1/first").
std::string instance_or_snapshot_url(std::string_view name);
/// The failure of a change of state, with a hint at the log where that may say more.
schema::Error state_failure(const schema::Error& error, std::string_view shown_name);
/// The name of the instance that an operation made.
std::string created_name(const schema::Json& operation);
/// Standard input up to its end; empty when it is closed.
std::string read_standard_input();

} // namespace client
