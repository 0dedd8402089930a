#include "client/objects.h"

#include "client/editor.h"
#include "client/images.h"
#include "client/instances.h"
#include "client/settings.h"
#include "client/target.h"
#include "client/yaml_in.h"
#include "client/yaml_out.h"

namespace client {

using schema::Json;

namespace {

constexpr std::string_view instance_heading =
    R"(### This is the configuration as YAML. Lines that begin with '#' are ignored.
###
### It has this form:
### name: instance1
### profiles:
### - default
### config:
###   limits.memory: 1GiB
### devices:
###   homedir:
###     path: /extra
###     source: /home/user
###     type: disk
### ephemeral: false
###
### The name is shown but cannot be changed.)";

constexpr std::string_view profile_heading =
    R"(### This is the profile as YAML. Lines that begin with '#' are ignored.
###
### It has this form:
### name: onenic
### config:
###   limits.memory: 1GiB
### devices:
###   eth0:
###     nictype: bridged
###     parent: br0
###     type: nic
###
### The name is shown but cannot be changed.)";

constexpr std::string_view pool_heading =
    R"(### This is the storage pool as YAML. Lines that begin with '#' are ignored.
###
### It has this form:
### name: default
### driver: btrfs
### used_by: []
### config:
###   size: 30GiB
###   source: /var/lib/lxd/disks/default.img)";

constexpr std::string_view volume_heading =
    R"(### This is the storage volume as YAML. Lines that begin with '#' are ignored.
###
### It has this form:
### name: data
### type: custom
### used_by: []
### config:
###   size: 10GiB)";

constexpr std::string_view image_heading =
    R"(### These are the image's properties as YAML. Lines that begin with '#' are ignored.
###
### Each property is a line:
###  description: My custom image)";

constexpr std::string_view metadata_heading =
    R"(### This is what the instance's image says of itself, as YAML. Lines that begin with '#' are ignored.
###
### It has this form:
### architecture: x86_64
### creation_date: 1477146654
### expiry_date: 0
### properties:
###   description: BusyBox x86_64
###   os: BusyBox
### templates:
###   /etc/hostname:
###     when:
###     - create
###     - copy
###     create_only: false
###     template: hostname.tpl
###     properties: {})";

} // namespace

namespace kinds {

constinit const ObjectKind instance{
    .url = [](const std::string& name) { return instance_url(name); },
    .shown = &shapes::instance_unexpanded,
    .writable = &shapes::instance_put,
    .heading = instance_heading,
    .no_name = "Missing instance name",
    .unset_says_absent = true,
};
constinit const ObjectKind snapshot{
    .url = [](const std::string& name) { return instance_or_snapshot_url(name); },
    .shown = &shapes::snapshot_unexpanded,
    .writable = &shapes::snapshot_put,
    .heading = instance_heading,
    .no_name = "Missing instance name",
};
constinit const ObjectKind profile{
    .url = [](const std::string& name) { return "/1.0/profiles/" + path_escape(name); },
    .shown = &shapes::profile,
    .writable = &shapes::profile_put,
    .heading = profile_heading,
    .no_name = "Missing profile name",
};
constinit const ObjectKind pool{
    .url = [](const std::string& name) { return "/1.0/storage-pools/" + path_escape(name); },
    .shown = &shapes::pool,
    .writable = &shapes::pool_put,
    .heading = pool_heading,
    .no_name = "Missing pool name",
    .get_is_silent = true,
};
constinit const ObjectKind volume{
    .url = [](const std::string& url) { return url; },
    .shown = &shapes::volume,
    .writable = &shapes::volume_put,
    .heading = volume_heading,
    .get_is_silent = true,
};
constinit const ObjectKind volume_snapshot{
    .url = [](const std::string& url) { return url; },
    .shown = &shapes::volume_snapshot,
    .writable = &shapes::volume_snapshot_put,
    .heading = volume_heading,
    .get_is_silent = true,
};
constinit const ObjectKind server{
    .url = [](const std::string&) { return std::string("/1.0"); },
    .shown = &shapes::server_put,
    .writable = &shapes::server_put,
};
constinit const ObjectKind image{
    .url = [](const std::string& fingerprint) { return image_url(fingerprint); },
    .shown = &shapes::image_put,
    .writable = &shapes::image_put,
    .heading = image_heading,
};
constinit const ObjectKind metadata{
    .url = [](const std::string& name) { return instance_url(name) + "/metadata"; },
    .shown = &shapes::metadata,
    .writable = &shapes::metadata,
    .heading = metadata_heading,
    .no_name = "Missing instance name",
};

} // namespace kinds

const ObjectKind& instance_kind(std::string_view name) {
    return is_snapshot(name) ? kinds::snapshot : kinds::instance;
}

Json& Object::load() {
    auto reply = server_.get(kind_->url(name_));
    value_ = std::move(reply.metadata);
    etag_ = std::move(reply.etag);
    return value_;
}

void Object::store() {
    server_.wait(server_.put(kind_->url(name_), shaped(value_, *kind_->writable), etag_));
}

void Object::edit() {
    client::edit({.heading = std::string(kind_->heading),
                  .current = [this] { return yaml(); },
                  .store =
                      [this](const std::string& content) {
                          value_ = parse_yaml(content, *kind_->writable);
                          store();
                      }});
}

std::string Object::yaml() {
    return client::yaml(shaped(load(), *kind_->shown), kind_->shown);
}

Json& Object::config() {
    return object_member(load(), "config");
}

} // namespace client
