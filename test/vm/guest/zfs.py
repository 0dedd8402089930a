"""The driver of pools on ZFS, which test machines' own kernels do not offer."""

from vm.guest.host import keeps, run, scenario

# Only the newest snapshot comes back.
BEYOND = "*ARestoredVolumeHoldsWhatItsSnapshotHolds*"


@scenario
def the_driver_keeps_what_every_driver_promises():
    run("modprobe", "zfs")
    keeps("system-zfs", f"*-{BEYOND}")
