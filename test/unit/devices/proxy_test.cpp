// Proxy devices: what is refused, and what a host is asked to do.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/devices/device.h"
#include "schema/error.h"
#include "test/fakes/device_host.h"

namespace devices {
namespace {

using fakes::FakeDeviceHost;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class Attempt> std::string refusal_of(Attempt attempt) {
    try {
        attempt();
    } catch (const schema::Error& error) {
        return error.what();
    }
    return "";
}

schema::Device proxy(const std::string& listen, const std::string& connect, const schema::Device& more = {}) {
    schema::Device device = {{"type", "proxy"}, {"listen", listen}, {"connect", connect}};
    for (const auto& [option, value] : more) device[option] = value;
    return device;
}

std::string refusal_of(const schema::Device& options) {
    return refusal_of([&] { make_device("web", options)->check(); });
}

Owner owner() {
    Owner of;
    of.instance = "c1";
    of.devices_path = "/dev/c1";
    of.devices = {{"eth0", {{"type", "nic"}, {"nictype", "bridged"}, {"parent", "br0"}, {"ipv4.address", "10.0.0.2"}}}};
    of.config = {{"volatile.eth0.host_name", "veth9"}};
    return of;
}

TEST(Proxy, IsCheckedAsLxdDoes) {
    const std::string tcp = "tcp:127.0.0.1:80";
    const std::pair<schema::Device, std::string> table[] = {
        {proxy("", tcp), "Invalid value for device option \"listen\": Unknown protocol type \"\""},
        {proxy("sctp:127.0.0.1:80", tcp), "Invalid value for device option \"listen\": Unknown protocol type \"sctp\""},
        {proxy("tcp:", tcp), "Invalid value for device option \"listen\": Missing address"},
        {proxy("tcp:127.0.0.1", tcp),
         "Invalid value for device option \"listen\": address 127.0.0.1: missing port in address"},
        {proxy("tcp:::1:80", tcp),
         "Invalid value for device option \"listen\": address ::1:80: too many colons in address"},
        {proxy("tcp:localhost:80", tcp), "Invalid value for device option \"listen\": Not an IP address \"localhost\""},
        {proxy("tcp:127.0.0.1:82-80", tcp),
         "Invalid value for device option \"listen\": End port should be higher than start port"},
        {proxy("tcp:127.0.0.1:x", tcp),
         "Invalid value for device option \"listen\": strconv.ParseInt: parsing \"x\": invalid syntax"},
        {proxy(tcp, "tcp:127.0.0.1:80-81"), "Mismatch between listen port(s) and connect port(s) count"},
        {proxy("tcp:127.0.0.1:80-82", "tcp:127.0.0.1:80-81"),
         "Mismatch between listen port(s) and connect port(s) count"},
        {proxy(tcp, "udp:127.0.0.1:80", {{"proxy_protocol", "true"}}),
         "The PROXY header can only be sent to tcp servers in non-nat mode"},
        {proxy(tcp, tcp, {{"mode", "0600"}}),
         "Only proxy devices for non-abstract unix sockets can carry uid, gid, or mode properties"},
        {proxy("unix:@a", tcp, {{"uid", "1"}}),
         "Only proxy devices for non-abstract unix sockets can carry uid, gid, or mode properties"},
        {proxy(tcp, tcp, {{"bind", "moon"}}),
         "Invalid value for device option \"bind\": Invalid binding side given. Must be \"host\" or \"instance\""},
        {proxy(tcp, tcp, {{"bind", "instance"}, {"nat", "true"}}), "Only host-bound proxies can use NAT"},
        {proxy(tcp, "udp:127.0.0.1:80", {{"nat", "true"}}), "Proxying tcp <-> udp is not supported when using NAT"},
        {proxy("tcp:0.0.0.0:80", tcp, {{"nat", "true"}}),
         "Cannot listen on wildcard address \"0.0.0.0\" when in nat mode"},
        {proxy("tcp:[::1]:80", tcp, {{"nat", "true"}}),
         "Cannot mix IP versions between listen and connect in nat mode"},
        {proxy("udp:127.0.0.1:80", tcp), "Proxying from udp to non-udp protocol is not supported"},
        {proxy("tcp:127.0.0.1:80-82,90", tcp), ""},
        {proxy("unix:/run/a b.sock", "unix:@x", {{"uid", "1"}, {"gid", "2"}, {"mode", "0600"}}), ""},
        {proxy("tcp:[::]:80", "tcp:[::1]:80", {{"bind", "guest"}}), ""},
    };
    for (const auto& [device, text] : table) EXPECT_EQ(refusal_of(device), text);
}

TEST(Proxy, IsStartedOnceTheContainerRuns) {
    FakeDeviceHost on;
    const auto options = proxy("unix:/run/a.sock", "tcp:127.0.0.1:80",
                               {{"mode", "0600"}, {"uid", "1"}, {"security.gid", "7"}, {"proxy_protocol", "true"}});
    const auto start = make_device("web-1/a", options)->start(owner(), on, 0);
    EXPECT_TRUE(on.actions.empty() && start.items.empty());
    start.on_running();
    EXPECT_THAT(on.actions, ElementsAre("proxy c1 /dev/c1/proxy.web--1-a unix:/run/a.sock tcp:127.0.0.1:80 "
                                        "proxy-protocol uid=1 mode=0600 security-gid=7"));
}

TEST(Proxy, EndsWithItsSocket) {
    FakeDeviceHost on;
    make_device("web", proxy("unix:/run/a.sock", "tcp:127.0.0.1:80"))->stopped(owner(), on);
    make_device("web", proxy("unix:/run/a.sock", "tcp:127.0.0.1:80", {{"bind", "instance"}}))->stopped(owner(), on);
    EXPECT_THAT(on.actions, ElementsAre("no-proxy /dev/c1/proxy.web /run/a.sock", "no-proxy /dev/c1/proxy.web "));
}

TEST(Proxy, OneThatHasEndedIsResumed) {
    FakeDeviceHost on;
    const auto device = make_device("web", proxy("tcp:127.0.0.1:80", "tcp:127.0.0.1:80"));
    device->resume(owner(), on);
    device->resume(owner(), on);
    EXPECT_THAT(on.actions, ElementsAre("proxy c1 /dev/c1/proxy.web tcp:127.0.0.1:80 tcp:127.0.0.1:80"));
}

TEST(ProxyNat, ForwardsToAStaticAddressOfTheInstance) {
    FakeDeviceHost on;
    const schema::Device nat = {{"nat", "true"}};
    make_device("web", proxy("tcp:192.0.2.1:80", "tcp:0.0.0.0:8080", nat))->attach(owner(), on);
    EXPECT_THAT(on.actions, ElementsAre("reflect veth9", HasSubstr("rules ")));
    EXPECT_THAT(on.network().rules, HasSubstr("add rule inet lxd prert.c1.web ip daddr 192.0.2.1 tcp dport { 80 } "
                                              "dnat ip to 10.0.0.2:8080\n"));
    EXPECT_EQ(
        refusal_of([&] { make_device("web", proxy("tcp:192.0.2.1:80", "tcp:10.0.0.9:80", nat))->attach(owner(), on); }),
        "Connect IP \"10.0.0.9\" must be one of the instance's static IPv4 addresses");
    EXPECT_EQ(
        refusal_of([&] { make_device("web", proxy("tcp:[2001:db8::1]:80", "tcp:[::]:80", nat))->attach(owner(), on); }),
        "Instance has no static IPv6 address assigned to be used as the connect IP");
}

} // namespace
} // namespace devices
