#include "daemon/instance/volume_schedule.h"

#include <chrono>

#include "daemon/base/calendar.h"
#include "daemon/instance/snapshot_name.h"
#include "schema/config.h"

namespace instance {

std::vector<operations::Spec> VolumeSchedule::due(schema::Time now) {
    std::vector<operations::Spec> specs;
    if (auto volumes = volumes_due(now); !volumes.empty()) {
        auto& spec = specs.emplace_back();
        spec.description = "Creating storage volume snapshot";
        spec.run = [this, volumes = std::move(volumes)](operations::Operation& operation) {
            log_.info("Creating scheduled volume snapshots");
            for (const auto& volume : volumes) take(volume, operation.cancel_token());
            log_.info("Done creating scheduled volume snapshots");
        };
    }
    if (!volumes_.expired_snapshots(now).empty() && !expiring_->exchange(true)) {
        auto& spec = specs.emplace_back();
        spec.description = "Cleaning up expired volume snapshots";
        spec.run = [this, now, running = expiring_](operations::Operation& operation) {
            const std::shared_ptr<void> done(nullptr, [&](void*) { *running = false; });
            remove_expired(now, operation.cancel_token());
        };
    }
    return specs;
}

std::vector<state::VolumePlace> VolumeSchedule::volumes_due(schema::Time now) {
    std::vector<state::VolumePlace> due;
    const auto minutes = minutes_.since_last(now);
    if (minutes.empty()) return due;
    for (const auto& row : volumes_.rows()) {
        const auto schedule = schedule_of(schema::get(row.config, "snapshots.schedule"), row.id);
        if (!schedule || !is_due_in(*schedule, minutes)) continue;
        if (const state::VolumePlace volume{row.pool, row.name}; !volumes_.daemon_uses(volume)) due.push_back(volume);
    }
    return due;
}

void VolumeSchedule::take(const state::VolumePlace& volume, const base::CancelToken& cancel) const {
    std::string name;
    try {
        const auto now = std::chrono::system_clock::now();
        const auto row = volumes_.row(volume);
        std::vector<std::string> taken;
        for (const auto& snapshot : volumes_.snapshot_rows(volume)) taken.push_back(snapshot.name);
        const auto& pattern = schema::get(row.config, "snapshots.pattern");
        name = next_snapshot_name(pattern.empty() ? "snap%d" : pattern, now, taken);
        storage::check_volume_snapshot_name(name);
        const auto expiry = schema::parse_expiry(schema::get(row.config, "snapshots.expiry"));
        volumes_.take(volume, name, base::expiry_date(now, expiry), cancel, {});
        report("storage-volume-snapshot-created", volume, name);
    } catch (const std::exception& error) {
        log_.error("Error creating volume snapshot",
                   {{"pool", volume.pool}, {"volume", volume.name}, {"snapshot", name}, {"err", error.what()}});
    }
}

void VolumeSchedule::remove_expired(schema::Time now, const base::CancelToken& cancel) const {
    log_.info("Pruning expired custom volume snapshots");
    for (const auto& [volume, name] : volumes_.expired_snapshots(now)) {
        cancel.check();
        try {
            volumes_.remove_snapshot(volume, name);
            report("storage-volume-snapshot-deleted", volume, name);
        } catch (const std::exception& error) {
            log_.error("Failed to delete an expired custom volume snapshot",
                       {{"pool", volume.pool}, {"volume", volume.name}, {"snapshot", name}, {"err", error.what()}});
        }
    }
    log_.info("Done pruning expired custom volume snapshots");
}

void VolumeSchedule::report(const char* action, const state::VolumePlace& volume, const std::string& snapshot) const {
    schema::Json about;
    if (std::string_view(action).ends_with("created")) about.set("type", "custom");
    events_.lifecycle(
        action, fmt::format("/1.0/storage-pools/{}/volumes/custom/{}/snapshots/{}", volume.pool, volume.name, snapshot),
        std::move(about), {});
}

} // namespace instance
