#pragma once
// Files that an instance's image wants made from templates when something happens to the instance. Called by lifecycle,
// before a start.

#include <string>

#include "daemon/instance/instance.h"
#include "daemon/instance/root_file.h"

namespace instance {

/// Renders what metadata.yaml beside the rootfs asks for at `trigger` ("create", "copy", "rename" or "start"). `folder`
/// is the instance's volume, mounted. Throws schema::failure that names the template.
void apply_templates(const Record& record, const std::string& folder, const std::string& trigger, RootOwner owner);

} // namespace instance
