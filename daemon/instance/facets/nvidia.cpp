#include <array>

#include "daemon/instance/facets/list.h"
#include "schema/error.h"
#include "schema/values.h"

namespace instance {

namespace {

constexpr std::array<std::string_view, 4> keys = {"nvidia.driver.capabilities", "nvidia.require.cuda",
                                                  "nvidia.require.driver", "nvidia.runtime"};

/// What liblxc's hook reads. No card is visible until a gpu device says so.
Items lxc_items(const Subject& subject, const base::HostFacts& facts) {
    const auto& config = subject.config;
    if (!schema::is_true(schema::get(config, "nvidia.runtime"))) return {};
    if (facts.nvidia.hook.empty()) throw schema::failure("The NVIDIA LXC hook couldn't be found");
    if (!facts.nvidia.tools) throw schema::failure("The NVIDIA container tools couldn't be found");
    Items items;
    const auto add = [&](std::string_view variable, const std::string& value) {
        items.push_back({"lxc.environment", std::string(variable).append("=").append(value)});
    };
    const auto& capabilities = schema::get(config, "nvidia.driver.capabilities");
    add("NVIDIA_VISIBLE_DEVICES", "none");
    add("NVIDIA_DRIVER_CAPABILITIES", capabilities.empty() ? "compute,utility" : capabilities);
    if (const auto& cuda = schema::get(config, "nvidia.require.cuda"); !cuda.empty()) add("NVIDIA_REQUIRE_CUDA", cuda);
    if (const auto& driver = schema::get(config, "nvidia.require.driver"); !driver.empty())
        add("NVIDIA_REQUIRE_DRIVER", driver);
    items.push_back({"lxc.hook.mount", facts.nvidia.hook});
    return items;
}

} // namespace

const Facet nvidia_facet = {"nvidia", keys, lxc_items};

} // namespace instance
