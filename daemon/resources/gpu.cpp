#include "daemon/resources/resources.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "daemon/resources/device.h"

namespace resources {

namespace {

using schema::resources::Gpu;
using schema::resources::GpuCard;
using schema::resources::GpuDrm;
using schema::resources::GpuMdev;
using schema::resources::GpuNvidia;

const std::string drm_cards = "/sys/class/drm";
const std::string pci_devices = "/sys/bus/pci/devices";

using NvidiaCards = std::map<std::string, GpuNvidia>; // by PCI address

/// The columns of a line; quotes as spreadsheets put them.
std::vector<std::string> columns(std::string_view line) {
    std::vector<std::string> found(1);
    bool quoted = false;
    for (const char c : line) {
        if (c == '"')
            quoted = !quoted;
        else if (c == ',' && !quoted)
            found.emplace_back();
        else
            found.back() += c;
    }
    return found;
}

/// A title and the versions, then a title and the cards: index, minor, model, brand, UUID, address, architecture.
NvidiaCards parse_nvidia_info(std::string_view csv) {
    NvidiaCards cards;
    std::vector<std::string> versions(2);
    size_t number = 0;
    for (const auto line : lines(csv)) {
        if (stripped(line).empty()) continue;
        const auto row = columns(line);
        ++number;
        if (number == 2 && row.size() >= 2) versions = row;
        if (number < 4 || row.size() < 7) continue;
        cards[row[5]] = {.cuda_version = versions[1],
                         .nvrm_version = versions[0],
                         .brand = row[3],
                         .model = row[2],
                         .uuid = row[4],
                         .architecture = row[6],
                         .card_name = "nvidia" + row[1],
                         .card_device = "195:" + row[1]};
    }
    return cards;
}

/// What the driver alone tells, where the program is missing.
NvidiaCards read_nvidia_driver(const Tree& tree) {
    const std::string folder = "/proc/driver/nvidia/gpus";
    NvidiaCards cards;
    for (const auto& name : tree.list(folder)) {
        auto& card = cards[name];
        const auto text = tree.bytes(below(folder, name, "information"));
        for (const auto line : lines(text)) {
            const auto colon = line.find(':');
            if (colon == std::string_view::npos) continue;
            const auto key = stripped(line.substr(0, colon));
            const std::string value(stripped(line.substr(colon + 1)));
            if (key == "Model") {
                card.model = value;
                card.brand = value.substr(0, value.find(' '));
            } else if (key == "Device Minor") {
                card.card_name = "nvidia" + value;
                card.card_device = "195:" + value;
            }
        }
    }
    return cards;
}

std::optional<GpuDrm> read_drm(const Tree& tree, const std::string& device) {
    const auto folder = device + "/drm";
    if (!tree.has(folder)) return {};
    GpuDrm drm;
    for (const auto& name : tree.list(folder)) {
        const auto number = tree.text(below(folder, name, "dev"));
        if (name.starts_with("card")) {
            drm.id = parse_number(std::string_view(name).substr(4)).value_or(0);
            drm.card_name = name;
            drm.card_device = number;
        } else if (name.starts_with("controlD")) {
            drm.control_name = name;
            drm.control_device = number;
        } else if (name.starts_with("renderD")) {
            drm.render_name = name;
            drm.render_device = number;
        }
    }
    return drm;
}

std::map<std::string, GpuMdev> read_mdev(const Tree& tree, const std::string& device) {
    std::map<std::string, GpuMdev> profiles;
    const auto folder = device + "/mdev_supported_types";
    for (const auto& name : tree.list(folder)) {
        const auto path = below(folder, name);
        auto& profile = profiles[name];
        profile.api = tree.text(path + "/device_api");
        profile.available = tree.number(path + "/available_instances").value_or(0);
        profile.name = tree.text(path + "/name");
        profile.description = tree.text(path + "/description");
        if (tree.has(path + "/devices")) profile.devices = tree.list(path + "/devices");
    }
    return profiles;
}

class Reader {
public:
    Reader(const Tree& tree, const Probes& probes, const IdNames& names) : tree_(tree), probes_(probes), names_(names) {
        const auto info = probes.nvidia_info();
        nvidia_ = info.empty() ? read_nvidia_driver(tree) : parse_nvidia_info(info);
    }

    Gpu read() {
        for (const auto& name : tree_.list(drm_cards)) {
            // Connectors ("card0-DP-1") have no device number.
            if (!name.starts_with("card") || !tree_.has(below(drm_cards, name, "dev"))) continue;
            const auto device = below(drm_cards, name, "device");
            add(device, pci_address_of(tree_, device));
        }
        for (const auto& address : tree_.list(pci_devices))
            if (tree_.text(below(pci_devices, address, "class")).starts_with("0x03"))
                add(below(pci_devices, address), address);
        add_virtual_functions(gpu_, virtual_functions_);
        return std::move(gpu_);
    }

private:
    void add(std::string device, const std::string& pci_address) {
        if (!pci_address.empty() && !known_.insert(pci_address).second) return;
        GpuCard card;
        card.pci_address = pci_address;
        const auto physical = physical_function_of(tree_, device);
        while (tree_.is_folder(device + "/device")) device += "/device";
        describe_card(tree_, device, names_, probes_.kernel_version, card);
        card.sriov = sriov_of<GpuCard>(tree_, device);
        card.drm = read_drm(tree_, device);
        card.mdev = read_mdev(tree_, device);
        if (card.driver == "nvidia") card.nvidia = nvidia_of(pci_address);
        if (physical.empty())
            gpu_.cards.push_back(std::move(card));
        else
            virtual_functions_[physical].push_back(std::move(card));
    }

    /// The program writes the domain with eight digits, the kernel with four.
    std::optional<GpuNvidia> nvidia_of(const std::string& address) const {
        for (const auto& key : {address, "0000" + address})
            if (const auto found = nvidia_.find(key); found != nvidia_.end()) return found->second;
        return {};
    }

    const Tree& tree_;
    const Probes& probes_;
    const IdNames& names_;
    NvidiaCards nvidia_;
    std::set<std::string> known_;
    std::map<std::string, std::vector<GpuCard>> virtual_functions_;
    Gpu gpu_;
};

} // namespace

Gpu read_gpu(const Tree& tree, const Probes& probes, const IdNames& pci_names) {
    return Reader(tree, probes, pci_names).read();
}

} // namespace resources
