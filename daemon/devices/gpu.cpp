#include <algorithm>

#include <fmt/format.h>

#include "daemon/devices/types.h"
#include "schema/error.h"
#include "schema/values.h"

namespace devices {

namespace {

using schema::resources::GpuCard;

/// "0A:00.0" -> "0000:0a:00.0", as the kernel writes it.
std::string long_pci_address(const std::string& address) {
    constexpr size_t without_domain = 7;
    auto whole = address.size() == without_domain ? "0000:" + address : address;
    std::ranges::transform(whole, whole.begin(), [](char c) { return c >= 'A' && c <= 'F' ? char(c - 'A' + 'a') : c; });
    return whole;
}

bool fits(const std::string& wanted, const std::string& value) {
    return wanted.empty() || wanted == value;
}

std::vector<GpuCard> chosen_cards(const schema::Device& options, DeviceHost& host) {
    auto cards = host.nodes().gpus().cards;
    const auto pci = long_pci_address(schema::get(options, "pci"));
    std::erase_if(cards, [&](const GpuCard& card) {
        return !fits(schema::get(options, "vendorid"), card.vendor_id) || !fits(pci, card.pci_address) ||
               !fits(schema::get(options, "productid"), card.product_id);
    });
    return cards;
}

/// A card is chosen in one way: by address, by number, or by vendor and product.
void check_choice(const schema::Device& options) {
    for (const auto* key : {"pci", "id"}) {
        if (schema::get(options, key).empty()) continue;
        for (const auto* other : {"id", "pci", "productid", "vendorid"})
            if (other != std::string_view(key) && !schema::get(options, other).empty())
                throw schema::bad_request("Cannot use {} when when \"{}\" is set", schema::quoted(other), key);
    }
}

void check_pci_device(const schema::Device& options, DeviceHost& host) {
    const auto address = long_pci_address(schema::get(options, "pci"));
    if (!address.empty() && host.kind_of("/sys/bus/pci/devices/" + address) == PathKind::missing)
        throw schema::bad_request("Invalid PCI address (no device found): {}", address);
}

/// Adds the node of a card's part, where the host has it; `number` is "MAJOR:MINOR".
void add_node(const std::string& path, const std::string& number, DeviceHost& host, std::vector<Node>& nodes) {
    const auto parts = schema::split(number, ':');
    const auto found = host.nodes().find_node(path);
    if (!found || parts.size() != 2) return;
    const auto major = schema::parse_integer(parts[0]);
    const auto minor = schema::parse_integer(parts[1]);
    if (!major || !minor) return;
    const bool known = std::ranges::any_of(nodes, [&](const Node& node) { return node.path == path; });
    const DeviceNumbers numbers{'c', static_cast<unsigned>(*major), static_cast<unsigned>(*minor)};
    if (!known) nodes.push_back({path, {path, numbers, found->mode}});
}

void add_drm_nodes(const schema::resources::GpuDrm& drm, DeviceHost& host, std::vector<Node>& nodes) {
    const std::pair<const std::string&, const std::string&> parts[] = {
        {drm.card_name, drm.card_device},
        {drm.render_name, drm.render_device},
        {drm.control_name, drm.control_device},
    };
    for (const auto& [name, number] : parts)
        if (!name.empty()) add_node("/dev/dri/" + name, number, host, nodes);
}

/// "nvidia0" and further: of a card, and not of the driver.
bool is_nvidia_card(std::string_view name) {
    constexpr std::string_view prefix = "nvidia";
    return name.size() > prefix.size() && name[prefix.size()] >= '0' && name[prefix.size()] <= '9';
}

void add_nvidia_driver_nodes(DeviceHost& host, std::vector<Node>& nodes) {
    for (const auto& name : host.nodes().names_in("/dev")) {
        if (!name.starts_with("nvidia") || is_nvidia_card(name)) continue;
        const auto found = host.nodes().find_node("/dev/" + name);
        if (found && found->numbers.kind == 'c') nodes.push_back({"/dev/" + name, *found});
    }
}

} // namespace

void Gpu::check() const {
    NodeDevice::check();
    check_choice(options());
}

std::vector<Node> Gpu::nodes(const Owner& owner, DeviceHost& host, bool) const {
    check_pci_device(options(), host);
    const auto cards = chosen_cards(options(), host);
    if (cards.empty()) throw schema::bad_request("Failed to detect requested GPU device");
    std::vector<Node> nodes;
    bool nvidia = false;
    for (const auto& card : cards) {
        if (card.drm && fits(option("id"), std::to_string(card.drm->id))) add_drm_nodes(*card.drm, host, nodes);
        if (!card.nvidia || card.nvidia->card_name.empty()) continue;
        const auto before = nodes.size();
        add_node("/dev/" + card.nvidia->card_name, card.nvidia->card_device, host, nodes);
        nvidia = nvidia || nodes.size() > before;
    }
    // NVIDIA's own hook brings these where it is asked for.
    if (nvidia && !schema::is_true(schema::get(owner.config, "nvidia.runtime"))) add_nvidia_driver_nodes(host, nodes);
    return nodes;
}

void MigGpu::check() const {
    Device::check();
    check_choice(options());
    if (!option("mig.uuid").empty()) {
        for (const auto* key : {"mig.gi", "mig.ci"})
            if (!option(key).empty())
                throw schema::bad_request("Cannot use {} when \"mig.uuid\" is set", schema::quoted(key));
    } else if (option("mig.gi").empty() || option("mig.ci").empty()) {
        throw schema::bad_request(R"(Either "mig.uuid" or both "mig.gi" and "mig.ci" must be set)");
    }
}

std::string MigGpu::visible_device(const GpuCard& card, DeviceHost& host) const {
    if (!card.nvidia) throw schema::bad_request("Card isn't a NVIDIA GPU or driver isn't properly setup");
    const auto& uuid = option("mig.uuid");
    if (!uuid.empty()) return uuid.starts_with("MIG-") ? uuid : "MIG-" + uuid;
    const auto parts = schema::split(card.nvidia->card_device, ':');
    if (parts.size() != 2) throw schema::bad_request("Bad NVIDIA GPU (couldn't find ID)");
    const auto access = fmt::format("/proc/driver/nvidia/capabilities/gpu{}/mig/gi{}/ci{}/access", parts[1],
                                    option("mig.gi"), option("mig.ci"));
    if (host.kind_of(access) == PathKind::missing)
        throw schema::bad_request("MIG device gi={} ci={} doesn't exist on GPU {}", option("mig.gi"), option("mig.ci"),
                                  parts[1]);
    return fmt::format("MIG-{}/{}/{}", card.nvidia->uuid, option("mig.gi"), option("mig.ci"));
}

Start MigGpu::start(const Owner& owner, DeviceHost& host, int) const {
    if (!schema::is_true(schema::get(owner.config, "nvidia.runtime")))
        throw schema::bad_request("nvidia.runtime must be set to true for MIG GPUs to work");
    check_pci_device(options(), host);
    const auto cards = chosen_cards(options(), host);
    if (cards.empty()) throw schema::bad_request("Failed to detect requested GPU device");
    if (cards.size() > 1) throw schema::bad_request("More than one GPU matched the MIG device");
    Start start;
    start.items.push_back({"lxc.environment", "NVIDIA_VISIBLE_DEVICES=" + visible_device(cards.front(), host)});
    return start;
}

} // namespace devices
