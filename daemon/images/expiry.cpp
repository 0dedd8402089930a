#include "daemon/images/expiry.h"

#include <chrono>

#include "schema/keys/server.h"
#include "schema/values.h"

namespace images {

namespace {

/// Days; 0 or less: never.
int64_t days_kept(const schema::Config& config) {
    const std::string key = "images.remote_cache_expiry";
    const auto set = config.find(key);
    return schema::parse_integer(set == config.end() ? schema::find_server_key(key)->fallback : set->second)
        .value_or(0);
}

} // namespace

operations::Spec expiry(ImageStore& images, const state::ServerConfig& config, operations::EventsHub& events) {
    operations::Spec spec;
    spec.description = "Cleaning up expired images";
    spec.run = [&images, &config, &events](operations::Operation& operation) {
        constexpr int64_t longest = 100'000; // days; more than the clock's range would overflow
        const auto days = std::min(days_kept(config.get()), longest);
        if (days <= 0) return;
        const auto unused_since = std::chrono::system_clock::now() - std::chrono::hours(24) * days;
        for (const auto& fingerprint : images.remove_expired(unused_since, operation.cancel_token()))
            events.lifecycle("image-deleted", "/1.0/images/" + fingerprint, {}, operation.requestor());
    };
    return spec;
}

} // namespace images
