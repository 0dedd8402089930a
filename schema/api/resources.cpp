#include "schema/api/resources.h"

#include <cmath>

namespace schema::resources {

namespace {

Json to_json(const CpuCache& cache);
Json to_json(const CpuThread& thread);
Json to_json(const CpuCore& core);
Json to_json(const CpuSocket& socket);
Json to_json(const MemoryNode& node);
Json to_json(const GpuDrm& drm);
Json to_json(const GpuNvidia& nvidia);
Json to_json(const GpuMdev& mdev);
Json to_json(const GpuCard& card);
Json to_json(const Infiniband& infiniband);
Json to_json(const NetworkPort& port);
Json to_json(const NetworkCard& card);
Json to_json(const Partition& partition);
Json to_json(const Disk& disk);
Json to_json(const UsbInterface& interface);
Json to_json(const UsbDevice& device);
Json to_json(const PciVpd& vpd);
Json to_json(const PciDevice& device);
Json to_json(const Firmware& firmware);
Json to_json(const Chassis& chassis);
Json to_json(const Motherboard& board);
template <class Device> Json to_json(const Sriov<Device>& sriov);

/// Fields in LXD's order; `unless_empty` leaves out what is not there, as LXD does for these.
class Fields {
public:
    Fields& set(std::string_view key, Json value) {
        json_.object().emplace_back(key, std::move(value));
        return *this;
    }
    Fields& unless_empty(std::string_view key, const std::string& value) {
        return value.empty() ? *this : set(key, value);
    }
    Fields& unless_empty(std::string_view key, int64_t value) { return value == 0 ? *this : set(key, value); }
    Fields& unless_empty(std::string_view key, const std::vector<std::string>& values) {
        return values.empty() ? *this : set(key, values);
    }
    Json done() { return std::move(json_); }

private:
    Json json_ = Json::empty_object();
};

template <class T> Json list(const std::vector<T>& values) {
    auto json = Json::empty_array();
    for (const auto& value : values) json.push_back(to_json(value));
    return json;
}

/// LXD's lists that it never made are null.
template <class T> Json list_or_null(const std::vector<T>& values) {
    return values.empty() ? Json() : list(values);
}

template <class T> Json object_or_null(const std::optional<T>& value) {
    return value ? to_json(*value) : Json();
}

template <class T> void add_object(Fields& fields, std::string_view key, const std::optional<T>& value) {
    if (value) fields.set(key, to_json(*value));
}

Json to_json(const CpuCache& cache) {
    return Fields().set("level", cache.level).set("type", cache.type).set("size", cache.size).done();
}

Json to_json(const CpuThread& thread) {
    return Fields()
        .set("id", thread.id)
        .set("numa_node", thread.numa_node)
        .set("thread", thread.thread)
        .set("online", thread.online)
        .set("isolated", thread.isolated)
        .done();
}

Json to_json(const CpuCore& core) {
    return Fields()
        .set("core", core.core)
        .set("die", core.die)
        .set("threads", list(core.threads))
        .unless_empty("frequency", core.frequency)
        .done();
}

Json to_json(const CpuSocket& socket) {
    Fields fields;
    fields.unless_empty("name", socket.name).unless_empty("vendor", socket.vendor).set("socket", socket.socket);
    if (!socket.cache.empty()) fields.set("cache", list(socket.cache));
    return fields.set("cores", list(socket.cores))
        .unless_empty("frequency", socket.frequency)
        .unless_empty("frequency_minimum", socket.frequency_minimum)
        .unless_empty("frequency_turbo", socket.frequency_turbo)
        .done();
}

Json to_json(const MemoryNode& node) {
    return Fields()
        .set("numa_node", node.numa_node)
        .set("hugepages_used", node.hugepages_used)
        .set("hugepages_total", node.hugepages_total)
        .set("used", node.used)
        .set("total", node.total)
        .done();
}

Json to_json(const GpuDrm& drm) {
    return Fields()
        .set("id", drm.id)
        .set("card_name", drm.card_name)
        .set("card_device", drm.card_device)
        .unless_empty("control_name", drm.control_name)
        .unless_empty("control_device", drm.control_device)
        .unless_empty("render_name", drm.render_name)
        .unless_empty("render_device", drm.render_device)
        .done();
}

Json to_json(const GpuNvidia& nvidia) {
    return Fields()
        .unless_empty("cuda_version", nvidia.cuda_version)
        .unless_empty("nvrm_version", nvidia.nvrm_version)
        .set("brand", nvidia.brand)
        .set("model", nvidia.model)
        .unless_empty("uuid", nvidia.uuid)
        .unless_empty("architecture", nvidia.architecture)
        .set("card_name", nvidia.card_name)
        .set("card_device", nvidia.card_device)
        .done();
}

Json to_json(const GpuMdev& mdev) {
    return Fields()
        .set("api", mdev.api)
        .set("available", mdev.available)
        .unless_empty("name", mdev.name)
        .unless_empty("description", mdev.description)
        .set("devices", mdev.devices ? Json(*mdev.devices) : Json())
        .done();
}

template <class Device> Json to_json(const Sriov<Device>& sriov) {
    return Fields()
        .set("current_vfs", sriov.current_vfs)
        .set("maximum_vfs", sriov.maximum_vfs)
        .set("vfs", list_or_null(sriov.vfs))
        .done();
}

void add_driver(Fields& fields, const Card& card) {
    fields.unless_empty("driver", card.driver).unless_empty("driver_version", card.driver_version);
}

void add_identity(Fields& fields, const Card& card) {
    fields.set("numa_node", card.numa_node)
        .unless_empty("pci_address", card.pci_address)
        .unless_empty("vendor", card.vendor)
        .unless_empty("vendor_id", card.vendor_id)
        .unless_empty("product", card.product)
        .unless_empty("product_id", card.product_id);
}

Json to_json(const GpuCard& card) {
    Fields fields;
    add_driver(fields, card);
    add_object(fields, "drm", card.drm);
    add_object(fields, "sriov", card.sriov);
    add_object(fields, "nvidia", card.nvidia);
    if (!card.mdev.empty()) {
        auto profiles = Json::empty_object();
        for (const auto& [name, profile] : card.mdev) profiles.set(name, to_json(profile));
        fields.set("mdev", profiles);
    }
    add_identity(fields, card);
    return fields.unless_empty("usb_address", card.usb_address).done();
}

Json to_json(const Infiniband& infiniband) {
    return Fields()
        .unless_empty("issm_name", infiniband.issm_name)
        .unless_empty("issm_device", infiniband.issm_device)
        .unless_empty("mad_name", infiniband.mad_name)
        .unless_empty("mad_device", infiniband.mad_device)
        .unless_empty("verb_name", infiniband.verb_name)
        .unless_empty("verb_device", infiniband.verb_device)
        .done();
}

Json to_json(const NetworkPort& port) {
    Fields fields;
    fields.set("id", port.id)
        .unless_empty("address", port.address)
        .set("port", port.port)
        .set("protocol", port.protocol)
        .unless_empty("supported_modes", port.supported_modes)
        .unless_empty("supported_ports", port.supported_ports)
        .unless_empty("port_type", port.port_type)
        .unless_empty("transceiver_type", port.transceiver_type)
        .set("auto_negotiation", port.auto_negotiation)
        .set("link_detected", port.link_detected)
        .unless_empty("link_speed", port.link_speed)
        .unless_empty("link_duplex", port.link_duplex);
    add_object(fields, "infiniband", port.infiniband);
    return fields.done();
}

Json to_json(const NetworkCard& card) {
    Fields fields;
    add_driver(fields, card);
    if (!card.ports.empty()) fields.set("ports", list(card.ports));
    add_object(fields, "sriov", card.sriov);
    add_identity(fields, card);
    return fields.unless_empty("firmware_version", card.firmware_version)
        .unless_empty("usb_address", card.usb_address)
        .done();
}

Json to_json(const Partition& partition) {
    return Fields()
        .set("id", partition.id)
        .set("device", partition.device)
        .set("read_only", partition.read_only)
        .set("size", partition.size)
        .set("partition", partition.partition)
        .done();
}

Json to_json(const Disk& disk) {
    return Fields()
        .set("id", disk.id)
        .set("device", disk.device)
        .unless_empty("model", disk.model)
        .unless_empty("type", disk.type)
        .set("read_only", disk.read_only)
        .set("size", disk.size)
        .set("removable", disk.removable)
        .unless_empty("wwn", disk.wwn)
        .set("numa_node", disk.numa_node)
        .unless_empty("device_path", disk.device_path)
        .set("block_size", disk.block_size)
        .unless_empty("firmware_version", disk.firmware_version)
        .set("rpm", disk.rpm)
        .unless_empty("serial", disk.serial)
        .set("device_id", disk.device_id)
        .set("partitions", list(disk.partitions))
        .unless_empty("pci_address", disk.pci_address)
        .unless_empty("usb_address", disk.usb_address)
        .done();
}

Json to_json(const UsbInterface& interface) {
    return Fields()
        .set("class", interface.class_name)
        .set("class_id", interface.class_id)
        .set("driver", interface.driver)
        .set("driver_version", interface.driver_version)
        .set("number", interface.number)
        .set("subclass", interface.subclass)
        .set("subclass_id", interface.subclass_id)
        .done();
}

/// Whole speeds without a fraction, as Go writes them.
Json number(double value) {
    return value == std::trunc(value) ? Json(static_cast<int64_t>(value)) : Json(value);
}

Json to_json(const UsbDevice& device) {
    return Fields()
        .set("bus_address", device.bus_address)
        .set("device_address", device.device_address)
        .set("interfaces", list_or_null(device.interfaces))
        .set("vendor", device.vendor)
        .set("vendor_id", device.vendor_id)
        .set("product", device.product)
        .set("product_id", device.product_id)
        .set("speed", number(device.speed))
        .done();
}

Json to_json(const PciVpd& vpd) {
    Fields fields;
    fields.unless_empty("product_name", vpd.product_name);
    if (!vpd.entries.empty()) fields.set("entries", vpd.entries);
    return fields.done();
}

Json to_json(const PciDevice& device) {
    return Fields()
        .set("driver", device.driver)
        .set("driver_version", device.driver_version)
        .set("numa_node", device.numa_node)
        .set("pci_address", device.pci_address)
        .set("vendor", device.vendor)
        .set("vendor_id", device.vendor_id)
        .set("product", device.product)
        .set("product_id", device.product_id)
        .set("iommu_group", device.iommu_group)
        .set("vpd", to_json(device.vpd))
        .done();
}

Json to_json(const Firmware& firmware) {
    return Fields().set("vendor", firmware.vendor).set("date", firmware.date).set("version", firmware.version).done();
}

Json to_json(const Chassis& chassis) {
    return Fields()
        .set("vendor", chassis.vendor)
        .set("type", chassis.type)
        .set("serial", chassis.serial)
        .set("version", chassis.version)
        .done();
}

Json to_json(const Motherboard& board) {
    return Fields()
        .set("vendor", board.vendor)
        .set("product", board.product)
        .set("serial", board.serial)
        .set("version", board.version)
        .done();
}

} // namespace

Json to_json(const Cpu& cpu) {
    return Fields()
        .set("architecture", cpu.architecture)
        .set("sockets", list(cpu.sockets))
        .set("total", cpu.total)
        .done();
}

Json to_json(const Memory& memory) {
    Fields fields;
    if (!memory.nodes.empty()) fields.set("nodes", list(memory.nodes));
    return fields.set("hugepages_total", memory.hugepages_total)
        .set("hugepages_used", memory.hugepages_used)
        .set("hugepages_size", memory.hugepages_size)
        .set("used", memory.used)
        .set("total", memory.total)
        .done();
}

Json to_json(const Gpu& gpu) {
    return Fields().set("cards", list(gpu.cards)).set("total", gpu.total).done();
}

Json to_json(const Network& network) {
    return Fields().set("cards", list(network.cards)).set("total", network.total).done();
}

Json to_json(const Storage& storage) {
    return Fields().set("disks", list(storage.disks)).set("total", storage.total).done();
}

Json to_json(const Usb& usb) {
    return Fields().set("devices", list(usb.devices)).set("total", usb.total).done();
}

Json to_json(const Pci& pci) {
    return Fields().set("devices", list(pci.devices)).set("total", pci.total).done();
}

Json to_json(const System& system) {
    return Fields()
        .set("uuid", system.uuid)
        .set("vendor", system.vendor)
        .set("product", system.product)
        .set("family", system.family)
        .set("version", system.version)
        .set("sku", system.sku)
        .set("serial", system.serial)
        .set("type", system.type)
        .set("firmware", object_or_null(system.firmware))
        .set("chassis", object_or_null(system.chassis))
        .set("motherboard", object_or_null(system.motherboard))
        .done();
}

Json to_json(const Resources& resources) {
    return Fields()
        .set("cpu", to_json(resources.cpu))
        .set("memory", to_json(resources.memory))
        .set("gpu", to_json(resources.gpu))
        .set("network", to_json(resources.network))
        .set("storage", to_json(resources.storage))
        .set("usb", to_json(resources.usb))
        .set("pci", to_json(resources.pci))
        .set("system", to_json(resources.system))
        .done();
}

} // namespace schema::resources
