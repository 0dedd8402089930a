#include "test/unit/storage/driver_contract.h"

#include "schema/error.h"

namespace storage {

namespace {

TEST_P(DriverContract, AVolumeIsThereOnceItIsFilled) {
    driver_->create(image("i"), [&](const std::string&) { EXPECT_FALSE(driver_->exists(image("i"))); });
    EXPECT_TRUE(driver_->exists(image("i")));
    EXPECT_FALSE(driver_->exists(container("i")));
    EXPECT_THAT(driver_->list(VolumeType::image), testing::ElementsAre("i"));
    EXPECT_THAT(driver_->list(VolumeType::container), testing::IsEmpty());
}

TEST_P(DriverContract, AFailedFillLeavesNothing) {
    EXPECT_THROW(driver_->create(image("i"),
                                 [&](const std::string& path) {
                                     fakes::write(path + "/half", "x");
                                     throw schema::failure("disk full");
                                 }),
                 schema::Error);
    EXPECT_FALSE(driver_->exists(image("i")));
    EXPECT_THAT(driver_->list(VolumeType::image), testing::IsEmpty());
}

TEST_P(DriverContract, ACloneHoldsWhatItsSourceHolds) {
    make(image("i"), "original");
    driver_->clone(image("i"), container("c"), {}, {});
    EXPECT_EQ(content(container("c")), "original");
    const auto root = driver_->path(container("c")) + "/rootfs";
    EXPECT_EQ(static_cast<unsigned>(fs::status(root + "/file").permissions()), 04755U);
    EXPECT_EQ(fs::read_symlink(root + "/link"), "/etc/nowhere");
}

TEST_P(DriverContract, AWriteIntoACloneLeavesItsSourceAlone) {
    make(image("i"), "original");
    driver_->clone(image("i"), container("c"), {}, {});
    change(container("c"), "changed");
    EXPECT_EQ(content(image("i")), "original");
    EXPECT_EQ(content(container("c")), "changed");
}

TEST_P(DriverContract, AWriteIntoTheSourceLeavesItsCloneAlone) {
    make(container("a"), "original");
    driver_->clone(container("a"), container("b"), {}, {});
    change(container("a"), "changed");
    EXPECT_EQ(content(container("b")), "original");
}

TEST_P(DriverContract, ACloneOutlivesItsSource) {
    make(image("i"), "original");
    driver_->clone(image("i"), container("c"), {}, {});
    driver_->remove(image("i"));
    EXPECT_EQ(content(container("c")), "original");
}

TEST_P(DriverContract, ACancelledCloneLeavesNothing) {
    make(image("i"));
    base::CancelToken cancel;
    cancel.cancel();
    EXPECT_THROW(driver_->clone(image("i"), container("c"), cancel, {}), schema::Error);
    EXPECT_FALSE(driver_->exists(container("c")));
    EXPECT_THAT(driver_->list(VolumeType::container), testing::IsEmpty());
}

TEST_P(DriverContract, NothingReplacesAVolume) {
    make(container("a"), "first");
    make(container("b"), "second");
    EXPECT_THROW(make(container("a"), "third"), schema::Error);
    EXPECT_THROW(driver_->clone(container("b"), container("a"), {}, {}), schema::Error);
    EXPECT_THROW(driver_->rename(container("b"), "a"), schema::Error);
    EXPECT_EQ(content(container("a")), "first");
    EXPECT_EQ(content(container("b")), "second");
}

TEST_P(DriverContract, ACloneOfAMissingVolumeLeavesNothing) {
    EXPECT_ANY_THROW(driver_->clone(image("missing"), container("c"), {}, {}));
    EXPECT_FALSE(driver_->exists(container("c")));
}

TEST_P(DriverContract, ARenamedVolumeHasItsNewNameAlone) {
    make(container("a"), "text");
    driver_->rename(container("a"), "b");
    EXPECT_FALSE(driver_->exists(container("a")));
    EXPECT_EQ(content(container("b")), "text");
}

TEST_P(DriverContract, ARenameIsDoneByDoingItAgain) {
    make(container("a"), "text");
    driver_->take(snapshot("a", "s"), {}, {});
    driver_->rename(container("a"), "b");
    EXPECT_NO_THROW(driver_->rename(container("a"), "b"));
    EXPECT_EQ(content(container("b")), "text");
    EXPECT_THAT(driver_->snapshots(container("b")), testing::ElementsAre("s"));
    EXPECT_ANY_THROW(driver_->rename(container("a"), "c"));
}

TEST_P(DriverContract, ARemovedVolumeIsGoneAndMayBeRemovedAgain) {
    make(container("a"));
    driver_->mount(container("a"));
    driver_->remove(container("a"));
    EXPECT_FALSE(driver_->exists(container("a")));
    EXPECT_FALSE(fs::exists(driver_->path(container("a"))));
    EXPECT_NO_THROW(driver_->remove(container("a")));
}

TEST_P(DriverContract, ASnapshotKeepsWhatItsVolumeHeld) {
    make(container("a"), "before");
    driver_->take(snapshot("a", "s"), {}, {});
    change(container("a"), "after");
    EXPECT_EQ(content(snapshot("a", "s")), "before");
    EXPECT_EQ(content(container("a")), "after");
    EXPECT_THAT(driver_->list(VolumeType::container), testing::ElementsAre("a"));
    EXPECT_THAT(driver_->snapshots(container("a")), testing::ElementsAre("s"));
    EXPECT_THROW(driver_->take(snapshot("a", "s"), {}, {}), schema::Error);
}

TEST_P(DriverContract, ASnapshotOfAMountedVolumeHasItsLastWrites) {
    make(container("a"), "before");
    driver_->mount(container("a"));
    fakes::write(driver_->path(container("a")) + "/rootfs/file", "after");
    driver_->take(snapshot("a", "s"), {}, {});
    EXPECT_EQ(content(snapshot("a", "s")), "after");
}

TEST_P(DriverContract, ARestoredVolumeHoldsWhatItsSnapshotHolds) {
    make(container("a"), "first");
    driver_->take(snapshot("a", "s"), {}, {});
    change(container("a"), "second");
    driver_->take(snapshot("a", "t"), {}, {});
    driver_->restore(snapshot("a", "s"), {}, {});
    EXPECT_EQ(content(container("a")), "first");
    change(container("a"), "third");
    EXPECT_EQ(content(snapshot("a", "s")), "first");
    driver_->restore(snapshot("a", "t"), {}, {});
    EXPECT_EQ(content(container("a")), "second");
}

TEST_P(DriverContract, ARestoreThatFailsChangesNothing) {
    make(container("a"), "text");
    EXPECT_ANY_THROW(driver_->restore(snapshot("a", "missing"), {}, {}));
    driver_->take(snapshot("a", "s"), {}, {});
    change(container("a"), "later");
    base::CancelToken cancel;
    cancel.cancel();
    EXPECT_ANY_THROW(driver_->restore(snapshot("a", "s"), cancel, {}));
    EXPECT_EQ(content(container("a")), "later");
}

TEST_P(DriverContract, ACloneOfASnapshotIsAVolumeOfItsOwn) {
    make(container("a"), "text");
    driver_->take(snapshot("a", "s"), {}, {});
    driver_->clone(snapshot("a", "s"), container("b"), {}, {});
    driver_->remove(snapshot("a", "s"));
    change(container("b"), "other");
    EXPECT_EQ(content(container("a")), "text");
    EXPECT_EQ(content(container("b")), "other");
    EXPECT_THAT(driver_->snapshots(container("b")), testing::IsEmpty());
}

TEST_P(DriverContract, SnapshotsCanBeMadeBeforeAndAfterTheirVolume) {
    make(container("a"), "first");
    driver_->take(snapshot("a", "s"), {}, {});
    driver_->clone(snapshot("a", "s"), snapshot("b", "s"), {}, {});
    EXPECT_FALSE(driver_->exists(container("b")));
    change(container("a"), "second");
    driver_->clone(container("a"), container("b"), {}, {});
    make(snapshot("b", "t"), "third");
    EXPECT_THAT(driver_->snapshots(container("b")), testing::UnorderedElementsAre("s", "t"));
    EXPECT_EQ(content(container("b")), "second");
    EXPECT_EQ(content(snapshot("b", "s")), "first");
    driver_->unmount(container("b"));
    driver_->restore(snapshot("b", "t"), {}, {});
    EXPECT_EQ(content(container("b")), "third");
    EXPECT_EQ(content(container("a")), "second");
}

TEST_P(DriverContract, SnapshotsGoWithTheirVolumeAndHaveNamesOfTheirOwn) {
    make(container("a"), "text");
    driver_->take(snapshot("a", "s"), {}, {});
    driver_->take(snapshot("a", "t"), {}, {});
    EXPECT_THROW(driver_->rename(snapshot("a", "s"), "t"), schema::Error);
    driver_->rename(snapshot("a", "s"), "u");
    driver_->rename(container("a"), "b");
    EXPECT_THAT(driver_->snapshots(container("b")), testing::UnorderedElementsAre("t", "u"));
    EXPECT_THAT(driver_->snapshots(container("a")), testing::IsEmpty());
    EXPECT_EQ(content(snapshot("b", "u")), "text");
    driver_->remove(snapshot("b", "u"));
    driver_->remove(snapshot("b", "t"));
    EXPECT_NO_THROW(driver_->remove(snapshot("b", "t")));
    EXPECT_THAT(driver_->snapshots(container("b")), testing::IsEmpty());
    EXPECT_EQ(content(container("b")), "text");
}

TEST_P(DriverContract, MountingTwiceIsMountingOnce) {
    make(container("a"), "text");
    driver_->mount_pool();
    driver_->mount(container("a"));
    driver_->mount(container("a"));
    EXPECT_EQ(content(container("a")), "text");
    driver_->unmount(container("a"));
    EXPECT_NO_THROW(driver_->unmount(container("a")));
}

TEST_P(DriverContract, CleaningUpLeavesVolumesAlone) {
    make(container("a"), "text");
    driver_->clean_up();
    EXPECT_EQ(content(container("a")), "text");
}

TEST_P(DriverContract, ADeletedPoolLeavesNoFolder) {
    make(container("a"));
    remove(container("a"));
    driver_->delete_pool();
    EXPECT_FALSE(fs::exists(context_.pool_path));
}

} // namespace

} // namespace storage
