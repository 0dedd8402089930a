#include "daemon/devices/types.h"

namespace devices {

std::string P2pNic::bridge() const {
    return {};
}

} // namespace devices
