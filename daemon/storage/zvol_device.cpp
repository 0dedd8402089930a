#include "daemon/storage/zvol_device.h"

#include <array>
#include <chrono>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "daemon/base/fail.h"
#include "daemon/base/fd.h"
#include "daemon/storage/layout.h"
#include "schema/error.h"

namespace storage {

namespace {

/// What ZFS's own zvol_id asks: BLKZNAME of its headers.
using ZvolName = std::array<char, 256>;
constexpr unsigned long ask_name = _IOR(0x12, 125, ZvolName);

std::optional<std::string> present(const std::string& dataset) {
    for (const auto& name : layout::names_in("/dev")) {
        // Not parts of them ("zd16p1").
        if (!name.starts_with("zd") || name.find('p') != std::string::npos) continue;
        auto path = "/dev/" + name;
        const base::Fd device(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        ZvolName zvol{};
        if (device && ::ioctl(device.get(), ask_name, zvol.data()) == 0 && dataset == zvol.data()) return path;
    }
    return {};
}

} // namespace

std::string zvol_device(const std::string& dataset) {
    const auto watch = base::checked(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "Failed watching /dev");
    if (::inotify_add_watch(watch.get(), "/dev", IN_CREATE | IN_ATTRIB) < 0) base::fail("Failed watching /dev");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (;;) {
        if (auto device = present(dataset)) return *std::move(device);
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        pollfd ready{watch.get(), POLLIN, 0};
        if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0)
            throw schema::failure("The device of the block volume {:?} does not appear", dataset);
        char events[4096];
        while (::read(watch.get(), events, sizeof events) > 0) {
        }
    }
}

} // namespace storage
