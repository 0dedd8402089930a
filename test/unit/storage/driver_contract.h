#pragma once
// What every driver promises, seen through the interface alone: driver_contract.cpp holds the claims, and each
// executable instantiates them for its drivers.

#include <filesystem>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "daemon/storage/driver.h"
#include "test/fakes/temporary_folder.h"

namespace storage {

namespace fs = std::filesystem;

struct Kind {
    std::string name;
    std::unique_ptr<Driver> (*make)(DriverContext context);
    schema::Config config{}; // of the pool
};

class DriverContract : public testing::TestWithParam<Kind> {
protected:
    void SetUp() override { driver_->create_pool(); }
    void TearDown() override {
        if (!fs::exists(context_.pool_path)) return;
        for (const auto type : {VolumeType::container, VolumeType::image, VolumeType::custom})
            for (const auto& name : driver_->list(type)) remove({type, name});
        driver_->delete_pool();
    }

    /// Some pools only go when they are empty.
    void remove(const VolumeId& volume) {
        for (const auto& name : driver_->snapshots(volume)) driver_->remove({volume.type, volume.name, name});
        driver_->remove(volume);
    }

    static VolumeId container(const std::string& name) { return {VolumeType::container, name}; }
    static VolumeId snapshot(const std::string& of, const std::string& name) {
        return {VolumeType::container, of, name};
    }
    static VolumeId image(const std::string& name) { return {VolumeType::image, name}; }

    void make(const VolumeId& volume, const std::string& text = "text") {
        driver_->create(volume, [&](const std::string& path) {
            fs::create_directory(path + "/rootfs");
            fakes::write(path + "/rootfs/file", text);
            fs::permissions(path + "/rootfs/file", fs::perms(04755));
            fs::create_symlink("/etc/nowhere", path + "/rootfs/link");
        });
    }

    std::string content(const VolumeId& volume) {
        driver_->mount(volume);
        return fakes::read(driver_->path(volume) + "/rootfs/file");
    }

    void change(const VolumeId& volume, const std::string& text) {
        driver_->mount(volume);
        fakes::write(driver_->path(volume) + "/rootfs/file", text);
        driver_->unmount(volume);
    }

    std::string pools() const {
        const auto path = folder_ / "storage-pools";
        fs::create_directories(path);
        return path;
    }

    fakes::TemporaryFolder folder_;
    DriverContext context_{"pool", pools() + "/pool", GetParam().config};
    std::unique_ptr<Driver> driver_ = GetParam().make(context_);
};

} // namespace storage
