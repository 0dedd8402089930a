#include "daemon/resources/ethtool.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <span>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "daemon/base/fd.h"

namespace resources {

namespace {

using schema::resources::NetworkPort;

struct Named {
    unsigned value;
    const char* name;
};

/// The modes that LXD names, in its order.
constexpr auto modes = std::to_array<Named>({
    {ETHTOOL_LINK_MODE_10baseT_Half_BIT, "10baseT/Half"},
    {ETHTOOL_LINK_MODE_10baseT_Full_BIT, "10baseT/Full"},
    {ETHTOOL_LINK_MODE_100baseT_Half_BIT, "100baseT/Half"},
    {ETHTOOL_LINK_MODE_100baseT_Full_BIT, "100baseT/Full"},
    {ETHTOOL_LINK_MODE_1000baseT_Half_BIT, "1000baseT/Half"},
    {ETHTOOL_LINK_MODE_1000baseT_Full_BIT, "1000baseT/Full"},
    {ETHTOOL_LINK_MODE_10000baseT_Full_BIT, "10000baseT/Full"},
    {ETHTOOL_LINK_MODE_2500baseX_Full_BIT, "2500baseX/Full"},
    {ETHTOOL_LINK_MODE_1000baseKX_Full_BIT, "1000baseKX/Full"},
    {ETHTOOL_LINK_MODE_10000baseKX4_Full_BIT, "10000baseKX4/Full"},
    {ETHTOOL_LINK_MODE_10000baseKR_Full_BIT, "10000baseKR/Full"},
    {ETHTOOL_LINK_MODE_20000baseMLD2_Full_BIT, "20000baseMLD2/Full"},
    {ETHTOOL_LINK_MODE_20000baseKR2_Full_BIT, "20000baseKR2/Full"},
    {ETHTOOL_LINK_MODE_40000baseKR4_Full_BIT, "40000baseKR4/Full"},
    {ETHTOOL_LINK_MODE_40000baseCR4_Full_BIT, "40000baseCR4/Full"},
    {ETHTOOL_LINK_MODE_40000baseSR4_Full_BIT, "40000baseSR4/Full"},
    {ETHTOOL_LINK_MODE_40000baseLR4_Full_BIT, "40000baseLR4/Full"},
    {ETHTOOL_LINK_MODE_56000baseKR4_Full_BIT, "56000baseKR4/Full"},
    {ETHTOOL_LINK_MODE_56000baseCR4_Full_BIT, "56000baseCR4/Full"},
    {ETHTOOL_LINK_MODE_56000baseSR4_Full_BIT, "56000baseSR4/Full"},
    {ETHTOOL_LINK_MODE_56000baseLR4_Full_BIT, "56000baseLR4/Full"},
    {ETHTOOL_LINK_MODE_25000baseCR_Full_BIT, "25000baseCR/Full"},
    {ETHTOOL_LINK_MODE_25000baseKR_Full_BIT, "25000baseKR/Full"},
    {ETHTOOL_LINK_MODE_25000baseSR_Full_BIT, "25000baseSR/Full"},
    {ETHTOOL_LINK_MODE_50000baseCR2_Full_BIT, "50000baseCR2/Full"},
    {ETHTOOL_LINK_MODE_50000baseKR2_Full_BIT, "50000baseKR2/Full"},
    {ETHTOOL_LINK_MODE_100000baseKR4_Full_BIT, "100000baseKR4/Full"},
    {ETHTOOL_LINK_MODE_100000baseSR4_Full_BIT, "100000baseSR4/Full"},
    {ETHTOOL_LINK_MODE_100000baseCR4_Full_BIT, "100000baseCR4/Full"},
    {ETHTOOL_LINK_MODE_100000baseLR4_ER4_Full_BIT, "100000baseLR4_ER4/Full"},
    {ETHTOOL_LINK_MODE_50000baseSR2_Full_BIT, "50000baseSR2/Full"},
    {ETHTOOL_LINK_MODE_1000baseX_Full_BIT, "1000baseX/Full"},
    {ETHTOOL_LINK_MODE_10000baseCR_Full_BIT, "10000baseCR/Full"},
    {ETHTOOL_LINK_MODE_10000baseSR_Full_BIT, "10000baseSR/Full"},
    {ETHTOOL_LINK_MODE_10000baseLR_Full_BIT, "10000baseLR/Full"},
    {ETHTOOL_LINK_MODE_10000baseLRM_Full_BIT, "10000baseLRM/Full"},
    {ETHTOOL_LINK_MODE_10000baseER_Full_BIT, "10000baseER/Full"},
    {ETHTOOL_LINK_MODE_2500baseT_Full_BIT, "2500baseT/Full"},
    {ETHTOOL_LINK_MODE_5000baseT_Full_BIT, "5000baseT/Full"},
});

constexpr auto supported_ports = std::to_array<Named>({
    {ETHTOOL_LINK_MODE_TP_BIT, "twisted pair"},
    {ETHTOOL_LINK_MODE_AUI_BIT, "AUI"},
    {ETHTOOL_LINK_MODE_MII_BIT, "media-independent"},
    {ETHTOOL_LINK_MODE_FIBRE_BIT, "fibre"},
    {ETHTOOL_LINK_MODE_BNC_BIT, "BNC"},
    {ETHTOOL_LINK_MODE_Backplane_BIT, "backplane"},
});

constexpr auto port_types = std::to_array<Named>({
    {PORT_TP, "twisted pair"},
    {PORT_AUI, "AUI"},
    {PORT_MII, "media-independent"},
    {PORT_FIBRE, "fibre"},
    {PORT_BNC, "BNC"},
    {PORT_DA, "direct attach"},
    {PORT_NONE, "none"},
    {PORT_OTHER, "other"},
});

constexpr auto transceivers = std::to_array<Named>({{XCVR_INTERNAL, "internal"}, {XCVR_EXTERNAL, "external"}});
constexpr auto duplexes = std::to_array<Named>({{DUPLEX_HALF, "half"}, {DUPLEX_FULL, "full"}});

std::string name_in(std::span<const Named> table, unsigned value) {
    const auto found = std::ranges::find(table, value, &Named::value);
    return found == table.end() ? std::string() : found->name;
}

bool ask(const std::string& interface, void* command) {
    const auto socket = base::checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    ifreq request{};
    if (interface.size() >= sizeof request.ifr_name) return false;
    interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
    request.ifr_data = static_cast<char*>(command);
    return ::ioctl(socket.get(), SIOCETHTOOL, &request) == 0;
}

/// The kernel's command with the words of its three bit maps behind it, as many as it may ever have.
class LinkSettings {
public:
    /// The first question tells how long the maps are (as a negative number), the second gets them.
    bool read(const std::string& interface) {
        if (!ask_for(interface, 0) || head().link_mode_masks_nwords >= 0) return false;
        return ask_for(interface, static_cast<int8_t>(-head().link_mode_masks_nwords)) &&
               head().link_mode_masks_nwords > 0;
    }
    ethtool_link_settings head() const {
        ethtool_link_settings head{};
        std::memcpy(&head, words_.data(), sizeof head);
        return head;
    }
    std::vector<std::string> supported(std::span<const Named> table) const {
        std::vector<std::string> names;
        for (const auto& row : table)
            if (supports(row.value)) names.emplace_back(row.name);
        return names;
    }

private:
    static constexpr size_t head_words = sizeof(ethtool_link_settings) / sizeof(uint32_t);

