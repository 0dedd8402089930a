#pragma once
// The room's name for an item of lxc.container.conf; runtimes include it.

#include "schema/lxc_item.h"

namespace instance {

using schema::LxcItem;
using schema::to_text;

} // namespace instance
