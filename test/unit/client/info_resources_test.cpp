#include "client/commands/info_resources.h"

#include <gtest/gtest.h>

TEST(InfoResources, EveryPartOfAHostIsShown) {
    const auto resources = schema::Json::parse(R"({
        "cpu": {"architecture": "x86_64", "sockets": [{"vendor": "V", "name": "N", "socket": 0,
            "cache": [{"level": 1, "type": "Data", "size": 49152}],
            "cores": [{"core": 0, "frequency": 2000, "threads": [
                {"id": 0, "thread": 0, "online": true, "numa_node": 0}]}],
            "frequency": 2000, "frequency_minimum": 800, "frequency_turbo": 3000}]},
        "memory": {"used": 1073741824, "total": 4294967296, "hugepages_total": 2097152, "hugepages_used": 0,
            "nodes": [{"numa_node": 0, "used": 1, "total": 2}]},
        "gpu": {"cards": [{"numa_node": 0, "driver": "i915", "driver_version": "6.1", "drm": {
            "id": 0, "card_name": "card0", "card_device": "226:0"}}]},
        "network": {"cards": [
            {"numa_node": 0, "pci_address": "0000:00:03.0", "ports": [{"port": 0, "protocol": "ethernet", "id": "eth0",
                "address": "00:16:3e:00:00:01", "supported_modes": ["a", "b"], "auto_negotiation": true,
                "link_detected": true, "link_speed": 1000, "link_duplex": "full"}]},
            {"numa_node": 1, "sriov": {"current_vfs": 1, "maximum_vfs": 8, "vfs": [{"numa_node": 1}]}}]},
        "storage": {"disks": [{"numa_node": 0, "id": "vda", "device": "254:0", "type": "virtio", "size": 1024,
            "read_only": false, "removable": true, "partitions": [
                {"partition": 1, "id": "vda1", "device": "254:1", "read_only": true, "size": 512}]}]}
    })");
    EXPECT_EQ(client::resources_text(resources), R"(CPU (x86_64):
  Vendor: V
  Name: N
  Caches:
    - Level 1 (type: Data): 48KiB
  Cores:
    - Core 0
      Frequency: 2000Mhz
      Threads:
        - 0 (id: 0, online: true, NUMA node: 0)
  Frequency: 2000Mhz (min: 800Mhz, max: 3000Mhz)

Memory:
  Hugepages:
    Free: 2.00MiB
    Used: 0B
    Total: 2.00MiB
  Free: 3.00GiB
  Used: 1.00GiB
  Total: 4.00GiB

GPU:
  NUMA node: 0
  Driver: i915 (6.1)
  DRM:
    ID: 0
    Card: card0 (226:0)

NICs:
  Card 0:
    NUMA node: 0
    PCI address: 0000:00:03.0
    Ports:
      - Port 0 (ethernet)
        ID: eth0
        Address: 00:16:3e:00:00:01
        Supported modes: a, b
        Auto negotiation: true
        Link detected: true
        Link speed: 1000Mbit/s (full duplex)
  Card 1:
    NUMA node: 1
    SR-IOV information:
      Current number of VFs: 1
      Maximum number of VFs: 8
      VFs: 8
      - NUMA node: 1

Disk:
  NUMA node: 0
  ID: vda
  Device: 254:0
  Type: virtio
  Size: 1.00KiB
  Read-Only: false
  Removable: true
  Partitions:
    - Partition 1
      ID: vda1
      Device: 254:1
      Read-Only: true
      Size: 512B
)");
}