    bool ask_for(const std::string& interface, int8_t words) {
        ethtool_link_settings head{};
        head.cmd = ETHTOOL_GLINKSETTINGS;
        head.link_mode_masks_nwords = words;
        std::memcpy(words_.data(), &head, sizeof head);
        return ask(interface, words_.data());
    }
    bool supports(unsigned bit) const {
        return bit / 32 < static_cast<unsigned>(head().link_mode_masks_nwords) &&
               (words_.at(head_words + bit / 32) >> bit % 32 & 1U) != 0;
    }

    std::array<uint32_t, head_words + size_t{3} * 127> words_{};
};

std::string permanent_address(const std::string& interface) {
    constexpr uint32_t most = 32;
    ethtool_perm_addr head{};
    head.cmd = ETHTOOL_GPERMADDR;
    head.size = most;
    std::array<unsigned char, sizeof head + most> buffer{};
    std::memcpy(buffer.data(), &head, sizeof head);
    if (!ask(interface, buffer.data())) return {};
    std::memcpy(&head, buffer.data(), sizeof head);
    const auto bytes = std::span(buffer).subspan(sizeof head, std::min(head.size, most));
    return fmt::format("{:02x}", fmt::join(bytes, ":"));
}

} // namespace

bool describe_port(NetworkPort& port) {
    ethtool_value link{};
    link.cmd = ETHTOOL_GLINK;
    if (!ask(port.id, &link)) return false;
    port.link_detected = link.data == 1;
    if (auto address = permanent_address(port.id); !address.empty()) port.address = std::move(address);

    LinkSettings settings;
    if (!settings.read(port.id)) return true; // many virtual ones have none
    const auto head = settings.head();
    port.auto_negotiation = head.autoneg == AUTONEG_ENABLE;
    if (port.link_detected) {
        port.link_duplex = name_in(duplexes, head.duplex);
        if (head.speed != static_cast<uint32_t>(SPEED_UNKNOWN)) port.link_speed = head.speed;
    }
    port.transceiver_type = name_in(transceivers, head.transceiver);
    port.port_type = name_in(port_types, head.port);
    port.supported_modes = settings.supported(modes);
    port.supported_ports = settings.supported(supported_ports);
    return true;
}

std::string firmware_version(const std::string& interface) {
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    if (!ask(interface, &info)) return {};
    return {static_cast<const char*>(info.fw_version), ::strnlen(info.fw_version, sizeof info.fw_version)};
}

} // namespace resources
