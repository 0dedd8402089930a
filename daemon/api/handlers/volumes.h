#pragma once
// What the handlers of volumes and of their snapshots share.

#include <optional>
#include <string>

#include "daemon/api/context.h"

namespace api {

/// `name` may be VOLUME/SNAPSHOT.
std::string volume_url(const std::string& pool, const std::string& type, const std::string& name);
/// Throws bad_request for a type that there is not; virtual machines have theirs, none here.
void check_volume_type(const std::string& type);
void check_custom(const std::string& type);
void check_new_volume_name(const std::string& name);
/// The lifecycle event.
void report_volume_created(Context& context, const std::string& pool, const std::string& name,
                           const std::optional<schema::Requestor>& requestor);

} // namespace api
