#include "daemon/devices/types.h"
#include "daemon/network/bridge_filter.h"
#include "daemon/network/forward_rules.h"
#include "schema/error.h"
#include "schema/network_checks.h"
#include "schema/proxy_address.h"
#include "schema/values.h"

namespace devices {

namespace {

using schema::ProxyAddress;

bool is_six(const ProxyAddress& address) {
    return address.address.find(':') != std::string::npos;
}

bool is_wildcard(const ProxyAddress& address) {
    return address.address == "0.0.0.0" || address.address == "::";
}

} // namespace

bool Proxy::listens_inside() const {
    return !option("bind").empty() && option("bind") != "host";
}

bool Proxy::is_nat() const {
    return schema::is_true(option("nat"));
}

void Proxy::check() const {
    Device::check();
    const auto fail_if = [](bool wrong, std::string_view text) {
        if (wrong) throw schema::bad_request("{}", text);
    };
    const auto listen = schema::parse_proxy_address(option("listen"));
    const auto connect = schema::parse_proxy_address(option("connect"));
    const auto listens = listen.is_unix() ? 1 : listen.ports.size();
    fail_if(connect.ports.size() > listens || (connect.ports.size() > 1 && connect.ports.size() != listens),
            "Mismatch between listen port(s) and connect port(s) count");
    fail_if(schema::is_true(option("proxy_protocol")) && (connect.kind != ProxyAddress::Kind::tcp || is_nat()),
            "The PROXY header can only be sent to tcp servers in non-nat mode");
    fail_if(!listen.is_path() && !(option("uid") + option("gid") + option("mode")).empty(),
            "Only proxy devices for non-abstract unix sockets can carry uid, gid, or mode properties");
    if (is_nat()) return check_nat(listen, connect);
    fail_if(listen.kind == ProxyAddress::Kind::udp && connect.kind != ProxyAddress::Kind::udp,
            "Proxying from udp to non-udp protocol is not supported");
}

void Proxy::check_nat(const ProxyAddress& listen, const ProxyAddress& connect) const {
    if (listens_inside()) throw schema::bad_request("Only host-bound proxies can use NAT");
    if (listen.is_unix() || connect.is_unix() || listen.kind != connect.kind)
        throw schema::bad_request("Proxying {} <-> {} is not supported when using NAT", schema::kind_name(listen.kind),
                                  schema::kind_name(connect.kind));
    if (is_wildcard(listen))
        throw schema::bad_request("Cannot listen on wildcard address {} when in nat mode",
                                  schema::quoted(listen.address));
    if (listen.address.empty()) throw schema::bad_request("Cannot listen on wildcard address \"\" when in nat mode");
    if (is_six(listen) != is_six(connect))
        throw schema::bad_request("Cannot mix IP versions between listen and connect in nat mode");
}

std::string Proxy::hold_file(const Owner& owner) const {
    std::string file;
    for (const char c : name()) {
        if (c == '-') file += "--";
        if (c == '/') file += '-';
        if (c != '-' && c != '/') file += c;
    }
    return owner.devices_path + "/proxy." + file;
}

/// A socket of the host that the proxy's process may not be able to remove.
std::string Proxy::socket_file() const {
    const auto listen = schema::parse_proxy_address(option("listen"));
    return listen.is_path() && !listens_inside() ? listen.address : "";
}

/// The network device with the address to forward to, and that address.
std::pair<std::string, std::string> Proxy::nat_target(const Owner& owner) const {
    const auto connect = schema::parse_proxy_address(option("connect"));
    const auto* key = is_six(connect) ? "ipv6.address" : "ipv4.address";
    const int version = is_six(connect) ? 6 : 4;
    for (const auto& [device, options] : owner.devices) {
        if (schema::get(options, "type") != "nic" || schema::get(options, "nictype") != "bridged") continue;
        const auto& address = schema::get(options, key);
        if (!schema::is_ipv4(address) && !schema::is_ipv6(address)) continue;
        if (is_wildcard(connect) || connect.address == address) return {device, address};
    }
    if (is_wildcard(connect))
        throw schema::bad_request("Instance has no static IPv{} address assigned to be used as the connect IP",
                                  version);
    throw schema::bad_request("Connect IP {} must be one of the instance's static IPv{} addresses",
                              schema::quoted(connect.address), version);
}

void Proxy::forward(const Owner& owner, DeviceHost& host) const {
    const auto listen = schema::parse_proxy_address(option("listen"));
    const auto connect = schema::parse_proxy_address(option("connect"));
    const auto [device, address] = nat_target(owner);
    const auto& port = schema::get(owner.config, "volatile." + device + ".host_name");
    if (!port.empty()) host.network().reflect_port(port, is_six(listen));
    host.network().apply_rules(network::forward_rules({network::chain_label(owner.instance, name()),
                                                       std::string(schema::kind_name(listen.kind)), listen.address,
                                                       listen.ports, address, connect.ports}));
}

void Proxy::open(const Owner& owner, DeviceHost& host) const {
    if (is_nat()) return forward(owner, host);
    ProxyOrder order{owner.instance, hold_file(owner), {option("listen"), option("connect")}};
    if (listens_inside()) order.words.emplace_back("inside");
    if (schema::is_true(option("proxy_protocol"))) order.words.emplace_back("proxy-protocol");
    for (const auto& [key, word] : {std::pair("uid", "uid"),
                                    {"gid", "gid"},
                                    {"mode", "mode"},
                                    {"security.uid", "security-uid"},
                                    {"security.gid", "security-gid"}})
        if (!option(key).empty()) order.words.push_back(std::string(word) + "=" + option(key));
    host.network().start_proxy(order);
}

Start Proxy::start(const Owner& owner, DeviceHost& host, int) const {
    Start start;
    // This one does not last as long.
    const std::shared_ptr<const Device> proxy = make_device(name(), options());
    start.on_running = [proxy, owner, &host] { proxy->attach(owner, host); };
    return start;
}

schema::Config Proxy::attach(const Owner& owner, DeviceHost& host) const {
    open(owner, host);
    return {};
}

schema::Config Proxy::detach(const Owner& owner, DeviceHost& host) const {
    return stopped(owner, host);
}

schema::Config Proxy::stopped(const Owner& owner, DeviceHost& host) const {
    if (is_nat())
        host.network().apply_rules(network::without_forward_rules(network::chain_label(owner.instance, name())));
    else
        host.network().stop_proxy(hold_file(owner), socket_file());
    return {};
}

void Proxy::resume(const Owner& owner, DeviceHost& host) const {
    if (!is_nat() && !host.network().is_proxy_running(hold_file(owner))) open(owner, host);
}

} // namespace devices
