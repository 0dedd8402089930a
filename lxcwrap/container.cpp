#include "lxcwrap/container.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <lxc/lxccontainer.h>

#include "lxcwrap/error.h"

namespace lxcwrap {

namespace {

constexpr std::array<std::string_view, 8> state_names = {"STOPPED",  "STARTING", "RUNNING", "STOPPING",
                                                         "ABORTING", "FREEZING", "FROZEN",  "THAWED"};

} // namespace

Container::Container(const std::string& name, const std::string& lxcpath)
    : container_(lxc_container_new(name.c_str(), lxcpath.c_str())) {
    if (container_ == nullptr) throw error("liblxc made no handle for container \"{}\" in {}", name, lxcpath);
}

Container::Container(Container&& other) noexcept : container_(std::exchange(other.container_, nullptr)) {}

Container& Container::operator=(Container&& other) noexcept {
    std::swap(container_, other.container_);
    return *this;
}

Container::~Container() {
    if (container_ != nullptr) lxc_container_put(container_);
}

void Container::load_config(const std::string& path) {
    container_->clear_config(container_);
    if (!container_->load_config(container_, path.c_str()))
        throw error("Failed to load config file {} for container \"{}\"", path, container_->name);
}

bool Container::set_item(const std::string& key, const std::string& value) {
    return container_->set_config_item(container_, key.c_str(), value.c_str());
}

std::optional<std::string> Container::item(const std::string& key) const {
    const int length = container_->get_config_item(container_, key.c_str(), nullptr, 0);
    if (length <= 0) return std::nullopt;
    std::string text(static_cast<size_t>(length), '\0');
    container_->get_config_item(container_, key.c_str(), text.data(), length + 1);
    return text;
}

std::optional<std::string> Container::running_item(const std::string& key) const {
    char* value = container_->get_running_config_item(container_, key.c_str());
    if (value == nullptr) return std::nullopt;
    std::string text = value;
    std::free(value);
    return text;
}

void Container::ensure_config() {
    container_->set_config_item(container_, "lxc.uts.name", container_->name);
}

State Container::state() const {
    const std::string_view name = container_->state(container_);
    for (size_t index = 0; index < state_names.size(); ++index)
        if (state_names[index] == name) return static_cast<State>(index);
    return State::stopped;
}

std::optional<pid_t> Container::init_pid() const {
    const auto pid = container_->init_pid(container_);
    if (pid <= 0) return std::nullopt;
    return pid;
}

std::optional<int> Container::init_pidfd() const {
    const auto pidfd = container_->init_pidfd(container_);
    if (pidfd < 0) return std::nullopt;
    return pidfd;
}

bool Container::start() {
    container_->want_daemonize(container_, true);
    container_->want_close_all_fds(container_, true);
    return container_->start(container_, 0, nullptr);
}

bool Container::shutdown() {
    return container_->shutdown(container_, 0);
}

bool Container::reboot() {
    return container_->reboot2(container_, 0);
}

bool Container::freeze() {
    ensure_config();
    return container_->freeze(container_);
}

bool Container::unfreeze() {
    ensure_config();
    return container_->unfreeze(container_);
}

bool Container::set_cgroup(const std::string& item, const std::string& value) {
    return container_->set_cgroup_item(container_, item.c_str(), value.c_str());
}

std::optional<std::string> Container::cgroup(const std::string& item) const {
    const auto size = container_->get_cgroup_item(container_, item.c_str(), nullptr, 0);
    if (size < 0) return std::nullopt;
    // Some values grow between the two calls; what does not fit is cut off by liblxc.
    std::string value(static_cast<size_t>(size) + 64, '\0');
    const auto used =
        container_->get_cgroup_item(container_, item.c_str(), value.data(), static_cast<int>(value.size()));
    if (used < 0) return std::nullopt;
    value.resize(std::min(value.size(), static_cast<size_t>(used)));
    while (!value.empty() && (value.back() == '\n' || value.back() == '\0')) value.pop_back();
    return value;
}

bool Container::attach_interface(const std::string& host_name, const std::string& inside) {
    return container_->attach_interface(container_, host_name.c_str(), inside.c_str());
}

bool Container::detach_interface(const std::string& inside, const std::string& host_name) {
    return container_->detach_interface(container_, inside.c_str(), host_name.c_str());
}

} // namespace lxcwrap
