#include "lxcwrap/version.h"

#include <lxc/lxccontainer.h>

namespace lxcwrap {

std::string version() {
    return lxc_get_version();
}

} // namespace lxcwrap
