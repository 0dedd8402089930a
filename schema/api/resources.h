#pragma once
// GET /1.0/resources: what the host is made of. Filled by daemon/resources, which reads it from the kernel's files.
// Numbers are as the kernel has them, sizes in bytes, frequencies in MHz, link speeds in Mbit/s.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "schema/json.h"

namespace schema::resources {

struct CpuCache {
    int64_t level = 0;
    std::string type = "Unknown"; // "Data", "Instruction" or "Unified"
    int64_t size = 0;
};

struct CpuThread {
    int64_t id = 0; // what limits.cpu pins to
    int64_t numa_node = 0;
    int64_t thread = 0; // within its core
    bool online = true;
    bool isolated = false;
};

struct CpuCore {
    int64_t core = 0;
    int64_t die = 0;
    std::vector<CpuThread> threads;
    int64_t frequency = 0; // 0 where the kernel does not tell
};

struct CpuSocket {
    std::string name;
    std::string vendor;
    int64_t socket = 0;
    std::vector<CpuCache> cache;
    std::vector<CpuCore> cores;
    int64_t frequency = 0; // the mean of the cores'
    int64_t frequency_minimum = 0;
    int64_t frequency_turbo = 0;
};

struct Cpu {
    std::string architecture;
    std::vector<CpuSocket> sockets;
    int64_t total = 0; // threads
};

struct MemoryNode {
    int64_t numa_node = 0;
    int64_t hugepages_used = 0;
    int64_t hugepages_total = 0;
    int64_t used = 0;
    int64_t total = 0;
};

struct Memory {
    std::vector<MemoryNode> nodes;
    int64_t hugepages_total = 0;
    int64_t hugepages_used = 0;
    int64_t hugepages_size = 0;
    int64_t used = 0;
    int64_t total = 0;
};

/// What cards of every kind have.
struct Card {
    std::string driver;
    std::string driver_version; // the kernel's where the driver has none of its own
    int64_t numa_node = 0;
    std::string pci_address;
    std::string vendor;
    std::string vendor_id;
    std::string product;
    std::string product_id;
    std::string usb_address; // "BUS:DEVICE"
};

template <class Device> struct Sriov {
    int64_t current_vfs = 0;
    int64_t maximum_vfs = 0;
    std::vector<Device> vfs;
};

struct GpuDrm {
    int64_t id = 0;
    std::string card_name;
    std::string card_device; // "226:0"
    std::string control_name;
    std::string control_device;
    std::string render_name;
    std::string render_device;
};

struct GpuNvidia {
    std::string cuda_version;
    std::string nvrm_version;
    std::string brand;
    std::string model;
    std::string uuid;
    std::string architecture;
    std::string card_name;
    std::string card_device;
};

struct GpuMdev {
    std::string api;
    int64_t available = 0;
    std::string name;
    std::string description;
    std::optional<std::vector<std::string>> devices; // UUIDs
};

struct GpuCard : Card {
    std::optional<GpuDrm> drm;
    std::optional<Sriov<GpuCard>> sriov;
    std::optional<GpuNvidia> nvidia;
    std::map<std::string, GpuMdev> mdev; // by profile
};

struct Gpu {
    std::vector<GpuCard> cards;
    int64_t total = 0; // virtual functions count too
};

struct Infiniband {
    std::string issm_name;
    std::string issm_device;
    std::string mad_name;
    std::string mad_device;
    std::string verb_name;
    std::string verb_device;
};

struct NetworkPort {
    std::string id; // the interface
    std::string address;
    int64_t port = 0;
    std::string protocol; // "ethernet", "infiniband", "ATM"; empty for others
    std::vector<std::string> supported_modes;
    std::vector<std::string> supported_ports;
    std::string port_type;
    std::string transceiver_type;
    bool auto_negotiation = false;
    bool link_detected = false;
    int64_t link_speed = 0;
    std::string link_duplex;
    std::optional<Infiniband> infiniband;
};

struct NetworkCard : Card {
    std::vector<NetworkPort> ports;
    std::optional<Sriov<NetworkCard>> sriov;
    std::string firmware_version;
};

struct Network {
    std::vector<NetworkCard> cards;
    int64_t total = 0;
};

struct Partition {
    std::string id;
    std::string device;
    bool read_only = false;
    int64_t size = 0;
    int64_t partition = 0;
};

struct Disk {
    std::string id;
    std::string device; // "259:0"
    std::string model;
    std::string type; // "virtio", "nvme", "scsi", "sata", "usb", "cdrom" ...
    bool read_only = false;
    int64_t size = 0;
    bool removable = false;
    std::string wwn;
    int64_t numa_node = 0;
    std::string device_path; // its link in /dev/disk/by-path
    int64_t block_size = 0;
    std::string firmware_version;
    int64_t rpm = 0; // 1: it turns, but nobody says how fast
    std::string serial;
    std::string device_id; // its link in /dev/disk/by-id
    std::vector<Partition> partitions;
    std::string pci_address;
    std::string usb_address;
};

struct Storage {
    std::vector<Disk> disks;
    int64_t total = 0; // partitions count too
};

struct UsbInterface {
    std::string class_name;
    int64_t class_id = 0;
    std::string driver;
    std::string driver_version;
    int64_t number = 0;
    std::string subclass;
    int64_t subclass_id = 0;
};

struct UsbDevice {
    int64_t bus_address = 0;
    int64_t device_address = 0;
    std::vector<UsbInterface> interfaces;
    std::string vendor;
    std::string vendor_id;
    std::string product;
    std::string product_id;
    double speed = 0; // Mbit/s
};

struct Usb {
    std::vector<UsbDevice> devices;
    int64_t total = 0;
};

struct PciVpd {
    std::string product_name;
    std::map<std::string, std::string> entries;
};

struct PciDevice {
    std::string driver;
    std::string driver_version;
    int64_t numa_node = 0;
    std::string pci_address;
    std::string vendor;
    std::string vendor_id;
    std::string product;
    std::string product_id;
    int64_t iommu_group = 0;
    PciVpd vpd;
};

struct Pci {
    std::vector<PciDevice> devices;
    int64_t total = 0;
};

struct Firmware {
    std::string vendor;
    std::string date;
    std::string version;
};

struct Chassis {
    std::string vendor;
    std::string type;
    std::string serial;
    std::string version;
};

struct Motherboard {
    std::string vendor;
    std::string product;
    std::string serial;
    std::string version;
};

struct System {
    std::string uuid;
    std::string vendor;
    std::string product;
    std::string family;
    std::string version;
    std::string sku;
    std::string serial;
    std::string type; // "physical", "virtual-machine", "container" or "unknown"
    // Nothing where the firmware left no tables.
    std::optional<Firmware> firmware;
    std::optional<Chassis> chassis;
    std::optional<Motherboard> motherboard;
};

struct Resources {
    Cpu cpu;
    Memory memory;
    Gpu gpu;
    Network network;
    Storage storage;
    Usb usb;
    Pci pci;
    System system;
};

Json to_json(const Cpu& cpu);
Json to_json(const Memory& memory);
Json to_json(const Gpu& gpu);
Json to_json(const Network& network);
Json to_json(const Storage& storage);
Json to_json(const Usb& usb);
Json to_json(const Pci& pci);
Json to_json(const System& system);
Json to_json(const Resources& resources);

} // namespace schema::resources
