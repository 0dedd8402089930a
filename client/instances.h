#pragma once
// Calls on instances that several commands share.

#include <string>
#include <string_view>

#include "client/server.h"
#include "client/session.h"
#include "schema/error.h"

namespace client {

std::string instance_url(std::string_view name);
/// The part of an instance (or profile) that a PUT carries, in the API's order.
schema::Json writable_instance(const schema::Json& instance);
/// Sends `instance`'s writable part back and waits; refused with 412 if it changed since `etag`.
void update_instance(Server& server, const std::string& name, const schema::Json& instance, const std::string& etag);
/// The failure of a change of state, with a hint at the log where that may say more.
schema::Error state_failure(const schema::Error& error, std::string_view shown_name);
/// Standard input up to its end; empty when it is closed.
std::string read_standard_input();

} // namespace client
