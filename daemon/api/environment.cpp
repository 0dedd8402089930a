#include "daemon/api/environment.h"

#include <algorithm>

#include <unistd.h>

#include "daemon/base/certificate.h"
#include "daemon/base/files.h"
#include "daemon/network/firewall.h"

namespace api {

namespace {

std::string host_name() {
    char name[256] = {};
    return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

std::string os_release_text() {
    if (auto text = base::read_file_if_exists("/etc/os-release")) return *text;
    return base::read_file_if_exists("/usr/lib/os-release").value_or("");
}

/// LXD joins several with " | ".
void append(std::string& list, const std::string& item) {
    list += (list.empty() ? "" : " | ") + item;
}

} // namespace

std::map<std::string, std::string> os_release(const std::string& text) {
    std::map<std::string, std::string> values;
    for (size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        const auto line = text.substr(at, end - at);
        at = end + 1;
        const auto equals = line.find('=');
        if (line.starts_with('#') || equals == std::string::npos) continue;
        const auto first = line.find_first_not_of("'\"", equals + 1);
        const auto last = line.find_last_not_of("'\"");
        values[line.substr(0, equals)] = first == std::string::npos ? "" : line.substr(first, last - first + 1);
    }
    return values;
}

Environment::Environment(const state::Paths& paths, const base::HostFacts& facts, const instance::Runtime& runtime,
                         const storage::Pools& pools)
    : pools_(pools),
      firewall_(std::async(std::launch::async,
                           [version = facts.kernel_version] { return network::detect_firewall(version); })),
      usable_drivers_(std::async(std::launch::async, storage::usable_drivers)) {
    fixed_.architectures = facts.architectures;
    fixed_.certificate = base::find_or_generate_certificate(paths.var + "/server.crt", paths.var + "/server.key",
                                                            base::CertificateUse::server)
                             .certificate_pem;
    fixed_.certificate_fingerprint = base::certificate_fingerprint(fixed_.certificate);
    fixed_.driver = "lxc";
    fixed_.driver_version = runtime.version();
    fixed_.lxc_features = runtime.features();
    fixed_.kernel = "Linux";
    fixed_.kernel_version = facts.kernel_version;
    if (!facts.architectures.empty()) fixed_.kernel_architecture = facts.architectures.front();
    for (const auto& [feature, present] : facts.kernel_features) {
        fixed_.kernel_features[feature] = present ? "true" : "false";
    }
    auto release = os_release(os_release_text());
    fixed_.os_name = release["NAME"];
    fixed_.os_version = release["VERSION_ID"];
    fixed_.server_pid = getpid();
}

schema::ServerEnvironment Environment::block() const {
    auto block = fixed_;
    block.firewall = firewall_.get();
    for (const auto& [name, version] : usable_drivers_.get())
        block.storage_supported_drivers.push_back({name, version, false});
    block.server_name = host_name();
    for (const auto& [driver, version] : pools_.drivers_in_use()) {
        append(block.storage, driver);
        append(block.storage_version, version);
    }
    return block;
}

} // namespace api
