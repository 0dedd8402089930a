#include "daemon/resources/resources.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "schema/units.h"

namespace resources {

namespace {

using schema::resources::Cpu;
using schema::resources::CpuCache;
using schema::resources::CpuCore;
using schema::resources::CpuSocket;
using schema::resources::CpuThread;

const std::string cpus = "/sys/devices/system/cpu";

struct Model {
    std::string vendor;
    std::string name;
};

/// By the number of the processor.
std::map<int64_t, Model> parse_cpuinfo(std::string_view text) {
    std::map<int64_t, Model> models;
    Model* model = nullptr;
    for (const auto line : lines(text)) {
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        const auto key = stripped(line.substr(0, colon));
        const auto value = stripped(line.substr(colon + 1));
        if (key == "processor") {
            const auto number = parse_number(value);
            model = number ? &models[*number] : nullptr;
        } else if (model != nullptr && key == "vendor_id") {
            model->vendor = value;
        } else if (model != nullptr && (key == "model name" || key == "cpu")) {
            model->name = value;
        }
    }
    return models;
}

/// "32K" -> 32768
int64_t cache_size(std::string_view text) {
    const bool kibibytes = text.ends_with('K');
    if (kibibytes) text.remove_suffix(1);
    return parse_number(text).value_or(0) * (kibibytes ? 1024 : 1);
}

std::vector<CpuCache> read_caches(const Tree& tree, const std::string& folder) {
    std::vector<CpuCache> caches;
    for (const auto& name : tree.list(folder)) {
        const auto path = below(folder, name);
        const auto level = tree.number(path + "/level");
        if (!level) continue;
        CpuCache cache;
        cache.level = *level;
        cache.size = cache_size(tree.text(path + "/size"));
        if (auto type = tree.text(path + "/type"); !type.empty()) cache.type = std::move(type);
        caches.push_back(std::move(cache));
    }
    return caches;
}

/// In MHz; the first of the files that is there.
int64_t frequency(const Tree& tree, const std::string& cpu, std::initializer_list<const char*> files) {
    for (const auto* file : files)
        if (const auto kilohertz = tree.number(below(cpu, "cpufreq", file))) return *kilohertz / 1000;
    return 0;
}

int64_t numa_node(const Tree& tree, const std::string& cpu) {
    for (const auto& name : tree.list(cpu))
        if (name.starts_with("node") && tree.has(below(cpu, name, "numastat")))
            return parse_number(std::string_view(name).substr(4)).value_or(0);
    return 0;
}

/// -1 is the kernel's word for a topology that it does not know.
int64_t topology(const Tree& tree, const std::string& cpu, const char* file) {
    return std::max<int64_t>(tree.number(below(cpu, "topology", file)).value_or(0), 0);
}

CpuSocket new_socket(const Tree& tree, const std::string& cpu, int64_t number, const Model& model) {
    CpuSocket socket;
    socket.socket = number;
    socket.vendor = model.vendor;
    socket.name = model.name;
    if (socket.vendor.empty() || socket.name.empty()) {
        const auto firmware = parse_dmi_processor(tree.bytes("/sys/firmware/dmi/tables/DMI"));
        if (socket.vendor.empty()) socket.vendor = firmware.vendor;
        if (socket.name.empty()) socket.name = firmware.model;
    }
    socket.cache = read_caches(tree, cpu + "/cache");
    socket.frequency_minimum = frequency(tree, cpu, {"cpuinfo_min_freq", "scaling_min_freq"});
    socket.frequency_turbo = frequency(tree, cpu, {"cpuinfo_max_freq", "scaling_max_freq"});
    return socket;
}

CpuCore& core_of(CpuSocket& socket, int64_t die, int64_t number) {
    for (auto& core : socket.cores)
        if (core.die == die && core.core == number) return core;
    auto& core = socket.cores.emplace_back();
    core.die = die;
    core.core = number;
    return core;
}

void finish(CpuSocket& socket) {
    std::ranges::sort(socket.cores, {}, [](const CpuCore& core) { return std::tuple(core.core, core.die); });
    int64_t sum = 0;
    int64_t count = 0;
    for (const auto& core : socket.cores) {
        sum += core.frequency;
        count += core.frequency > 0 ? 1 : 0;
    }
    if (count > 0) socket.frequency = sum / count;
}

} // namespace

Cpu read_cpu(const Tree& tree, const Probes& probes) {
    auto models = parse_cpuinfo(tree.bytes("/proc/cpuinfo"));
    const auto isolated = schema::parse_cpu_set(tree.text(cpus + "/isolated"));
    std::map<int64_t, CpuSocket> sockets;
    Cpu cpu;
    for (const auto& name : tree.list(cpus)) {
        const auto path = below(cpus, name);
        if (!name.starts_with("cpu") || !tree.has(path + "/topology")) continue;
        const auto number = parse_number(std::string_view(name).substr(3));
        if (!number) continue;
        const auto package = topology(tree, path, "physical_package_id");
        if (!sockets.contains(package)) sockets[package] = new_socket(tree, path, package, models[*number]);
        auto& core = core_of(sockets[package], topology(tree, path, "die_id"), topology(tree, path, "core_id"));
        if (core.threads.empty()) core.frequency = frequency(tree, path, {"scaling_cur_freq"});

        CpuThread thread;
        thread.id = *number;
        thread.thread = static_cast<int64_t>(core.threads.size());
        thread.online = tree.number(path + "/online").value_or(1) != 0;
        thread.isolated = isolated.contains(static_cast<unsigned>(*number));
        thread.numa_node = numa_node(tree, path);
        core.threads.push_back(thread);
        ++cpu.total;
    }
    for (auto& [number, socket] : sockets) {
        finish(socket);
        cpu.sockets.push_back(std::move(socket));
    }
    cpu.architecture = probes.architecture;
    return cpu;
}

} // namespace resources
