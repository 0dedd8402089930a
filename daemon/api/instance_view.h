#pragma once
// Instances as the API shows them: put together from the registry, the lifecycle and the reporter.

#include "daemon/api/context.h"
#include "daemon/instance/instance.h"
#include "schema/api/instance.h"

namespace api {

schema::Instance instance_view(Context& context, const instance::Instance& instance);
schema::InstanceState instance_state(Context& context, const instance::Instance& instance);
/// recursion=2: the instance with its state, snapshots and backups.
schema::Json full_instance_json(Context& context, const instance::Instance& instance);
/// What the instance's ETag covers.
schema::Json instance_writable(const instance::Record& record);

} // namespace api
